import { printable, printableLines } from './escape.ts';
import type { Style } from './style.ts';
import type { Diagnosis, Finding } from '../../activities/doctor/index.ts';

const MARKS: Readonly<Record<Finding['status'], (style: Style) => string>> = {
  ok: (style) => style.good('✔'),
  warn: (style) => style.attention('!'),
  fail: (style) => style.bad('✖'),
  skipped: (style) => style.dim('·'),
};

/** A diagnosis for a person: the walk, then the cause and what mends it. */
export function diagnosisText({ findings, cause, mend, pullable }: Diagnosis, style: Style): string {
  const verdict = pullable ? style.good(printable(cause)) : style.bad(printable(cause));
  const lines = [findingsText(findings, style), '', verdict];
  return [...lines, ...(mend === null ? [] : [`  mend it: ${style.bold(printable(mend))}`])].join('\n');
}

/** Findings one below the other; a step is named once. */
export function findingsText(findings: readonly Finding[], style: Style): string {
  const width = Math.max(0, ...findings.map(({ step }) => step.length));
  return findings
    .flatMap((one, index) => {
      const name = findings[index - 1]?.step === one.step ? '' : one.step;
      const indent = ' '.repeat(width + 4);
      const what = one.status === 'skipped' ? style.dim(printableLines(one.what)) : printableLines(one.what);
      return [
        `${MARKS[one.status](style)} ${style.bold(name.padEnd(width))}  ${indented(what, indent)}`,
        ...(one.why === undefined ? [] : [`${indent}${style.dim(indented(printableLines(one.why), indent))}`]),
        ...(one.mend === undefined || one.status === 'ok' ? [] : [`${indent}→ ${printable(one.mend)}`]),
      ];
    })
    .join('\n');
}

function indented(text: string, indent: string): string {
  return text.split('\n').join(`\n${indent}`);
}
