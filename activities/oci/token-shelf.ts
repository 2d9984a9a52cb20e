import type { Token } from './token.ts';

interface Kept {
  readonly number: number;
  readonly scopes: readonly string[];
  readonly token: Promise<Token>;
  /** Once it is there. */
  settled?: Token;
}

/** More than this are never of use at once; the dead ones go then. */
const MANY = 256;

/**
 * Tokens that may be used by everybody who needs what they are for. Tokens of one `holder` (whose credential, which
 * token server) serve any need that they cover.
 */
export class TokenShelf {
  readonly #byHolder = new Map<string, Kept[]>();
  #count = 0;

  /** A token for these scopes, or for more; one that is being asked for only where it is for exactly these. */
  find(holder: string, scopes: readonly string[], now: number): Promise<Token> | undefined {
    const usable = (this.#byHolder.get(holder) ?? []).filter(({ settled }) => (settled?.refreshAt ?? Infinity) > now);
    const same = usable.find((kept) => isSame(kept.scopes, scopes));
    const wider = same ?? usable.find((kept) => kept.settled !== undefined && covers(kept.scopes, scopes));
    return wider?.token;
  }

  /** Keeps a token, also while it is being asked for; one that does not come is forgotten. */
  keep(holder: string, scopes: readonly string[], token: Promise<Token>): void {
    const kept: Kept = { number: this.#count++, scopes, token };
    this.#removeDead(holder);
    if (this.#byHolder.size > MANY) for (const other of this.#byHolder.keys()) this.#removeDead(other);
    this.#byHolder.set(holder, [...(this.#byHolder.get(holder) ?? []), kept]);
    token.then(
      (settled) => (kept.settled = settled),
      () => this.#retain(holder, (one) => one !== kept),
    );
  }

  /** How many there were so far, of all holders. */
  get count(): number {
    return this.#count;
  }

  /** Forgets all but those that came after the first `seen`. */
  forget(holder: string, seen: number): void {
    this.#retain(holder, ({ number }) => number >= seen);
  }

  #retain(holder: string, isGood: (kept: Kept) => boolean): void {
    const good = (this.#byHolder.get(holder) ?? []).filter(isGood);
    if (good.length > 0) this.#byHolder.set(holder, good);
    else this.#byHolder.delete(holder);
  }

  #removeDead(holder: string): void {
    const now = Date.now();
    this.#retain(holder, ({ settled }) => settled === undefined || settled.refreshAt > now);
  }
}

function isSame(have: readonly string[], need: readonly string[]): boolean {
  return have.length === need.length && need.every((scope) => have.includes(scope));
}

/** Tells whether every scope of `need` is among those of `have`; `repository:a:pull,push` has `repository:a:pull` in it. */
function covers(have: readonly string[], need: readonly string[]): boolean {
  const granted = new Map<string, Set<string>>();
  for (const { name, actions } of have.map(parseScope)) {
    granted.set(name, new Set([...(granted.get(name) ?? []), ...actions]));
  }
  return need.map(parseScope).every(({ name, actions }) => {
    const own = granted.get(name);
    return own !== undefined && (own.has('*') || actions.every((action) => own.has(action)));
  });
}

function parseScope(scope: string): { readonly name: string; readonly actions: readonly string[] } {
  const colon = scope.lastIndexOf(':');
  return { name: scope.slice(0, colon), actions: scope.slice(colon + 1).split(',') };
}
