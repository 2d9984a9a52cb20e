import { ActivityFailure, isCancellation, patched } from '@temporalio/workflow';
import { environmentActivities } from './activities.ts';
import { decide, readFacts, reopen } from './decide.ts';
import { PromotionEnd, explainFailure } from './failures.ts';
import type { PromotionRun } from './promotion-run.ts';
import { requestRebuild } from './request-rebuild.ts';
import type { EnvironmentState } from '../domain/promotion.ts';
import type { EnvironmentFacts, StepSignature } from '../domain/steps.ts';

/** Carries the image through one environment: verify, copy, sign, propose, decide, publish, rebuild, confirm, release. */
export class EnvironmentRun {
  readonly #run: PromotionRun;
  readonly #one: EnvironmentState;
  /** A later publication stands for the same reference: the environment is passed, its tag left alone. */
  #overtaken = false;
  /** Asked once: the answer may differ between the times at which a run is replayed. */
  #isShared: boolean | undefined;

  constructor(run: PromotionRun, one: EnvironmentState) {
    this.#run = run;
    this.#one = one;
  }

  async carry(): Promise<void> {
    const one = this.#one;
    if (one.phase === 'passed') return;
    if (one.phase === 'pending') one.phase = 'running';
    this.#run.show();
    if (one.facts === undefined) await this.#readFacts();
    await this.#assess();
    if (one.publication === undefined) await this.#untilPublished();
    if (!this.#overtaken) await this.#finish();
    one.phase = 'passed';
    one.step = null;
    this.#run.show();
  }

  get #activities(): ReturnType<typeof environmentActivities> {
    const { attempts, confirmWithinMs } = this.#facts;
    return environmentActivities(this.#one.environment, { attempts, confirmWithinMs });
  }

  get #facts(): EnvironmentFacts {
    if (this.#one.facts === undefined) throw new Error('the environment was not described yet');
    return this.#one.facts;
  }

  /** The first environment takes the image where its builder pushed it, unless it comes from a source. */
  get #hasOrigin(): boolean {
    return this.#one.environment !== this.#run.state.route[0];
  }

  /** The environment's own configuration must know the same route, or somebody is led past a gate. */
  async #readFacts(): Promise<void> {
    const { state } = this.#run;
    const one = this.#one;
    for (;;) {
      await readFacts(this.#run, one);
      const route = this.#facts.route.join(', ');
      if (route === state.route.join(', ')) return;
      const message = `${one.environment} knows the route as ${route}, ${state.route[0] ?? ''} as ${state.route.join(', ')}; give both the same configuration`;
      await this.#run.stall(one, 'describe', { type: 'configuration-invalid', message });
    }
  }

