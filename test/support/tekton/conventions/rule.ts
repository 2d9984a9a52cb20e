/** What a convention is, and what several of them look at. */
import type { Entry, Step } from '../library.ts';

/** One convention; it answers with what is wrong, each as half a sentence. */
export interface Rule {
  readonly name: string;
  readonly check: (entry: Entry, library: readonly Entry[]) => readonly string[];
}

/** The steps of a Task; a StepAction is one itself. */
export function stepsOf({ resource }: Entry): readonly Step[] {
  if (resource.kind === 'StepAction')
    return [{ name: resource.metadata.name, ...(resource.spec as Omit<Step, 'name'>) }];
  return resource.spec.steps ?? [];
}

/** Every variable of this kind that a text refers to: `$(params.NAME…)`. */
export function referencesTo(kind: string, text: string): ReadonlySet<string> {
  const found = text.matchAll(new RegExp(`\\$\\(${kind}\\.([A-Za-z0-9_-]+)`, 'g'));
  return new Set([...found].map(([, name]) => name!));
}

/** Problems of each named thing that fails. */
export function failing<T extends { readonly name: string }>(
  things: readonly T[] | undefined,
  problem: (thing: T) => string | undefined,
): readonly string[] {
  return (things ?? []).flatMap((thing) => {
    const said = problem(thing);
    return said === undefined ? [] : [`${thing.name}: ${said}`];
  });
}
