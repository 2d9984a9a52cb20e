import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { describe, expect, it } from 'vitest';

import { configurationSchemaJson } from '../../worker/configuration/index.ts';

const FILE = fileURLToPath(new URL('../../worker/configuration/countersign.schema.json', import.meta.url));

interface Schema {
  readonly required?: readonly string[];
  readonly additionalProperties?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly anyOf?: readonly Schema[];
  readonly items?: Schema;
  readonly description?: string;
  readonly propertyNames?: { readonly pattern?: string };
  readonly minProperties?: number;
  readonly default?: unknown;
}

const schema = JSON.parse(configurationSchemaJson()) as Schema;
const environment = schema.properties!['environments']!.additionalProperties as Schema;

/** Every section of the schema, with its path. */
function sectionsOf(part: Schema, path = ''): { readonly path: string; readonly part: Schema }[] {
  const inner = Object.entries(part.properties ?? {}).flatMap(([key, value]) => sectionsOf(value, `${path}.${key}`));
  const rest = [...(part.anyOf ?? []), part.items, part.additionalProperties]
    .filter((other): other is Schema => typeof other === 'object' && other !== null)
    .flatMap((other) => sectionsOf(other, `${path}.*`));
  return [...(part.properties === undefined ? [] : [{ path, part }]), ...inner, ...rest];
}

describe('configurationSchemaJson', () => {
  // After a change of the schema: npx vitest run --project unit test/worker/configuration-schema.test.ts --update
  it('is what stands in countersign.schema.json', async () => {
    expect(readFileSync(FILE, 'utf8')).not.toBe('');
    await expect(configurationSchemaJson()).toMatchFileSnapshot(FILE);
  });

  it('allows no unknown key in any section', () => {
    const sections = sectionsOf(schema);
    expect(sections.length).toBeGreaterThan(12);
    for (const { path, part } of sections) expect([path, part.additionalProperties]).toEqual([path, false]);
  });

  it('describes every key', () => {
    for (const { path, part } of sectionsOf(schema)) {
      for (const [key, value] of Object.entries(part.properties ?? {})) {
        expect([`${path}.${key}`, value.description]).toEqual([`${path}.${key}`, expect.stringMatching(/\w/)]);
      }
    }
  });

  it('requires what has no default, and only that', () => {
    expect(schema.required).toEqual(['route', 'environments']);
    expect(environment.required).toEqual(['registry', 'signatures', 'gate', 'rebuild']);
    expect(environment.properties?.['signatures']?.required).toEqual(['publicKeys', 'repository', 'servedAt']);
    const gate = environment.properties?.['gate']?.anyOf?.find(({ properties }) => properties !== undefined);
    expect(gate?.required).toEqual(['approvers', 'identity']);
    expect(gate?.properties?.['deadline']?.default).toBe('30 days');
  });

  it('bounds the names of environments', () => {
    const names = new RegExp(schema.properties?.['environments']?.propertyNames?.pattern ?? '');
    expect(['dev', 'a', 'a-1', 'x'.repeat(32)].every((name) => names.test(name))).toBe(true);
    expect(['', '-a', 'a-', 'A', 'a_b', 'x'.repeat(33), 'a/b'].some((name) => names.test(name))).toBe(false);
  });
});
