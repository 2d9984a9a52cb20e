import { FLAG, anHourAgo, makeCertificate } from '../../../differential/openpgp/certificates.ts';
import type { CertificateForm, Statement, SubkeyForm } from '../../../differential/openpgp/certificates.ts';
import type { TestKey } from '../../../differential/openpgp/keys.ts';
import { joinMessage, makeMessage } from '../../../differential/openpgp/messages.ts';
import { packet } from '../../../differential/openpgp/packets.ts';
import { PAYLOAD } from './makings.ts';

type Rest = Omit<CertificateForm, 'kind'>;
const ed = (form: Rest): CertificateForm => ({ kind: 'ed25519', ...form });
const user = (statement: Statement): Rest => ({ users: [{ id: 'User', statements: [statement] }] });
const sub = (form: Partial<SubkeyForm>, rest: Rest = {}): CertificateForm =>
  ed({ ...rest, subkeys: [{ kind: 'p256', ...form }] });
const FOREIGN = makeCertificate({ kind: 'p384' });

const STATES: Readonly<Record<string, { readonly form: CertificateForm; readonly signer?: TestKey }>> = {
  'RSA of 1024 bits': { form: { kind: 'rsa1024' } },
  'RSA of 2047 bits': { form: { kind: 'rsa2047' } },
  DSA: { form: { kind: 'dsa2048' } },
  'newer Ed25519': { form: { kind: 'ed25519', algorithm: 27 } },
  'version 6': { form: { kind: 'ed25519', version: 6, algorithm: 27 } },
  'RSA for encryption': { form: { kind: 'rsa2048', algorithm: 2 } },
  expired: { form: ed(user({ keyExpires: 60 })) },
  revoked: { form: ed({ revoked: 'in place' }) },
  'revoked in a wrong place': { form: ed({ revoked: 'at the end' }) },
  'for certification': { form: ed(user({ flags: FLAG.certify })) },
  'for encryption': { form: ed(user({ flags: FLAG.encrypt })) },
  'for nothing': { form: ed(user({ flags: 'empty' })) },
  'without a user': { form: ed({ users: [] }) },
  'without a certification': { form: ed({ users: [{ id: 'x', statements: [] }] }) },
  'certified by MD5': { form: ed(user({ hash: 1 })) },
  'certified before it was made': { form: ed(user({ created: anHourAgo(100) })) },
  'of tomorrow': { form: ed({ created: anHourAgo(-24), ...user({ created: anHourAgo(-25) }) }) },
  'subkey without a binding': { form: sub({ bindings: [] }) },
  'subkey without a cross-signature': { form: sub({ cross: 'missing' }) },
  'subkey with a bad cross-signature': { form: sub({ cross: 'bad' }) },
  'subkey that expired': { form: sub({ bindings: [{ keyExpires: 60 }] }) },
  'subkey that is revoked': { form: sub({ revoked: true }) },
  'subkey for encryption': { form: sub({ bindings: [{ flags: FLAG.encrypt }] }) },
  'subkey bound by MD5': { form: sub({ bindings: [{ hash: 1 }] }) },
  'subkey of a revoked key': { form: sub({}, { revoked: 'in place' }) },
  'subkey of an expired key': { form: sub({}, user({ keyExpires: 60 })) },
  'subkey of short RSA': { form: sub({ kind: 'rsa1024' }) },
  'subkey of a short key': { form: { kind: 'rsa1024', subkeys: [{ kind: 'p256' }] } },
  'foreign subkey put in': { form: ed({ behind: [packet(14, FOREIGN.primary.body)] }), signer: FOREIGN.primary },
  stranger: { form: ed({}), signer: FOREIGN.primary },
};

/** Good messages of keys that must not be believed, each with the key file that is trusted. */
export function keyStates(): { name: string; blob: Buffer; keyFile: Buffer }[] {
  return Object.entries(STATES).map(([name, { form, signer }]) => {
    const { primary, subkeys, bytes } = makeCertificate(form);
    const blob = joinMessage(makeMessage(signer ?? subkeys[0] ?? primary, PAYLOAD));
    return { name: `key: ${name}`, blob, keyFile: bytes };
  });
}
