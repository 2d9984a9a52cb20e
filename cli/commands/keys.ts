import type { Command } from 'commander';
import { Option } from 'commander';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { addKeysCheck } from './keys-check.ts';
import { addKeysImport, readPassphrase } from './keys-import.ts';
import { addKeysExport, addKeysShow } from './keys-show.ts';
import type { KeyOptions } from '../../activities/signing/index.ts';

interface GenerateOptions {
  readonly user: string;
  readonly type: string;
  readonly passphraseFile?: string;
  readonly expiresInDays?: string;
  readonly out: string;
}

const USER_ID = /^([^<>\p{Cc}]*[^<>\p{Cc}\s]) <([^<>\s@]+@[^<>\s@]+)>$/u;
const TYPES: Readonly<Record<string, KeyOptions['type']>> = {
  rsa3072: 'rsa3072',
  rsa4096: 'rsa4096',
  ed25519: 'ed25519',
  'ed25519-legacy': 'ed25519',
};
const EXAMPLES = `
Writes signing-key.asc (for its owner alone) and public-key.asc into the directory; what is there is never replaced. The
primary key signs, and there is no subkey: older readers refuse the signatures of signing subkeys.
RSA is read by every reader. ed25519, or ed25519-legacy, is the one of GnuPG (algorithm 22); "oc" cannot verify it.

Examples:
  countersign keys generate --user "Production <prod@example.com>" --passphrase-file prod.pass --out secrets/prod
  countersign keys generate --user "Ann Lee <ann@example.com>" --type ed25519-legacy --expires-in-days 730 --out ann`;

/** `keys`: OpenPGP keys. */
export function addKeys(parent: Command, host: Host): void {
  const keys = parent
    .command('keys')
    .summary('make, show, export, import and check OpenPGP keys')
    .description('Makes, shows, exports, imports and checks OpenPGP keys.')
    .helpCommand(false)
    .addHelpText(
      'after',
      '\nExamples:\n  countersign keys generate --user "Production <prod@example.com>" --out secrets/prod\n  countersign keys show prod.asc\n  countersign keys check',
    );
  const generate = keys
    .command('generate')
    .summary('make a signing key')
    .description('Makes a key of the form that all readers accept.')
    .requiredOption('--user <id>', 'whose key it is, "NAME <MAIL>"')
    .addOption(new Option('--type <type>', 'kind of key').choices(Object.keys(TYPES)).default('rsa3072'))
    .option('--passphrase-file <file>', 'protects the key with the passphrase in the first line')
    .option('--expires-in-days <days>', 'when the key expires (default: never)')
    .requiredOption('--out <directory>', 'where both files are written')
    .addHelpText('after', EXAMPLES);
  onCall<GenerateOptions>(generate, host, runGenerate);
  addKeysShow(keys, host);
  addKeysExport(keys, host);
  addKeysImport(keys, host);
  addKeysCheck(keys, host);
}

async function runGenerate(call: Call, { options }: ActionInput<GenerateOptions>): Promise<ExitCode> {
  const [, name, email] = USER_ID.exec(options.user) ?? [];
  if (name === undefined || email === undefined) throw usageError('--user: expected "NAME <MAIL>"');
  const { generateKeyFiles } = await import('../images/key-files.ts');
  const passphrase = await readPassphrase(call, options.passphraseFile);
  const days = options.expiresInDays === undefined ? undefined : parseDays(options.expiresInDays);
  const made = await generateKeyFiles(call.resolvePath(options.out), {
    userId: { name, email },
    type: TYPES[options.type] ?? 'rsa3072',
    ...(passphrase !== undefined && { passphrase }),
    ...(days !== undefined && { expiresInDays: days }),
  });
  if (passphrase === undefined)
    call.report.warn(`${made.privateKeyFile} has no passphrase; whoever reads the file can sign`);
  call.report.result(made, () =>
    [
      `fingerprint  ${made.fingerprint}`,
      `private key  ${made.privateKeyFile}`,
      `public key   ${made.publicKeyFile}`,
    ].join('\n'),
  );
  return EXIT.success;
}

function parseDays(text: string): number {
  const days = Number(text);
  if (!Number.isInteger(days) || days < 1 || days > 36_500) throw usageError('--expires-in-days: expected 1 to 36500');
  return days;
}
