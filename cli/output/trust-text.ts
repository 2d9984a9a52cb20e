import { printable } from './escape.ts';
import type { Style } from './style.ts';
import type { CheckedPolicy } from '../trust/check-policy-file.ts';
import type { TrustExplanation, Verdict } from '../../activities/trust/index.ts';

/** What is to be said about a policy, one line for each problem. */
export function checkedPolicyText({ file, problems, warnings, registriesD }: CheckedPolicy, style: Style): string {
  const lines = [
    ...problems.map((one) => `${placeOf(file, one)} ${style.bad('refused')}: ${printable(textOf(one))}`),
    ...warnings.map((one) => `${placeOf(file, one)} ${style.attention('warning')}: ${printable(textOf(one))}`),
  ];
  if (problems.length === 0) lines.push(`${style.good('✔')} ${printable(file)}: readers accept it`);
  if (registriesD === undefined) return lines.join('\n');
  const { directory, accepted, scopes, problem } = registriesD;
  const count = `${scopes.length} ${scopes.length === 1 ? 'scope' : 'scopes'}`;
  lines.push(
    accepted
      ? `${style.good('✔')} ${printable(directory)}: ${count}`
      : `${style.bad('✖')} ${printable(directory)}: ${printable(problem ?? '')}`,
  );
  return lines.join('\n');
}

/** A cluster's decision step by step. */
export function explanationText(explanation: TrustExplanation, style: Style): string {
  const { reference, policyFile, accepted, scopes, requirements, store, coverage } = explanation;
  const word = accepted ? style.good('accepted') : style.bad('refused');
  const counted = scopes.map(({ scope, configured, counts }) => {
    const mark = counts ? style.good('→') : configured ? '·' : style.dim('·');
    const state = counts ? 'counts' : configured ? 'configured, but a more specific one counts' : 'not configured';
    return `    ${mark} ${printable(scope)}  ${style.dim(state)}`;
  });
  return [
    `${word} ${printable(reference)}`,
    `  scopes in ${printable(policyFile)}, most specific first`,
    ...counted,
    '  it demands',
    ...requirements.map(({ type, demands }) => `    ${type}: ${printable(demands)}`),
    `  signatures are looked for at ${printable(store.base)} (${printable([store.from, store.key].filter(Boolean).join(', '))})`,
    ...store.notes.map((note) => `    ${style.attention('!')} ${printable(note)}`),
    ...store.urls.map(({ url }) => `    ${printable(url)}`),
    ...coverage.manifests.flatMap(({ platform, kind, digest, asAsked: { verdict } }) => [
      `  ${kind === 'index' ? 'index, which no reader asks for' : printable(platform ?? 'image')} ${digest}`,
      ...verdictLines(verdict, style).map((line) => `    ${line}`),
    ]),
  ].join('\n');
}

/** The verdict on one manifest: the requirements, then the signatures. */
export function verdictLines(
  { accepted, scope, requirements, signatures, reason }: Verdict,
  style: Style,
): readonly string[] {
  return [
    `${mark(accepted, style)} ${accepted ? 'accepted' : 'refused'} by ${printable(scope)}: ${printable(reason)}`,
    ...requirements.map((one) => `  ${mark(one.accepted, style)} ${one.type}: ${printable(one.reason)}`),
    ...signatures.map((one) => `  ${mark(one.accepted, style)} signature-${one.number}: ${printable(one.reason)}`),
  ];
}

function placeOf(file: string, { line, column }: { readonly line?: number; readonly column?: number }): string {
  const position = line === undefined ? '' : `:${line}${column === undefined ? '' : `:${column}`}`;
  return `${printable(file)}${position}:`;
}

function textOf({ place, message }: { readonly place: string; readonly message: string }): string {
  return place === '' ? message : `${place}: ${message}`;
}

function mark(accepted: boolean, style: Style): string {
  return accepted ? style.good('✔') : style.bad('✖');
}
