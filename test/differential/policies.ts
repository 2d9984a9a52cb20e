import { checkPolicy } from '../../activities/trust/index.ts';
import { POLICY_EDGES, identityText, listText, policyText, requirementText } from './policy-texts.ts';
import type { Random } from './random.ts';
import { damaged } from './reference-texts.ts';
import type { Subject } from './subject.ts';

interface Case {
  readonly bytes: Buffer;
  readonly how: string;
}

/** Whether a policy.json is one. */
export const policies: Subject<Case> = {
  name: 'policies',
  weight: 8,
  generate(random, index) {
    const edge = POLICY_EDGES[index];
    if (edge !== undefined) return { bytes: Buffer.from(edge), how: 'edge' };
    return { bytes: generatePolicy(random), how: 'generated' };
  },
  ours: ({ bytes }) => {
    const { policy, problems } = checkPolicy(bytes);
    const [first] = problems;
    if ((policy === undefined) !== problems.length > 0) throw new Error('a policy and problems, or neither');
    return Promise.resolve(
      policy === undefined
        ? {
            accepted: false,
            reason: 'configuration-invalid',
            message: `${first?.place ?? ''}: ${first?.message ?? ''}`,
          }
        : { accepted: true },
    );
  },
  question: ({ bytes }) => ({ kind: 'policy', policy: bytes.toString('base64') }),
  describe: ({ bytes, how }) => `${how} ${JSON.stringify(bytes.toString('latin1'))}`,
};

/** Mostly a policy, with at most a few things wrong with it; sometimes with a byte changed. */
function generatePolicy(random: Random): Buffer {
  const wrong = random.pick([0, 0, 0, 40, 15, 6]);
  const kind = random.below(6);
  const inDefault = (requirement: string): string => `{"default":[${requirement}]}`;
  const identity = (text: string): string =>
    inDefault(`{"type":"signedBy","keyType":"GPGKeys","keyPath":"/k","signedIdentity":${text}}`);
  const text =
    kind < 2
      ? policyText(random, wrong)
      : kind < 4
        ? inDefault(requirementText(random, wrong))
        : kind < 5
          ? identity(identityText(random, wrong))
          : `{"default":${listText(random, wrong)}}`;
  if (random.oneIn(12)) return Buffer.from(damaged(random, text));
  const bytes = Buffer.from(text);
  if (random.oneIn(30)) bytes[random.below(bytes.length)] = random.below(256);
  return bytes;
}
