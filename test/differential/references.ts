import { scopesOf, withDefaultTag } from '../../activities/trust/index.ts';
import { InvalidReferenceError, formatReference, parseReference } from '../../workflows/domain/reference.ts';
import { REFERENCE_EDGES, randomReference } from './reference-texts.ts';
import type { Subject, Verdict } from './subject.ts';

interface Case {
  readonly text: string;
  /** Whether only the grammar is asked, or what the registry transport makes of it. */
  readonly kind: 'reference' | 'scopes';
}

/** Whether text is a reference, what it is expanded to, and which scopes a policy has for it. */
export const references: Subject<Case> = {
  name: 'references',
  weight: 8,
  exceptions: {
    'unknown-digest': 'with this suffix programs name an image that they write; no image can be pulled by it',
  },
  generate(random, index) {
    const edges = REFERENCE_EDGES.length;
    const text = index < 2 * edges ? (REFERENCE_EDGES[index % edges] ?? '') : randomReference(random);
    return { text, kind: index < edges || (index >= 2 * edges && random.oneIn(2)) ? 'reference' : 'scopes' };
  },
  ours: ({ text, kind }) => Promise.resolve(judge(text, kind)),
  question: ({ text, kind }) => ({ kind, text: Buffer.from(text).toString('base64') }),
  excuse: ({ text }) => (text.endsWith('@@unknown-digest@@') ? 'unknown-digest' : undefined),
  compare(ours, judges) {
    const [one, other] = [JSON.stringify(ours), JSON.stringify(judges)];
    return one === other ? undefined : `ours ${one}, the judge's ${other}`;
  },
  describe: ({ text, kind }) => `${kind} of ${JSON.stringify(text)}`,
};

function judge(text: string, kind: Case['kind']): Verdict {
  try {
    const parsed = parseReference(text);
    const { domain, path, tag = '', digest = '' } = parsed;
    if (kind === 'reference') {
      return { accepted: true, result: { text: formatReference(parsed), domain, path, tag, digest } };
    }
    const completed = withDefaultTag(parsed);
    if (completed.tag !== undefined && completed.digest !== undefined) {
      return { accepted: false, reason: 'tag and digest', message: 'no reader asks for both' };
    }
    return { accepted: true, result: { reference: formatReference(completed), scopes: scopesOf(completed) } };
  } catch (error) {
    if (!(error instanceof InvalidReferenceError)) throw error;
    return { accepted: false, reason: error.code, message: error.message };
  }
}
