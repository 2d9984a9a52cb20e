import { readEdges } from './edges/read-edges.ts';
import type { Random } from './random.ts';
import { damaged } from './reference-texts.ts';
import { yamlSoup } from './yaml-soup.ts';

/** What stores are asked for: every way to be found. */
export const STORE_REFERENCES: readonly string[] = [
  'r.example.com:5000/acme/web:1',
  'r.example.com:5000/acme/web:2',
  'r.example.com/acme/web:1',
  'r.example.com/acme/api',
  `r.example.com/acme/web@sha256:${'0123456789abcdef'.repeat(4)}`,
  'other.example.com/x/y/z:1',
  'busybox',
  'localhost/a:1',
];

interface Edges {
  readonly scopes: readonly string[];
  readonly keys: readonly string[];
  readonly urls: readonly string[];
  readonly flags: readonly string[];
  readonly files: readonly Readonly<Record<string, string | Buffer>>[];
}

const { scopes: SCOPES, keys: KEYS, urls: URLS, flags: FLAGS, files } = readEdges('registries-d') as Edges;

/** What a rule of registries.d, or of YAML, turns on. */
export const FILE_EDGES: readonly Readonly<Record<string, Buffer>>[] = files.map((contents) =>
  Object.fromEntries(Object.entries(contents).map(([name, content]) => [name, Buffer.from(content)])),
);

/** One to three files, mostly right, with the oddities of YAML in them; or a mess. */
export function randomFiles(random: Random): Record<string, Buffer> {
  if (random.oneIn(4)) return { 'a.yaml': Buffer.from(yamlSoup(random)) };
  const files: Record<string, Buffer> = {};
  const odd = random.pick([0, 0, 30, 8]);
  for (let index = 1 + random.below(3); index > 0; index--) {
    const content = random.oneIn(3) ? flowFile(random, odd) : blockFile(random, odd);
    const name = random.oneIn(20)
      ? random.pick(['x.yml', 'sub/x.yaml', '.yaml', 'x.yaml~'])
      : `${'abc'[index - 1] ?? 'd'}.yaml`;
    files[name] = Buffer.from(random.oneIn(6) ? damagedYaml(random, content) : content);
  }
  return files;
}

function damagedYaml(random: Random, content: string): string {
  if (random.oneIn(2)) return damaged(random, content);
  const at = random.below(content.length + 1);
  const inserted = random.pick([
    '\t',
    '\n',
    ' ',
    '  ',
    '#',
    ' #',
    ':',
    ': ',
    '- ',
    '? ',
    '"',
    "'",
    '{',
    '}',
    '[',
    ']',
    ',',
    '&a ',
    '*a',
    '!',
    '!!str ',
    '|',
    '>',
    '%',
    '@',
    '\\',
    '\r',
    '---\n',
    '\n...\n',
    '\u0085',
    '<<: ',
    '~',
  ]);
  return `${content.slice(0, at)}${inserted}${content.slice(random.oneIn(2) ? at : at + 1)}`;
}

function blockFile(random: Random, odd: number): string {
  const lines: string[] = random.oneIn(6) ? ['---'] : [];
  if (random.oneIn(4)) lines.push('x-store: &store', `  lookaside: ${random.pick(URLS.slice(0, 5))}`);
  if (random.oneIn(3)) lines.push('default-docker:', ...sectionLines(random, odd, '  '));
  lines.push(random.oneIn(10) ? '"docker":' : 'docker:');
  for (const scope of random.shuffled(SCOPES.slice(0, odd > 0 ? SCOPES.length : 12)).slice(0, random.below(5))) {
    if (random.oneIn(5)) lines.push(`  # about ${scope}`, '');
    lines.push(`  ${scope}:`, ...sectionLines(random, odd, random.oneIn(8) ? '   ' : '    '));
  }
  return `${lines.join(random.oneIn(10) ? '\r\n' : '\n')}${random.oneIn(5) ? '' : '\n'}`;
}

function sectionLines(random: Random, odd: number, indent: string): string[] {
  const keys = random.shuffled(KEYS.slice(0, odd > 0 ? KEYS.length : 6)).slice(0, 1 + random.below(3));
  return keys.map((key) => `${indent}${key}: ${valueOf(random, odd, key)}${random.oneIn(8) ? ' # why' : ''}`);
}

function flowFile(random: Random, odd: number): string {
  const section = (): string =>
    `{${random
      .shuffled(KEYS.slice(0, 5))
      .slice(0, random.below(3))
      .map((key) => `${key}: ${valueOf(random, odd, key)}`)
      .join(', ')}}`;
  const scopes = random.shuffled(SCOPES.slice(0, 12)).slice(0, random.below(4));
  const members = scopes.map(
    (scope) => `${random.oneIn(2) && !scope.startsWith('"') ? JSON.stringify(scope) : scope}: ${section()}`,
  );
  const fallback = random.oneIn(3) ? `default-docker: ${section()}\n` : '';
  return `${fallback}docker: {${members.join(random.oneIn(4) ? ',\n  ' : ', ')}}\n`;
}

function valueOf(random: Random, odd: number, key: string): string {
  const isFlag = key.startsWith('use-');
  const values = isFlag ? FLAGS : URLS;
  return random.pick(odd > 0 && random.oneIn(odd) ? values : values.slice(0, isFlag ? 10 : 5));
}
