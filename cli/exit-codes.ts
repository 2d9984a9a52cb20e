/** How the command ends; a public contract, shown by `countersign help exit-codes`. */
export const EXIT = {
  success: 0,
  failure: 1,
  usage: 2,
  rejected: 3,
  expired: 4,
  stalled: 5,
  superseded: 6,
  aborted: 7,
  abortedAfterPublish: 8,
  unfinished: 9,
  notFound: 10,
  refused: 11,
  unjudged: 12,
  unreachable: 13,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The meaning of every exit code, for people. */
export const EXIT_MEANINGS: Readonly<Record<keyof typeof EXIT, string>> = {
  success: 'done: released, or promoted already; for status and list also a promotion that is under way',
  failure:
    'failed: the promotion failed, was terminated or cancelled; the check said no (verify, verify-signature, trust, doctor, keys check; reference compare: not the same); of several inputs those that failed have different codes; an unexpected error',
  usage: 'bad usage, configuration, secret file or reference; nothing was done',
  rejected: 'the promotion was rejected by an approver',
  expired: "a gate's deadline passed without enough approvals",
  stalled: 'the promotion is stalled or blocked and waits for an operator',
  superseded: 'a promotion that was started later has overtaken this one',
  aborted: 'the promotion was aborted before anything was published',
  abortedAfterPublish: 'the promotion was aborted, and its signature is published already',
  unfinished:
    'the waiting ended (--timeout, --within, or interrupted): the promotion goes on, or what confirm waits for is not served yet',
  notFound: 'there is no such promotion, image, signature or commit, or the name fits several',
  refused: 'the decision, request, signature or push was refused; the message says why',
  unjudged: 'the decision is delivered and not yet judged, because no worker answered in time',
  unreachable: 'Temporal, a worker or a git host did not answer; trying again later may help',
};

/** What a promotion's state in one word can be as seen from outside: also ends that the workflow itself never sees. */
export type ViewCondition =
  | 'running'
  | 'deciding'
  | 'stalled'
  | 'blocked'
  | 'released'
  | 'superseded'
  | 'rejected'
  | 'expired'
  | 'aborted'
  | 'aborted-after-publish'
  | 'failed'
  | 'cancelled'
  | 'terminated'
  | 'timed-out';

const CONDITION_CODES: Readonly<Record<ViewCondition, ExitCode>> = {
  running: EXIT.success,
  deciding: EXIT.success,
  stalled: EXIT.stalled,
  blocked: EXIT.stalled,
  released: EXIT.success,
  superseded: EXIT.superseded,
  rejected: EXIT.rejected,
  expired: EXIT.expired,
  aborted: EXIT.aborted,
  'aborted-after-publish': EXIT.abortedAfterPublish,
  failed: EXIT.failure,
  cancelled: EXIT.failure,
  terminated: EXIT.failure,
  'timed-out': EXIT.failure,
};

/** The exit code of a promotion in this condition, as `status` shows it. */
export function exitCodeOf(condition: ViewCondition): ExitCode {
  return CONDITION_CODES[condition];
}

/** Tells whether `text` is a condition. */
export function isCondition(text: unknown): text is ViewCondition {
  return typeof text === 'string' && Object.hasOwn(CONDITION_CODES, text);
}

/** All conditions, for messages and suggestions. */
export const CONDITIONS = Object.keys(CONDITION_CODES) as readonly ViewCondition[];

/** Tells whether a promotion in this condition has ended. */
export function isEnded(condition: ViewCondition): boolean {
  return !['running', 'deciding', 'stalled', 'blocked'].includes(condition);
}

/** The table for `countersign help exit-codes`. */
export function exitCodeTable(): string {
  const rows = Object.entries(EXIT).map(([name, code]) => {
    return `  ${String(code).padStart(3)}  ${EXIT_MEANINGS[name as keyof typeof EXIT]}`;
  });
  return ['Exit codes', '', ...rows, ''].join('\n');
}
