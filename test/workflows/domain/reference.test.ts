import { describe, expect, it } from 'vitest';
import {
  formatReference,
  nameUnder,
  parseReference,
  parseRegistryPrefix,
  prefixesOverlap,
  repositoryUnder,
} from '../../../workflows/domain/reference.ts';

const HEX = 'a'.repeat(64);

describe('parseReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox'],
    ['busybox:1', 'docker.io/library/busybox:1'],
    ['acme/web', 'docker.io/acme/web'],
    ['index.docker.io/busybox', 'docker.io/library/busybox'],
    ['localhost/web', 'localhost/web'],
    ['localhost:5000/web:v1', 'localhost:5000/web:v1'],
    ['localhost:5000', 'docker.io/library/localhost:5000'],
    ['Registry.Example.com/acme/web', 'Registry.Example.com/acme/web'],
    [`r.example.com/a/b:t@sha256:${HEX}`, `r.example.com/a/b:t@sha256:${HEX}`],
    ['r.example.com/a__b/c--d.e', 'r.example.com/a__b/c--d.e'],
    // What looks like a host and cannot be one is a name to readers, which no registry has.
    ['my_registry.example.com/a:1', 'my_registry.example.com/a:1'],
    [`index.docker.io/x/${'a'.repeat(243)}:${'t'.repeat(128)}`, `docker.io/x/${'a'.repeat(243)}:${'t'.repeat(128)}`],
    [`r.example.com/a@sha512:${'b'.repeat(128)}`, `r.example.com/a@sha512:${'b'.repeat(128)}`],
  ])('expands %s to %s', (text, expected) => {
    expect(formatReference(parseReference(text))).toBe(expected);
  });

  it.each([
    '',
    HEX,
    'Busybox',
    'r.example.com/Web',
    'a//b',
    '/a',
    'a/',
    'a:',
    'a@',
    `a@sha256:${'A'.repeat(64)}`,
    `a@sha256:${HEX}0`,
    'a@md5:d41d8cd98f00b204e9800998ecf8427e',
    'r.example.com/a___b',
    'r.example.com/a..b',
    'r.example.com/-a',
    'r.example.com/a-',
    'r.example.com:port/a',
    '-r.example.com/a',
    'r..example.com/a',
    '[::1]:5000/a',
    'a:-tag',
    `a:${'t'.repeat(129)}`,
    'a b',
    'a\n',
    'a:b:c',
    `r.example.com/${'a'.repeat(250)}`,
    'r.example.com/../a',
    'r.example.com/%2e%2e/a',
    'https://r.example.com/a',
    'r.example.com/a?b',
  ])('refuses %j and names the way out', (text) => {
    expect(() => parseReference(text)).toThrow(/invalid reference .*expected HOST\/NAME/);
  });

  it('decides on hostile names in linear time', () => {
    const started = performance.now();
    for (let length = 20; length <= 250; length += 10) {
      expect(() => parseReference(`r.example.com/${'a'.repeat(length)}!`)).toThrow();
      expect(() => parseReference(`${'a-'.repeat(length)}!/x.`)).toThrow();
    }
    expect(performance.now() - started).toBeLessThan(500);
  });
});

describe('registry prefixes', () => {
  it('accept a bare host and a namespace, and nothing with tag, digest or trailing slash', () => {
    expect(parseRegistryPrefix('localhost:5000')).toEqual({ domain: 'localhost:5000', path: '' });
    expect(parseRegistryPrefix('r.example.com/acme')).toEqual({ domain: 'r.example.com', path: 'acme' });
    for (const bad of ['r.example.com/', 'r.example.com/Acme', 'r.example.com/a:1', '', 'https://r.example.com']) {
      expect(() => parseRegistryPrefix(bad)).toThrow(/invalid reference/);
    }
  });

  it('compose and take apart repositories', () => {
    expect(repositoryUnder('r.example.com/acme', 'shop/web')).toEqual({
      domain: 'r.example.com',
      path: 'acme/shop/web',
    });
    expect(repositoryUnder('r.example.com', 'web')).toEqual({ domain: 'r.example.com', path: 'web' });
    expect(() => repositoryUnder('r.example.com/acme', '../other')).toThrow();
    expect(nameUnder('r.example.com/acme', { domain: 'r.example.com', path: 'acme/shop/web' })).toBe('shop/web');
    expect(nameUnder('r.example.com/acme', { domain: 'r.example.com', path: 'acmeshop/web' })).toBeUndefined();
  });

  it('overlap when equal or nested, not when they merely begin alike', () => {
    expect(prefixesOverlap('r/a', 'r/a')).toBe(true);
    expect(prefixesOverlap('r/a', 'r/a/b')).toBe(true);
    expect(prefixesOverlap('r/a/b', 'r/a')).toBe(true);
    expect(prefixesOverlap('r/a', 'r/ab')).toBe(false);
  });
});
