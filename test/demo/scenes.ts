/** The scenes of the demonstration up to the end of the promotion, in order. */
import { EXIT, isEnded } from '../../cli/exit-codes.ts';
import type { PromotionView } from '../../cli/promotions/view.ts';
import { fetchManifestRaw, pushSampleImage } from '../support/registry-push.ts';
import { buildSampleImage } from '../support/sample-image.ts';
import type { SampleImage } from '../support/sample-image.ts';
import { APPROVERS, NAMESPACE, idOf } from '../support/site.ts';
import { pasteable } from './company.ts';
import type { Company } from './company.ts';
import { followPromotion } from './follow-promotion.ts';
import type { Followed } from './follow-promotion.ts';
import { showRefusal, writeNodeTrust } from './node.ts';

export const NAME = 'shop/web';
export const TAG = '1.4';
export const BUILDER = 'ci@example.com';
/** What somebody pushes to production past everything. */
const UNSIGNED_TAG = '1.4-hotfix';
const LAYER_BYTES = 8 * 1024 * 1024;
const [ANN, BOB] = APPROVERS.map((userId) => /<(.*)>/.exec(userId)?.[1] ?? userId) as [string, string];

/** A promotion that came to its end, and what was carried. */
export interface Played {
  readonly image: SampleImage;
  readonly view: PromotionView;
  readonly followed: Followed;
}

/** Promotes an image from dev to prod; ends earlier where the person at the other terminal decides so. */
export async function playPromotion(
  company: Company,
  { interactive }: { readonly interactive: boolean },
): Promise<Played> {
  const image = await pushCandidate(company);
  company.stage.scene(
    'The pipeline asks for production',
    'A start names the image and where it is to end; the tag is resolved once, and from here on only the digest counts.',
  );
  await company.countersign(['start', `${NAME}:${TAG}`, '--to', 'prod', '--by', BUILDER]);
  const followed = await followPromotion(company, idOf(NAME, TAG, image.digest));
  try {
    const view = await walkRoute(company, { image, followed, interactive });
    return { image, view, followed };
  } catch (error) {
    await followed.stop();
    throw error;
  }
}

async function pushCandidate({ site, stage }: Company): Promise<SampleImage> {
  const { registry, prefix } = site.environment('dev');
  stage.scene(
    'A build pushes a candidate, and the workers start',
    'One worker runs the promotions and holds no secret; each environment has a process of its own, which alone reads its keys.',
  );
  const starting = site.startWorkers();
  const [image] = await Promise.all([site.push(NAME, TAG, { layerBytes: LAYER_BYTES }), starting]);
  const platforms = image.manifests.map(({ platform = '' }) => platform).join(' and ');
  stage.good(`pushed ${prefix}/${NAME}:${TAG} for ${platforms}: ${image.digest}`);
  stage.good(`workers: ${[...site.workers.keys()].join(', ')}`);
  if ((await fetchManifestRaw(registry, `${NAMESPACE}/${NAME}`, TAG)) === undefined) {
    throw new Error(`push ${NAME}:${TAG}: the registry of dev does not serve it`);
  }
  return image;
}

interface Walk {
  readonly image: SampleImage;
  readonly followed: Followed;
  readonly interactive: boolean;
}

async function walkRoute(company: Company, walk: Walk): Promise<PromotionView> {
  const { stage } = company;
  stage.scene(
    'Through dev to the gate of qa',
    'Copied by digest, signed with the key of the environment, and the signature proposed on a branch that nobody serves yet.',
  );
  stage.command(`countersign watch ${NAME}:${TAG}`);
  const atQa = await untilGate(walk, 'qa');
  if (isEnded(atQa.condition)) return atQa;
  const fromQa = await passQa(company, walk);
  if (isEnded(fromQa.condition)) return fromQa;
  await showProductionRefuses(company, walk.image);
  return await passProd(company, walk);
}

async function passQa(company: Company, walk: Walk): Promise<PromotionView> {
  const { stage } = company;
  if (walk.interactive) {
    const ended = await yourTurn(company, walk, 'qa');
    if (ended !== undefined) return ended;
  } else {
    stage.scene('Ann approves for qa', 'She is shown what she decides; her decision is bound to qa and this digest.');
    await approve(company, 'qa', { by: ANN, reason: 'release notes read' });
  }
  stage.scene(
    'Through qa to the gate of prod',
    'Published, served by the signature server and confirmed from outside before the tag moves; then the same begins for prod.',
  );
  stage.command(`countersign watch ${NAME}:${TAG}`);
  return await untilGate(walk, 'prod');
}

