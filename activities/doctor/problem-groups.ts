import type { SignatureProblem } from './examine-blob.ts';
import type { SeenManifest } from './examine-registry.ts';
import type { Findings } from './finding.ts';

/** The problems of all platforms; what several have in common is told once. */
export class ProblemGroups {
  readonly #groups = new Map<string, { readonly problem: SignatureProblem; readonly names: string[] }>();

  add(manifest: SeenManifest, problem: SignatureProblem): void {
    const key = `${problem.step} ${problem.what}`;
    const group = this.#groups.get(key) ?? { problem, names: [] };
    group.names.push(manifest.platform ?? 'image');
    this.#groups.set(key, group);
  }

  /** @param all how many manifests the image has. */
  report(findings: Findings, all: number): void {
    for (const { problem, names } of this.#groups.values()) {
      const { step, what, why, mend } = problem;
      const who = names.length === all && all > 1 ? 'every platform' : names.join(', ');
      findings.fail(step, step === 'store' ? what : `${who}: ${what}`, {
        ...(why !== undefined && { why }),
        mend,
      });
    }
  }
}
