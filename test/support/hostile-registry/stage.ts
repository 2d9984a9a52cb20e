import { randomBytes } from 'node:crypto';

/** A host in a case. */
export interface Party {
  readonly name: string;
  readonly port: number;
  /** Name with port, unless that is the usual one. */
  readonly host: string;
}

/** Who plays where in one case, and with which secrets. */
export interface Stage {
  readonly registry: Party;
  readonly attacker: Party;
  /** What names of the attacker's end with; empty where there are none. */
  readonly zone: string;
  readonly canary: Canary;
  /** The registry says to HEAD that it has nothing, so that everything is sent. */
  readonly isEmpty?: boolean;
}

/** Secrets of which none may be seen at any other origin than the registry's. */
export interface Canary {
  readonly user: string;
  readonly password: string;
  readonly identityToken: string;
  /** That the registry's own token server issues. */
  readonly bearer: string;
}

export function makeCanary(): Canary {
  const [password, identityToken, bearer] = ['password', 'identity', 'bearer'].map(
    (kind) => `canary-${kind}-${randomBytes(6).toString('hex')}`,
  ) as [string, string, string];
  return { user: 'canary-user', password, identityToken, bearer };
}

/** `user:password` as basic authentication writes it. */
export function basicOf({ user, password }: Canary): string {
  return Buffer.from(`${user}:${password}`).toString('base64');
}

/** Tells whether text holds a secret, in any of the forms in which clients send them. */
export function holdsSecret(text: string, canary: Canary): boolean {
  const secrets = [canary.password, canary.identityToken, canary.bearer, basicOf(canary), `account=${canary.user}`];
  return secrets.some((secret) => text.includes(secret));
}

export function partyOf(name: string, port: number, usual: number): Party {
  return { name, port, host: port === usual ? name : `${name}:${port}` };
}
