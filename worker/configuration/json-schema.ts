import { z } from 'zod';

import { configurationSchema } from './schema.ts';
import { ENVIRONMENT_NAME } from './values.ts';

const LINE_WIDTH = 120;

/**
 * JSON Schema (2020-12) of the configuration file, for editors: the text of `countersign.schema.json`, laid out as the
 * formatter leaves it. It knows less than the reader does: relations between values are only judged there.
 */
export function configurationSchemaJson(): string {
  const schema = z.toJSONSchema(configurationSchema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema === (configurationSchema.shape.environments as unknown)) {
        jsonSchema.propertyNames = { pattern: ENVIRONMENT_NAME.source };
        jsonSchema.minProperties = 1;
      }
    },
  });
  const { $schema, ...rest } = schema;
  return `${print({ $schema, title: 'countersign.yaml', ...rest }, 0)}\n`;
}

/** Lists go on one line where they fit, sections never do. */
function print(value: unknown, indent: number): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const inner = ' '.repeat(indent + 2);
  const outer = ' '.repeat(indent);
  if (Array.isArray(value)) {
    const line = `[${value.map((item) => JSON.stringify(item)).join(', ')}]`;
    const plain = value.every((item) => typeof item !== 'object');
    if (plain && indent + line.length < LINE_WIDTH - 40) return line;
    return `[\n${value.map((item) => inner + print(item, indent + 2)).join(',\n')}\n${outer}]`;
  }
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  if (entries.length === 0) return '{}';
  const members = entries.map(([key, member]) => `${inner}${JSON.stringify(key)}: ${print(member, indent + 2)}`);
  return `{\n${members.join(',\n')}\n${outer}}`;
}
