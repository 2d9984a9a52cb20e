/** The words of the table of behaviours. */
import type { Piece } from './content.ts';
import type { HeaderFields, RawExchange } from './raw-server.ts';
import type { Stage } from './stage.ts';

/** What a client is asked to do; each meets other endpoints. */
export type Probe =
  | 'manifest'
  | 'manifest-by-digest'
  | 'tree'
  | 'has-manifest'
  | 'put-manifest'
  | 'delete-tag'
  | 'blob'
  | 'bulk-blob'
  | 'has-blob'
  | 'upload'
  | 'bulk-upload'
  | 'huge-upload'
  | 'mount'
  | 'referrers'
  | 'signatures'
  | 'lookaside';

export type Endpoint =
  | 'ping'
  | 'token'
  | 'manifest'
  | 'blob'
  | 'open-upload'
  | 'upload'
  | 'put-manifest'
  | 'delete-manifest'
  | 'referrers'
  | 'signatures'
  | 'lookaside'
  | 'tags'
  | 'other';

/** What a behaviour can fall back on. */
export interface Service {
  readonly stage: Stage;
  readonly endpoint: Endpoint;
  /** Scheme, host and port of the registry. */
  readonly registryOrigin: string;
  readonly proper: () => void;
}

/** The row of the list of attacks that a behaviour belongs to, by the name that row goes under. */
export type Threat =
  | 'digest-strings'
  | 'realm'
  | 'realm-bypass'
  | 'upload-location'
  | 'redirect'
  | 'foreign-layer'
  | 'lying-digest'
  | 'ambiguous-manifest'
  | 'too-much'
  | 'encoding'
  | 'framing'
  | 'transport-security'
  | 'mount'
  | 'lookaside'
  | 'signature-flood'
  | 'too-slow'
  | 'retry-after';

/** Error codes of ours, or that all goes well. */
export type Outcome =
  | 'success'
  | 'absent'
  | 'access-denied'
  | 'configuration-invalid'
  | 'content-mismatch'
  | 'image-unknown'
  | 'manifest-unsupported'
  | 'not-served'
  | 'rate-limited'
  | 'registry-refused'
  | 'registry-unavailable'
  | 'served-wrong';

export interface Behaviour {
  readonly name: string;
  readonly threat: Threat;
  /** What the server does, at which endpoint. */
  readonly does: string;
  /** What a sound client must do. */
  readonly sound: string;
  readonly probes: readonly Probe[];
  /** What the registry wants to hear before it answers. Default `basic`. */
  readonly auth?: 'basic' | 'bearer' | 'none';
  /** Lines of `WWW-Authenticate` in place of the proper one; with places as `fill` knows them. */
  readonly challenges?: readonly string[];
  /** The endpoints that misbehave, once authentication is done. */
  readonly at?: readonly Endpoint[];
  readonly answer?: Answer;
  /** The pause between two pieces that are read of a body, in milliseconds. Default: none. */
  readonly readsEveryMs?: number;
  /** What carries large bodies. Default: the raw data path. */
  readonly dataPath?: 'undici';
  /** What the registry proves by its TLS, or speaks in its place. Default `good`. */
  readonly tls?: 'good' | 'unknown-authority' | 'other-name' | 'plain' | 'garbage' | 'silent';
  /** Other origins than the registry's; they answer tokens, and 401 to all else. */
  readonly elsewhere?: Answer;
  /** What a sound client makes of it. */
  readonly expect: readonly Outcome[];
  /** Whether other origins may be asked at all; never with a credential. Default `never`. */
  readonly asksElsewhere?: 'never' | 'without-credential';
  /** Who may know the secrets. Default: the registry's origin alone; `any-port`: its host, over https. */
  readonly mayKnow?: 'any-port';
  /** Our client takes many seconds to be done with it. */
  readonly takesLong?: boolean;
  /** For clients that need a time limit to be done with it, in milliseconds. */
  readonly timeoutMs?: number;
  /** What the client has for the registry. Default `password`. */
  readonly credential?: 'password' | 'identity-token' | 'none';
  /** It works with names that resolve to what the attacker wants, which no other program can be made to see. */
  readonly needsNames?: boolean;
}

/** Answers in the server's place; `service.proper()` answers as a good registry would. */
export type Answer = (exchange: RawExchange, service: Service) => void | Promise<void>;

/** What the lists of behaviours leave out. */
export type BehaviourDraft = Omit<Behaviour, 'threat' | 'sound' | 'expect'> & Partial<Behaviour>;

/** Gives every behaviour of a list what they have in common. */
export function behaviours(
  common: Pick<Behaviour, 'threat' | 'sound' | 'expect'> & Partial<Behaviour>,
  list: readonly BehaviourDraft[],
): readonly Behaviour[] {
  return list.map((one) => ({ ...common, ...one }));
}

/** Replaces `{registry}`, `{registryName}`, `{attacker}`, `{attackerName}`, `{port}` and `{name:LABEL}`. */
export function fill(text: string, stage: Stage): string {
  const places: Readonly<Record<string, string>> = {
    registry: stage.registry.host,
    registryName: stage.registry.name,
    attacker: stage.attacker.host,
    attackerName: stage.attacker.name,
    port: String(stage.attacker.port),
  };
  return text.replace(/\{(\w+)(?::([\w.-]+))?\}/g, (whole, place: string, label?: string) => {
    if (place === 'name') return `${label ?? ''}${stage.zone}`;
    return places[place] ?? whole;
  });
}

/** An answer that leads to `location`. */
export function leadTo(location: string, status = 307, more: HeaderFields = {}): Answer {
  return ({ reply }, { stage }) => reply(status, { location: fill(location, stage), ...more });
}

/** An answer with these headers and this body. */
export function say(status: number, headers: HeaderFields, body?: string | Buffer): Answer {
  return ({ reply }) => reply(status, headers, body);
}

/** Serves a document under every name. */
export function serving({ bytes, mediaType }: Pick<Piece, 'bytes' | 'mediaType'>, digest: string): Answer {
  return say(200, { 'content-type': mediaType, 'docker-content-digest': digest }, bytes);
}
