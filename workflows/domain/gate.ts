/** A person who may decide: one certificate, or several that share a mail address. */
export interface Approver {
  /** Every user id of the person's certificates, for example `Ann Lee <ann@example.com>`. */
  readonly userIds: readonly string[];
}

/** What must be decided before an environment goes on. */
export interface PeopleGate {
  readonly kind: 'people';
  /** The step the gate stands before. */
  readonly before: 'copy' | 'sign' | 'publish';
  /** How many different people must approve. */
  readonly quorum: number;
  readonly approvers: readonly Approver[];
  /** `claimed`: nobody proves that the sender of a decision is who it names. */
  readonly identity: 'claimed';
  /** Milliseconds from the gate's opening to its expiry. */
  readonly deadlineMs: number;
  /** Name of the group of approvers, for lists. */
  readonly group: string;
}

/** `none` is written out in the configuration; a missing gate is an error there. */
export type Gate = { readonly kind: 'none' } | PeopleGate;

/** A decision that was judged and counts. */
export interface Decision {
  readonly verdict: 'approve' | 'reject';
  /** The user id under which the decision was made, as the keyring writes it. */
  readonly by: string;
  /** ISO 8601, the server's clock. */
  readonly at: string;
  readonly reason?: string;
}

/** Where a gate stands. */
export type GateState = 'open' | 'passed' | 'rejected' | 'expired';

/** The facts that a set of decisions is evaluated against. */
export interface GateContext {
  readonly gate: PeopleGate;
  /** Whoever asked for the promotion; their own decisions do not count. */
  readonly requesters: readonly string[];
  /** Milliseconds since 1970 at which the gate expires. */
  readonly deadline: number;
}

/**
 * Evaluates a gate. A rejection wins over every approval; one person counts once; the requester's decision and those
 * of people who are no longer approvers do not count; a gate that reached its quorum in time stays passed.
 */
export function evaluateGate(context: GateContext, decisions: readonly Decision[], now: number): GateState {
  const counted = decisions.filter((decision) => countsFor(context, decision));
  if (counted.some((decision) => decision.verdict === 'reject')) return 'rejected';
  const people = new Set(counted.map((decision) => approverOf(context.gate, decision.by)));
  if (people.size >= context.gate.quorum) return 'passed';
  return now >= context.deadline ? 'expired' : 'open';
}

/** The approver whom `by` names, by a full user id or by its mail address. */
export function approverOf(gate: PeopleGate, by: string): Approver | undefined {
  return gate.approvers.find((approver) => namesApprover(approver, by));
}

/** The user id of `approver` that `by` names; the first one where only the mail address was given. */
export function userIdOf(approver: Approver, by: string): string {
  return approver.userIds.find((userId) => samePerson(userId, by)) ?? by;
}

/** Tells whether `by` is one of the people who asked for the promotion, under any user id of theirs. */
export function isRequester(gate: PeopleGate, by: string, requesters: readonly string[]): boolean {
  const approver = approverOf(gate, by);
  return requesters.some(
    (requester) => samePerson(by, requester) || (approver !== undefined && namesApprover(approver, requester)),
  );
}

/** Certificates that share a mail address belong to one person, who counts once. */
export function mergeApprovers(certificates: readonly Approver[]): readonly Approver[] {
  const people: { userIds: string[] }[] = [];
  for (const { userIds } of certificates) {
    const same = people.filter((person) => person.userIds.some((id) => userIds.some((other) => samePerson(id, other))));
    const merged = { userIds: [...new Set([...same.flatMap((person) => person.userIds), ...userIds])] };
    for (const person of same) people.splice(people.indexOf(person), 1);
    people.push(merged);
  }
  return people;
}

function countsFor(context: GateContext, decision: Decision): boolean {
  return (
    approverOf(context.gate, decision.by) !== undefined &&
    !isRequester(context.gate, decision.by, context.requesters) &&
    Date.parse(decision.at) < context.deadline
  );
}

function namesApprover(approver: Approver, by: string): boolean {
  return approver.userIds.some((userId) => samePerson(userId, by));
}

function samePerson(one: string, other: string): boolean {
  return one === other || mailOf(one) === mailOf(other);
}

/** The mail address of a user id in lower case, or the whole text where it has none. */
function mailOf(userId: string): string {
  const match = /<([^<>\s]+@[^<>\s]+)>\s*$/.exec(userId);
  return (match?.[1] ?? userId).trim().toLowerCase();
}
