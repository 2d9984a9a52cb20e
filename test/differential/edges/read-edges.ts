import { readFileSync } from 'node:fs';

/** What was thought of by hand, as one list or as several by name; bytes that are no text stand there in base64. */
export function readEdges(name: string): unknown {
  const text = readFileSync(new URL(`${name}.json`, import.meta.url), 'utf8');
  return JSON.parse(text, (_, value: unknown) =>
    typeof value === 'object' && value !== null && 'base64' in value
      ? Buffer.from(value.base64 as string, 'base64')
      : value,
  );
}
