import { z } from 'zod';

import type { ConfigurationPath } from './problem.ts';

type Section = z.ZodObject;

/** The section of the schema at a path of the file, or undefined where there is none. */
export function sectionAt(schema: unknown, path: ConfigurationPath): Section | undefined {
  let current = unwrap(schema);
  for (const step of path) {
    if (current instanceof z.ZodObject) current = unwrap(current.shape[step]);
    else if (current instanceof z.ZodRecord) current = unwrap(current.valueType);
    else return undefined;
  }
  return current instanceof z.ZodObject ? current : undefined;
}

/** Where in the file a key may stand: `environments.*.signatures`, the root being an empty text. */
export function sectionsWithKey(schema: unknown, key: string, path = ''): readonly string[] {
  const current = unwrap(schema);
  if (current instanceof z.ZodRecord) return sectionsWithKey(current.valueType, key, join(path, '*'));
  if (!(current instanceof z.ZodObject)) return [];
  const shape = current.shape;
  const below = Object.keys(shape).flatMap((name) => sectionsWithKey(shape[name], key, join(path, name)));
  return Object.hasOwn(shape, key) ? [path, ...below] : below;
}

function join(path: string, step: string): string {
  return path === '' ? step : `${path}.${step}`;
}

/** Leaves defaults and options aside; of `none` or a section, takes the section. */
function unwrap(schema: unknown): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return unwrap(schema.unwrap());
  }
  if (schema instanceof z.ZodUnion) return schema.options.map(unwrap).find((option) => option instanceof z.ZodObject);
  return schema;
}