  /** What stands in git is passed without asking again; a digest that was overtaken at the destination is not. */
  async #assess(): Promise<void> {
    const one = this.#one;
    const { input, state } = this.#run;
    if (one.publication !== undefined || one.done.length > 0) return;
    const again = state.again.includes(one.environment);
    const standing = await this.#run.attempt(one, 'assess', () =>
      this.#activities.assess({ ...this.#run.stepInput(one), again }),
    );
    if (standing.standing === 'none') return;
    one.publication = standing.commit;
    one.stood = true;
    if (standing.standing === 'last') return;
    if (one.environment === state.to) {
      const reason = `${input.image.digest} was overtaken there by ${standing.by}; start it with --again to go back to it`;
      throw new PromotionEnd('superseded', one.environment, reason);
    }
    this.#overtaken = true;
  }

  async #untilPublished(): Promise<void> {
    const one = this.#one;
    while (!one.done.includes('publish')) {
      try {
        await this.#propose();
        await this.#publish();
      } catch (error) {
        if (!(error instanceof ActivityFailure) || isCancellation(error)) throw error;
        const { type, message } = explainFailure(error);
        if (type === 'superseded') throw new PromotionEnd('superseded', one.environment, message);
        if (type !== 'decisions-insufficient') throw error;
        await reopen(this.#run, one, message);
      }
    }
  }

  /** Everything up to the passed gate; what is done already is not done again. */
  async #propose(): Promise<void> {
    const run = this.#run;
    const one = this.#one;
    const gate = this.#facts.gate;
    const before = gate.kind === 'people' ? gate.before : 'publish';
    if (this.#hasOrigin) await run.once(one, 'verify', () => this.#verify());
    if (before === 'copy') await decide(run, one);
    await run.once(one, 'copy', () => this.#copy(false));
    if (before === 'sign') await decide(run, one);
    await run.once(one, 'sign', () => this.#sign());
    await run.once(one, 'propose', () => this.#commitProposal());
    if (before === 'publish') await decide(run, one);
  }

  /**
   * After the wait: the copy is made whole, origin, keys and signatures are judged as of now, then the splice. A retry
   * repeats all of it, and proposes anew: the branch may have been deleted or mended meanwhile.
   */
  async #publish(): Promise<void> {
    const run = this.#run;
    const one = this.#one;
    let isRetry = false;
    await run.once(one, 'publish', async () => {
      const before = JSON.stringify(one.signatures);
      await this.#copy(true);
      await this.#sign();
      if (isRetry || JSON.stringify(one.signatures) !== before) await this.#commitProposal();
      isRetry = true;
      const { proposal } = one;
      if (proposal === undefined) throw new Error('nothing was proposed');
      const input = { ...run.stepInput(one), ...this.#decided, signatures: this.#signatures, proposal };
      one.publication = (await this.#activities.publish({ ...input, time: new Date().toISOString() })).commit;
    });
  }

  /** Rebuild, confirm, release: no cluster that pulls by tag meets an image whose signature is not yet served. */
  async #finish(): Promise<void> {
    const run = this.#run;
    const one = this.#one;
    const commit = one.publication ?? '';
    if (one.stood !== true || !(await this.#servedAlready(commit))) {
      await run.once(one, 'rebuild', () => this.#rebuild(commit, 'first'));
      let isRetry = false;
      await run.once(one, 'confirm', async () => {
        // Whoever retries has mended the server, which may have missed the first call.
        if (isRetry) await this.#rebuild(commit, 'retry');
        isRetry = true;
        one.replicas = (await this.#activities.confirm({ ...run.stepInput(one), commit })).replicas;
      });
    }
    await run.once(one, 'release', async () => {
      await this.#copy(true);
      if (this.#hasOrigin) await this.#verify();
      const tagBefore = one.copy?.tagBefore ?? null;
      one.release = await this.#activities.release({ ...run.stepInput(one), commit, tagBefore });
    });
  }

  /** Shared with all promotions that wait for the same; those begun before it was shared do it for themselves. */
  async #rebuild(commit: string, which: 'first' | 'retry'): Promise<void> {
    const input = { ...this.#run.stepInput(this.#one), commit };
    this.#isShared ??= patched('rebuild-workflow');
    if (!this.#isShared) {
      await this.#activities.rebuild(input);
      return;
    }
    await this.#activities.keepSignatures(input);
    if (which === 'first' && (await this.#servedByPush(commit))) return;
    await requestRebuild(this.#run, this.#one);
  }

  /** Where the git host's own webhook has the server rebuilt, there is nothing to do but to look, for a while. */
  async #servedByPush(commit: string): Promise<boolean> {
    const { attempts, pushWithinMs } = this.#facts;
    if (pushWithinMs === undefined) return false;
    const { confirm } = environmentActivities(this.#one.environment, { attempts, confirmWithinMs: pushWithinMs });
    return await succeeds(confirm({ ...this.#run.stepInput(this.#one), commit }));
  }

  /** One look: a publication that stood already is usually served already, and nothing needs to be rebuilt. */
  async #servedAlready(commit: string): Promise<boolean> {
    const one = this.#one;
    if (one.done.includes('confirm')) return true;
    if (one.done.includes('rebuild')) return false;
    try {
      one.replicas = (await this.#activities.confirmOnce({ ...this.#run.stepInput(one), commit })).replicas;
      one.done.push('confirm');
      return true;
    } catch (error) {
      if (isCancellation(error)) throw error;
      return false;
    }
  }

  async #verify(): Promise<void> {
    await this.#activities.verify(this.#run.stepInput(this.#one));
  }

  async #copy(thorough: boolean): Promise<void> {
    const copy = await this.#activities.copy({ ...this.#run.stepInput(this.#one), thorough });
    const before = this.#one.copy;
    // What counts is the first look at the tag, since a change from then on must be explained by a publication, and
    // the work of all copies together.
    this.#one.copy =
      before === undefined
        ? copy
        : {
            ...before,
            bytesCopied: before.bytesCopied + copy.bytesCopied,
            blobsCopied: before.blobsCopied + copy.blobsCopied,
            blobsMounted: before.blobsMounted + copy.blobsMounted,
          };
  }

  async #sign(): Promise<void> {
    const one = this.#one;
    const time = new Date().toISOString();
    const input = { ...this.#run.stepInput(one), ...this.#decided, time, previous: this.#signatures };
    one.signatures = (await this.#activities.sign(input)).signatures;
  }

  async #commitProposal(): Promise<void> {
    const one = this.#one;
    const time = new Date().toISOString();
    const input = { ...this.#run.stepInput(one), signatures: this.#signatures, time };
    one.proposal = await this.#activities.propose(input);
  }

  get #signatures(): readonly StepSignature[] {
    return this.#one.signatures ?? [];
  }

  get #decided(): { decisions: NonNullable<EnvironmentState['gate']>['decisions']; deadline: number | null } {
    return { decisions: this.#one.gate?.decisions ?? [], deadline: this.#one.gate?.deadline ?? null };
  }
}

/** Whether it came to a good end; a cancellation is none of both. */
async function succeeds(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (isCancellation(error)) throw error;
    return false;
  }
}
