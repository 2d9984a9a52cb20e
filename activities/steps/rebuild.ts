import { createHash } from 'node:crypto';
import type { EnvironmentActivities } from '../../workflows/domain/steps.ts';
import type { EnvironmentContext, StepCall } from './context.ts';
import { keepSignatures } from './release.ts';

type Input<Name extends keyof EnvironmentActivities> = Parameters<EnvironmentActivities[Name]>[0];

/**
 * `triggerRebuild`: has the signature server take up the served branch as it is now, which holds the commits of all who
 * asked. What an earlier attempt has begun is followed, not begun again.
 */
export async function triggerRebuild(
  context: EnvironmentContext,
  { request }: Input<'triggerRebuild'>,
  call: StepCall,
): ReturnType<EnvironmentActivities['triggerRebuild']> {
  const after = await context.store.head(call);
  return await trigger(context, { after, asked: request }, call);
}

/** `rebuild`: gives the signatures to the registry and triggers, for one promotion alone. */
export async function rebuild(context: EnvironmentContext, input: Input<'rebuild'>, call: StepCall): Promise<void> {
  const { record, commit } = input;
  await keepSignatures(context, input, call);
  await trigger(
    context,
    { after: commit, asked: `${record.promotion} ${record.run} ${commit} ${call.scheduledAt ?? ''}` },
    call,
  );
}

async function trigger(
  context: EnvironmentContext,
  { after, asked }: { readonly after: string; readonly asked: string },
  call: StepCall,
): ReturnType<EnvironmentActivities['triggerRebuild']> {
  const { url, branch } = context.repository;
  // The same for every attempt, so that a receiver can tell a repeated delivery from a new one.
  const delivery = createHash('sha256').update(asked).digest('hex').slice(0, 32);
  const before = '0'.repeat(after.length);
  const push = { repositoryUrl: url, branch, before, after };
  const at = call.scheduledAt === undefined ? {} : { requestedAt: call.scheduledAt };
  return await context.rebuild.trigger({ ...push, delivery, ...at }, call);
}
