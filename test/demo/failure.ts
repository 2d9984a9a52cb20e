import type { Site } from '../support/site.ts';
import { StuckError } from './follow-promotion.ts';
import { lastLines } from './watch-parts.ts';

const ANSWER_WITHIN_MS = 2_000;

/** What went wrong, and the last lines of the processes that have to do with it. */
export async function describeFailure(error: unknown, site: Site | undefined): Promise<string> {
  const message = error instanceof Error ? error.message : String(error);
  const parts = site === undefined ? [] : [...workersOf(error, site), ...(await silentRegistries(site))];
  return [message, ...parts].join('\n');
}

function workersOf(error: unknown, { workers }: Site): readonly string[] {
  if (!(error instanceof StuckError)) return [];
  return [error.environment, 'orchestrator'].flatMap((name) => {
    const worker = workers.get(name);
    return worker === undefined ? [] : [`last lines of ${worker.name}:\n${lastLines(worker.output())}`];
  });
}

/** A registry that is gone is seen only by those who ask it. */
async function silentRegistries({ environments }: Site): Promise<readonly string[]> {
  const asked = environments.map(async ({ name, registry }) => {
    try {
      await fetch(`http://${registry.host}/v2/`, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
      return [];
    } catch {
      return [`the registry of ${name} does not answer, its last lines:\n${lastLines(registry.output())}`];
    }
  });
  return (await Promise.all(asked)).flat();
}
