import { formatReference, formatRepository } from '../../workflows/domain/reference.ts';
import type { KeySource, Requirement, SignedIdentity } from './policy.ts';

/** What a requirement demands, in one sentence. */
export function describeRequirement(requirement: Requirement): string {
  switch (requirement.type) {
    case 'insecureAcceptAnything':
      return 'nothing: every image is accepted, signed or not';
    case 'reject':
      return 'nothing helps: every image is refused';
    case 'signedBaseLayer':
      return 'a signed base layer, which no reader implements: every image is refused';
    case 'sigstoreSigned':
      return 'a sigstore signature, which is not evaluated here: every image is refused';
    case 'signedBy':
      if (requirement.keyType !== 'GPGKeys') {
        return `a key of type ${requirement.keyType}, which no reader implements: every image is refused`;
      }
      return `a signature of one of the keys in ${describeKeySource(requirement.keys).join(', ') || 'no file at all'} that claims ${describeIdentity(requirement.signedIdentity)}`;
  }
}

/** The keys and the identity of a requirement, where it has them. */
export function describeKeys(requirement: Requirement): {
  readonly keys: readonly string[];
  readonly identity?: string;
} {
  switch (requirement.type) {
    case 'signedBy':
      return { keys: describeKeySource(requirement.keys), identity: requirement.signedIdentity.type };
    case 'sigstoreSigned':
      return { keys: [], identity: requirement.signedIdentity.type };
    case 'signedBaseLayer':
      return { keys: [], identity: requirement.baseLayerIdentity.type };
    case 'insecureAcceptAnything':
    case 'reject':
      return { keys: [] };
  }
}

function describeKeySource(keys: KeySource): readonly string[] {
  return 'data' in keys ? ['keyData'] : keys.paths;
}

function describeIdentity(identity: SignedIdentity): string {
  switch (identity.type) {
    case 'matchExact':
      return 'exactly the reference that is pulled';
    case 'matchRepoDigestOrExact':
      return 'exactly the tag that is pulled, or for a pull by digest any tag of the repository';
    case 'matchRepository':
      return 'any tag of the repository that is pulled, which lets one tag stand for another';
    case 'exactReference':
      return `exactly ${formatReference(identity.dockerReference)}`;
    case 'exactRepository':
      return `any tag of ${formatRepository(identity.dockerRepository)}`;
    case 'remapIdentity':
      return `the reference that is pulled with ${identity.prefix} replaced by ${identity.signedPrefix}, or for a pull by digest any tag of that repository`;
  }
}
