import { describe, expect, it } from 'vitest';
import type { PromotionView } from '../../cli/promotions/view.ts';
import { EnvironmentTimes } from './environment-times.ts';

function view(phases: Readonly<Record<string, string>>): PromotionView {
  const environments = Object.entries(phases).map(([environment, phase]) => ({ environment, phase }));
  return { environments } as unknown as PromotionView;
}

describe('EnvironmentTimes', () => {
  it('tells how long an environment took, and how long of it people were waited for', () => {
    const times = new EnvironmentTimes();
    times.add(view({ qa: 'running', prod: 'pending' }), 1_000);
    times.add(view({ qa: 'deciding', prod: 'pending' }), 3_000);
    times.add(view({ qa: 'running', prod: 'pending' }), 7_000);
    times.add(view({ qa: 'passed', prod: 'running' }), 8_000);
    times.add(view({ qa: 'passed', prod: 'running' }), 9_000);
    expect(times.of('qa', 20_000)).toEqual({ total: 7_000, waited: 4_000 });
    expect(times.of('prod', 20_000)).toEqual({ total: 12_000, waited: 0 });
  });

  it('counts what still runs up to now', () => {
    const times = new EnvironmentTimes();
    times.add(view({ qa: 'deciding' }), 1_000);
    expect(times.of('qa', 5_000)).toEqual({ total: 4_000, waited: 4_000 });
  });

  it('knows nothing of an environment that was not reached', () => {
    const times = new EnvironmentTimes();
    times.add(view({ prod: 'pending' }), 1_000);
    expect(times.of('prod', 5_000)).toBeUndefined();
  });
});
