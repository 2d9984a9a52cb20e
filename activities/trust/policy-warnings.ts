import {
  InvalidReferenceError,
  formatReference,
  isNamePrefix,
  parseReference,
} from '../../workflows/domain/reference.ts';
import type { PolicyPath } from './policy-place.ts';
import type { Policy, Requirement, RequirementList } from './policy.ts';

/** Something legal that is hardly meant, and where it stands. */
export interface PolicyRemark {
  readonly path: PolicyPath;
  readonly message: string;
}

const SIGNED_BY = 'signedBy';

/** What is legal in a policy and hardly meant: scopes that no image has, requirements that nothing can meet. */
export function warnAbout(policy: Policy): PolicyRemark[] {
  const remarks = aboutList(policy.default, ['default']);
  for (const [transport, scopes] of policy.transports) {
    for (const [scope, list] of scopes) {
      const path: PolicyPath = ['transports', transport, scope];
      const message = transport === 'docker' && scope !== '' ? aboutScope(scope) : undefined;
      if (message !== undefined) remarks.push({ path, message });
      remarks.push(...aboutList(list, path));
    }
  }
  return remarks;
}

function aboutList(list: RequirementList, path: PolicyPath): PolicyRemark[] {
  const remarks: PolicyRemark[] = list.flatMap((requirement, index) =>
    aboutRequirement(requirement).map((message) => ({ path: [...path, index], message })),
  );
  const rejecting = list.findIndex(({ type }) => type === 'reject');
  if (rejecting >= 0 && list.length > 1) {
    remarks.push({
      path: [...path, rejecting],
      message: 'all requirements of a list must accept: the others are in vain beside reject',
    });
  }
  if (list.filter(({ type }) => type === SIGNED_BY).length > 1) {
    remarks.push({
      path,
      message:
        'all requirements of a list must accept: every image needs a signature for each signedBy; for one of several keys use keyPaths',
    });
  }
  return remarks;
}

function aboutRequirement(requirement: Requirement): string[] {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
    case 'reject':
      return [];
    case 'signedBaseLayer':
      return ['no reader implements signedBaseLayer: it refuses every image'];
    case 'sigstoreSigned':
      return ['sigstore signatures are not evaluated here: this program refuses every image where readers may accept'];
    case 'signedBy':
      return aboutSignedBy(requirement);
  }
}

function aboutSignedBy({ keyType, keys, signedIdentity }: Requirement & { type: 'signedBy' }): string[] {
  const remarks: string[] = [];
  if (keyType !== 'GPGKeys') remarks.push(`no reader implements the key type ${keyType}: it refuses every image`);
  if ('data' in keys ? keys.data.length === 0 : keys.paths.length === 0) {
    remarks.push('it names no key: it refuses every image');
  }
  if ('paths' in keys) {
    for (const path of keys.paths.filter((one) => !one.startsWith('/'))) {
      remarks.push(`the key path ${JSON.stringify(path)} is relative: it depends on where a reader is started`);
    }
  }
  if (signedIdentity.type === 'matchRepository') {
    remarks.push('matchRepository lets the signature of one tag stand for every other tag of the repository');
  }
  return remarks;
}

/** Scopes of `docker` are compared with the expanded form of references; nothing else is ever looked up. */
function aboutScope(scope: string): string | undefined {
  if (scope.startsWith('*.')) {
    const isDomain = isNamePrefix(scope.slice(2)) && !/[:/]/.test(scope);
    return isDomain ? undefined : 'no image has this scope: behind *. only a domain counts, without port and path';
  }
  const host = scope.split('/', 1)[0] ?? '';
  if (isNamePrefix(scope) && isHost(host)) {
    if (/^docker\.io\/[^/]+$/.test(scope) && scope !== 'docker.io/library') {
      return `it covers the namespace ${scope}/…; the official image is docker.io/library/${scope.slice('docker.io/'.length)}`;
    }
    return undefined;
  }
  const expanded = expand(scope);
  if (expanded === scope) return undefined;
  return `no image has this scope: scopes are written expanded${expanded === undefined ? '' : `, here ${expanded}`}`;
}

function isHost(host: string): boolean {
  return (/[.:]/.test(host) || host === 'localhost') && host !== 'index.docker.io';
}

/** A scope may be a whole reference, but not one with tag and digest, which no reader asks for. */
function expand(scope: string): string | undefined {
  try {
    const { domain, path, tag, digest } = parseReference(scope);
    return formatReference(
      digest === undefined ? { domain, path, ...(tag !== undefined && { tag }) } : { domain, path, digest },
    );
  } catch (error) {
    if (error instanceof InvalidReferenceError) return undefined;
    throw error;
  }
}
