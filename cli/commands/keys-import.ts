import type { Command } from 'commander';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { printable } from '../output/escape.ts';

interface ImportOptions {
  readonly fromGpg?: boolean;
  readonly homedir?: string;
  readonly passphraseFile?: string;
  readonly public?: boolean;
  readonly out: string;
}

const HELP = `
Runs gpg --export and gpg --export-secret-keys for exactly one key, looks at what comes out, and writes signing-key.asc and
public-key.asc, and with --passphrase-file signing-key.passphrase; nothing that is there is replaced.
The private key keeps the passphrase that it has in GnuPG. With --passphrase-file gpg is given it and asks nobody, and the
key is opened once before anything is written; without, the agent asks at the terminal, and signing-key.passphrase has to
be put beside the key by hand. A passphrase is never an argument, and never shown.

Examples:
  countersign keys import prod@example.com --from-gpg --passphrase-file prod.pass --out secrets/prod
  countersign keys import 63BA4C1E… --from-gpg --homedir /mnt/offline/gnupg --public --out keys`;

/** `keys import`: a key of GnuPG. */
export function addKeysImport(keys: Command, host: Host): void {
  const command = keys
    .command('import')
    .summary('take a key from GnuPG')
    .description('Takes a key from GnuPG into the files that countersign uses.')
    .argument('<name>', 'fingerprint, key id, mail address or user id')
    .option('--from-gpg', "from the caller's GnuPG, the one source there is")
    .option('--homedir <directory>', "GnuPG's directory (default: its own)")
    .option('--passphrase-file <file>', 'the passphrase of the key, in the first line')
    .option('--public', 'the public key only')
    .requiredOption('--out <directory>', 'where the files are written')
    .addHelpText('after', HELP);
  onCall<ImportOptions>(command, host, runImport);
}

async function runImport(call: Call, { args: [name = ''], options }: ActionInput<ImportOptions>): Promise<ExitCode> {
  if (options.fromGpg !== true) throw usageError('expected --from-gpg');
  // To gpg such a name would be an option, or every key.
  if (name === '' || name.startsWith('-')) throw usageError('<name>: expected a fingerprint, mail address or user id');
  const { importFromGpg } = await import('../keys/import-from-gpg.ts');
  const passphrase = await readPassphrase(call, options.passphraseFile);
  const imported = await importFromGpg(call.terminal, {
    name,
    directory: call.resolvePath(options.out),
    publicOnly: options.public === true,
    ...(options.homedir !== undefined && { homedir: call.resolvePath(options.homedir) }),
    ...(passphrase !== undefined && { passphrase }),
  });
  for (const warning of imported.warnings) call.report.warn(warning);
  const { fingerprint, userIds, privateKeyFile, passphraseFile, publicKeyFile } = imported;
  call.report.result(imported, () =>
    [
      `fingerprint  ${fingerprint}`,
      ...userIds.map((id) => `user id      ${printable(id)}`),
      ...(privateKeyFile === null ? [] : [`private key  ${privateKeyFile}`]),
      ...(passphraseFile === null ? [] : [`passphrase   ${passphraseFile}`]),
      `public key   ${publicKeyFile}`,
    ].join('\n'),
  );
  return EXIT.success;
}

/**
 * The passphrase in the first line of a file, where one is named.
 * @throws CliError for a file that cannot be read, or whose first line is empty.
 */
export async function readPassphrase(call: Call, file: string | undefined): Promise<string | undefined> {
  if (file === undefined) return undefined;
  const [{ readOptionBytes }, { parsePassphraseFile }] = await Promise.all([
    import('../images/docker-credentials.ts'),
    import('../../activities/signing/index.ts'),
  ]);
  const passphrase = parsePassphraseFile(await readOptionBytes(call.resolvePath(file), '--passphrase-file'));
  if (passphrase === '') throw usageError('--passphrase-file: its first line is empty');
  return passphrase;
}