async function passProd(company: Company, walk: Walk): Promise<PromotionView> {
  const { stage } = company;
  if (walk.interactive) {
    const ended = await yourTurn(company, walk, 'prod');
    if (ended !== undefined) return ended;
  } else {
    stage.scene(
      'Not anybody can approve for prod',
      'Whoever started it is no approver of prod, and learns so at once (exit code 11).',
    );
    await approve(company, 'prod', { by: BUILDER, reason: 'it is urgent' }, EXIT.refused);
    stage.scene('Two people approve for prod', 'The gate of prod has a quorum of two; one person counts once.');
    await approve(company, 'prod', { by: ANN, reason: 'tested in qa' });
    await approve(company, 'prod', { by: BOB, reason: 'change 4711' });
  }
  stage.scene(
    'Into production',
    'Looked at again after the wait, published, served, confirmed, and only then the tag moves.',
  );
  stage.command(`countersign watch ${NAME}:${TAG}`);
  const view = await walk.followed.until(() => false);
  if (!walk.interactive && view.condition !== 'released') throw new Error(endedAs(view));
  return view;
}

/** A promotion may have ended instead, but only by a person's decision. */
async function untilGate({ followed, interactive }: Walk, environment: string): Promise<PromotionView> {
  const view = await followed.until(isDecidingIn(environment));
  if (isEnded(view.condition) && !interactive) throw new Error(endedAs(view));
  return view;
}

function isDecidingIn(environment: string): (view: PromotionView) => boolean {
  return (view) => view.condition === 'deciding' && view.environment === environment;
}

async function approve(
  company: Company,
  environment: string,
  { by, reason }: { readonly by: string; readonly reason: string },
  code: number = EXIT.success,
): Promise<void> {
  await company.countersign(
    ['approve', `${NAME}:${TAG}`, '--environment', environment, '--by', by, '--reason', reason, '--yes'],
    code,
  );
}

/** Waits for a person at another terminal; the view where the promotion ended by it. */
async function yourTurn(company: Company, { followed }: Walk, environment: string): Promise<PromotionView | undefined> {
  const { stage } = company;
  const on = [`${NAME}:${TAG}`, '--environment', environment];
  const people = environment === 'prod' ? 'Both people have' : 'One of two people has';
  stage.scene(
    `Your turn: decide for ${environment}`,
    `${people} to approve; type this in another terminal, and the demonstration goes on once it is decided.`,
  );
  for (const words of [
    ['status', `${NAME}:${TAG}`],
    ['approve', ...on, '--by', ANN],
    ['approve', ...on, '--by', BOB],
    ['reject', ...on, '--by', ANN, '--reason', 'not today'],
  ]) {
    stage.command(pasteable(company, ...words));
  }
  const isDeciding = isDecidingIn(environment);
  const view = await followed.until((one) => !isDeciding(one), Infinity);
  return isEnded(view.condition) ? view : undefined;
}

async function showProductionRefuses(company: Company, image: SampleImage): Promise<void> {
  const { site, stage } = company;
  const prod = site.environment('prod');
  stage.scene(
    'Production refuses it still',
    'The image lies in the registry of prod, but its signature is only proposed: a node of prod, under the generated policy, refuses it, and skopeo says so in its own words.',
  );
  const pushed = await buildSampleImage({ seed: 'pushed past everybody' });
  await Promise.all([
    writeNodeTrust(site.folder, prod),
    pushSampleImage(prod.registry, `${NAMESPACE}/${NAME}`, UNSIGNED_TAG, pushed),
  ]);
  const demanded = `the key of prod, with signatures from ${prod.signatureServer.servedAt}`;
  stage.line(`node/policy.json rejects everything, but for ${prod.prefix} demands ${demanded}`);
  await showRefusal(company, `${prod.prefix}/${NAME}@${image.digest}`);
  stage.good('refused: the right image, before its approval');
  await showRefusal(company, `${prod.prefix}/${NAME}:${UNSIGNED_TAG}`);
  stage.good('refused: an unsigned image that somebody pushed to prod directly');
}

function endedAs({ condition, result, failure }: PromotionView): string {
  return `the promotion ended as ${condition}, expected released: ${result?.reason ?? failure ?? 'no reason is known'}`;
}
