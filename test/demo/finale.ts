/** The last scenes: production pulls, git tells who decided, and a table of the whole. */
import type { PromotionView } from '../../cli/promotions/view.ts';
import { approvals } from '../../cli/promotions/view.ts';
import { alignRows } from '../../cli/output/table.ts';
import { APPROVERS } from '../support/site.ts';
import { findPart } from '../support/parts/index.mjs';
import type { SampleImage } from '../support/sample-image.ts';
import type { Company } from './company.ts';
import type { Played } from './scenes.ts';
import { NAME, TAG } from './scenes.ts';
import { showPull, showRefusal } from './node.ts';
import { ProgramFailedError } from './run-program.ts';

/** Pulls every platform from prod by tag, as its nodes do. */
export async function showProductionPulls(company: Company, image: SampleImage): Promise<void> {
  const { site, stage } = company;
  stage.scene(
    'Production pulls it by tag',
    'The same node and the same policy as before: only the published signature is new.',
  );
  const reference = `${site.environment('prod').prefix}/${NAME}:${TAG}`;
  for (const { platform = '', digest } of image.manifests) {
    const arrived = await showPull(company, reference, platform.split('/')[1] ?? '');
    if (arrived !== digest) throw new Error(`pull ${reference} for ${platform}: expected ${digest}, got ${arrived}`);
    stage.good(`pulled ${platform}: ${digest}, the very bytes that were built`);
  }
}

/** Shows prod's git repository, which proves the decisions without Temporal. */
export async function showEvidence(company: Company, image: SampleImage): Promise<void> {
  const { stage } = company;
  stage.scene(
    'The evidence is in git',
    'Which digest was approved for prod, by whom and when, stands in the history of its signature repository, whatever becomes of Temporal.',
  );
  const program = findPart('git');
  if (program === undefined) throw new Error('show the evidence: git is gone from this machine');
  const git = async (...words: readonly string[]): Promise<string> => {
    const all = ['--git-dir=git/signatures-prod.git', ...words];
    const outcome = await company.show('git', all, program);
    if (outcome.code !== 0) throw new ProgramFailedError(`git ${all.join(' ')}`, outcome);
    stage.said(outcome.output);
    return outcome.output;
  };
  const log = await git('log', '-1', '--format=medium', 'main');
  for (const expected of [`Digest: ${image.digest}`, ...APPROVERS.map((person) => `Approved-By: ${person}`)]) {
    if (!log.includes(expected)) throw new Error(`read the evidence: expected "${expected}" in the commit of prod`);
  }
  const files = await git('ls-tree', '-r', '--name-only', 'main', 'images/');
  const missing = image.everyManifest.find(({ digest }) => !files.includes(digest.replace(':', '=')));
  if (missing !== undefined) throw new Error(`read the evidence: no signature of ${missing.digest} on main`);
  stage.good(`${image.everyManifest.length} signatures: the index, and the manifest of each platform`);
}

/** For a promotion that a person ended otherwise. */
export async function showOtherEnd(company: Company, view: PromotionView): Promise<void> {
  const { site, stage } = company;
  stage.scene(
    'It ends here',
    'What a gate does not pass is never published: no cluster of that environment can pull the image.',
  );
  stage.line(`${view.condition}: ${view.result?.reason ?? view.failure ?? 'no reason is known'}`);
  if (view.environments.find(({ environment }) => environment === 'prod')?.copy == null) return;
  await showRefusal(company, `${site.environment('prod').prefix}/${NAME}@${view.image.digest}`);
  stage.good('refused: the image whose gate was not passed');
}

/** One row for each environment of the route. */
export function showSummary({ stage }: Company, { view, followed }: Played): void {
  const now = Date.now();
  const rows = view.route.map((name) => {
    const one = view.environments.find(({ environment }) => environment === name);
    const times = followed.times.of(name, now);
    const isReleased = one?.phase === 'passed';
    return [
      name,
      isReleased ? shortDigest(view.image.digest) : '—',
      one?.publication?.slice(0, 12) ?? '—',
      approversOf(one),
      times === undefined ? '—' : timeText(times),
    ];
  });
  const [head = '', ...body] = alignRows([['ENVIRONMENT', 'DIGEST', 'COMMIT', 'APPROVED BY', 'TIME'], ...rows]);
  stage.line();
  stage.line(stage.style.bold(head));
  for (const row of body) stage.line(row);
}

function approversOf(one: PromotionView['environments'][number] | undefined): string {
  if (one?.gate?.kind === 'none') return 'no gate';
  const names = one === undefined ? [] : approvals(one).map(({ by }) => by.replace(/ <.*$/, ''));
  return names.length === 0 ? '—' : names.join(', ');
}

function timeText({ total, waited }: { readonly total: number; readonly waited: number }): string {
  const seconds = (ms: number): string => `${(ms / 1000).toFixed(1)} s`;
  return waited === 0 ? seconds(total) : `${seconds(total)}, ${seconds(waited)} of it waiting for people`;
}

function shortDigest(digest: string): string {
  return digest.slice(0, 'sha256:'.length + 12);
}
