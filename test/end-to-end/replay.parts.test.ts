/** A promotion that was terminated leaves nothing that `replay` or `tidy` cannot mend. */
import { describe, expect, it } from 'vitest';
import { runCommand } from '../support/command.ts';
import * as promote from './promote.ts';

const { SMALL, approve, proposalsIn, publicationsOf, start, tagIn } = promote;
const site = promote.useSite({ gates: { qa: 'none' } });

/** Ends the run behind the workflow's back, as an operator of Temporal can: no clean-up runs. */
async function terminate(id: string): Promise<void> {
  const { program, address } = site.current.temporal;
  const args = ['workflow', 'terminate', '--address', address, '--workflow-id', id, '--reason', 'by hand'];
  expect((await runCommand(program, args)).code).toBe(0);
}

describe('a promotion that was terminated while it waited', () => {
  it('is replayed under the same id with its first start, asks again, and publishes once', async () => {
    const here = site.current;
    const image = await here.push('replayed', '1', SMALL);
    const { id } = await start(here, 'replayed:1', 'prod');
    const { started, run } = await promote.untilAsked(here, id);
    await terminate(id);
    const again = await here.run('replay', 'replayed:1', '--output', 'json');
    expect(again.code).toBe(0);
    const asked = await promote.untilAsked(here, id);
    expect(asked.started).toBe(started);
    expect(asked.run).not.toBe(run);
    expect(asked.environments.map(({ stood }) => stood)).toEqual([true, true, false]);
    expect(await proposalsIn(here, 'prod')).toHaveLength(1);
    await approve(here, id);
    await promote.untilReleased(here, id);
    expect(await tagIn(here, 'prod', 'replayed:1')).toBe(image.digest);
    expect(await publicationsOf(here, 'prod', 'replayed')).toHaveLength(1);
    expect(await proposalsIn(here, 'prod')).toEqual([]);
  });

  it('leaves a proposal that tidy names and deletes, and none of a promotion that runs', async () => {
    const here = site.current;
    await here.push('running', '1', SMALL);
    await here.push('left', '1', SMALL);
    const [running, left] = [await start(here, 'running:1', 'prod'), await start(here, 'left:1', 'prod')];
    await Promise.all([promote.untilAsked(here, running.id), promote.untilAsked(here, left.id)]);
    await terminate(left.id);
    expect(await proposalsIn(here, 'prod')).toHaveLength(2);
    const dry = await here.run('tidy', '--environment', 'prod', '--dry-run');
    expect(dry.stdout + dry.stderr).toContain('left:1');
    expect(dry.stdout + dry.stderr).not.toContain('running:1');
    expect(await proposalsIn(here, 'prod')).toHaveLength(2);
    expect((await here.run('tidy', '--environment', 'prod', '--yes')).code).toBe(0);
    expect(await proposalsIn(here, 'prod')).toHaveLength(1);
    await approve(here, running.id);
    await promote.untilReleased(here, running.id);
  });
});
