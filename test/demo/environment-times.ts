import type { PromotionView } from '../../cli/promotions/view.ts';

interface Times {
  readonly began: number;
  decidingSince: number | undefined;
  waited: number;
  ended: number | undefined;
}

/** How long a promotion was in each environment, and how long of it people were waited for; in milliseconds. */
export class EnvironmentTimes {
  readonly #times = new Map<string, Times>();

  /** Takes a reading at the time at which it arrived. */
  add(view: PromotionView, now: number): void {
    for (const { environment, phase } of view.environments) {
      if (phase === 'pending') continue;
      const times = this.#times.get(environment) ?? {
        began: now,
        decidingSince: undefined,
        waited: 0,
        ended: undefined,
      };
      this.#times.set(environment, times);
      if (phase === 'deciding') times.decidingSince ??= now;
      else if (times.decidingSince !== undefined) {
        times.waited += now - times.decidingSince;
        times.decidingSince = undefined;
      }
      if (phase === 'passed' || phase === 'stopped') times.ended ??= now;
    }
  }

  /** Undefined for an environment that was never reached. */
  of(environment: string, now: number): { readonly total: number; readonly waited: number } | undefined {
    const times = this.#times.get(environment);
    if (times === undefined) return undefined;
    const { began, ended = now, waited, decidingSince } = times;
    return { total: ended - began, waited: waited + (decidingSince === undefined ? 0 : ended - decidingSince) };
  }
}
