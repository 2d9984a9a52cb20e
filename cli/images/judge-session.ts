import { openGrounds } from './judge-by.ts';
import type { Grounds, Judge } from './judge-by.ts';
import { authorityFor, readHostOptions } from './host-options.ts';
import { openConfiguredRegistries, openRegistries } from './open-registries.ts';
import type { Call } from '../call.ts';
import type { RegistryOptions } from '../commands/registry-options.ts';
import type { RegistryClient } from '../../activities/oci/index.ts';
import type { ImageToJudge } from '../../activities/trust/index.ts';
import { parseReference } from '../../workflows/domain/reference.ts';

/** What judging images needs, opened once for all of them. */
export interface JudgeSession {
  readonly client: RegistryClient;
  /** Everything that a judgement about one image needs. */
  readonly inputFor: (image: string) => ImageToJudge & Grounds;
  readonly close: () => Promise<void>;
}

/** Opens registries and reads what all images are judged by. */
export async function openJudgeSession(call: Call, judge: Judge, options: RegistryOptions): Promise<JudgeSession> {
  const groundsFor = await openGrounds(judge);
  const client = await openClient(call, judge, options);
  const hosts = await readHostOptions(options, call.terminal);
  return {
    client,
    inputFor: (image) => {
      const reference = parseReference(image);
      const { terminal } = call;
      const grounds = groundsFor(reference);
      const { lookasideBase: base } = grounds;
      const ca = authorityFor(hosts, (typeof base === 'string' ? base : base(reference)) ?? '');
      const now = new Date(terminal.now());
      return { client, reference, now, signal: terminal.signal, ...grounds, ...(ca !== undefined && { ca }) };
    },
    close: () => client.close(),
  };
}

async function openClient(call: Call, judge: Judge, options: RegistryOptions): Promise<RegistryClient> {
  if (judge.by !== 'configuration') return await openRegistries(options, call.terminal);
  return await openConfiguredRegistries(judge.configuration, options, call.terminal);
}
