import { enums } from 'openpgp';
import type { Config, Key, SignaturePacket, Subkey, User } from 'openpgp';
import { ANY_TIME } from './openpgp-config.ts';

/** The newest statement of a key about its first user; version 6 makes it about the key itself. */
export async function newestKeyStatement(key: Key, config: Config): Promise<SignaturePacket | undefined> {
  if (key.keyPacket.version < 6) {
    const primary = await key.getPrimaryUser(ANY_TIME, undefined, config).catch(() => undefined);
    return primary?.selfCertification;
  }
  // Missing in the library's types.
  const { directSignatures } = key as Key & { readonly directSignatures: readonly SignaturePacket[] };
  return await newestValid(directSignatures, (signature) =>
    signature.verify(key.keyPacket, enums.signature.key, { key: key.keyPacket }, ANY_TIME, undefined, config),
  );
}

/** The newest valid certification of a user by the key itself. */
export async function newestCertification(user: User, config: Config): Promise<SignaturePacket | undefined> {
  const key = user.mainKey.keyPacket;
  const data = { userID: user.userID, userAttribute: user.userAttribute, key };
  return await newestValid(user.selfCertifications, (signature) =>
    signature.verify(key, signature.signatureType ?? enums.signature.certGeneric, data, ANY_TIME, undefined, config),
  );
}

/** The newest valid binding of a subkey by its primary key. */
export async function newestBinding(subkey: Subkey, config: Config): Promise<SignaturePacket | undefined> {
  const key = subkey.mainKey.keyPacket;
  const data = { key, bind: subkey.keyPacket };
  return await newestValid(subkey.bindingSignatures, (signature) =>
    signature.verify(key, enums.signature.subkeyBinding, data, ANY_TIME, undefined, config),
  );
}

/** Anybody may attach a signature with a later date, so the date alone decides nothing. */
async function newestValid(
  signatures: readonly SignaturePacket[],
  verify: (signature: SignaturePacket) => Promise<unknown>,
): Promise<SignaturePacket | undefined> {
  for (const signature of signatures.toSorted((a, b) => Number(b.created) - Number(a.created))) {
    const isGood = await verify(signature).then(
      () => true,
      () => false,
    );
    if (isGood) return signature;
  }
  return undefined;
}
