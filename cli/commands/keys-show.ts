import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { answerEach } from '../batch/answer-each.ts';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';

interface ExportOptions {
  readonly binary?: boolean;
  readonly minimal?: boolean;
  readonly out?: string;
}

const CONCURRENCY = 4;
const SHOW_HELP = `
Shows every certificate of the files, public or private (no passphrase is needed), however old or weak, and who can verify
its signatures: GnuPG (skopeo, podman, CRI-O), the Go library (oc), Sequoia, and countersign itself.
JSON: input, file, keys [{fingerprint, version, algorithm, created, expiresAt, revoked, maySign, userIds, secret, subkeys,
readers [{reader, programs, accepts, why}], warnings}]; accepts is yes, no, or newer (only since library 5.37).
Ends with 1 where a file holds no key, 2 where it cannot be read.

Examples:
  countersign keys show prod.asc
  countersign keys show keys/*.asc --output json`;

const EXPORT_HELP = `
Writes the public part of every key of the file, of a private one too; no passphrase is needed. Several keys come in one
armoured block, which every reader reads whole. --minimal leaves out what others certified and what is outdated.

Examples:
  countersign keys export secrets/prod/signing-key.asc > prod.asc
  countersign keys export ring.asc --minimal --binary --out prod.gpg`;

/** `keys show`: what a key is, and who accepts it. */
export function addKeysShow(keys: Command, host: Host): void {
  const command = keys
    .command('show')
    .summary('show keys, and who accepts them')
    .description('Shows the keys of files, and which readers accept their signatures.')
    .argument('<file...>', 'armoured or binary key files, or "-"')
    .addHelpText('after', SHOW_HELP);
  onCall(command, host, async (call, { args }) => {
    const [{ showKeyFile }, { keyFileText }] = await Promise.all([
      import('../keys/show-key-file.ts'),
      import('../output/key-text.ts'),
    ]);
    return await answerEach(call, args, {
      answer: (file) => showKeyFile(call.resolvePath(file), new Date(call.terminal.now())),
      exitCode: () => EXIT.success,
      text: (shown) => keyFileText(shown, call.report.style),
      concurrency: CONCURRENCY,
    });
  });
}

/** `keys export`: the public part. */
export function addKeysExport(keys: Command, host: Host): void {
  const command = keys
    .command('export')
    .summary('write the public part of keys')
    .description('Writes the public part of the keys of a file.')
    .argument('<file>', 'armoured or binary key file')
    .option('--binary', 'not armoured; needs --out')
    .option('--minimal', 'only what readers need')
    .option('--out <file>', 'a new file (default: standard output)')
    .addHelpText('after', EXPORT_HELP);
  onCall<ExportOptions>(command, host, runExport);
}

async function runExport(call: Call, { args: [file = ''], options }: ActionInput<ExportOptions>): Promise<ExitCode> {
  const { binary = false, minimal = false, out } = options;
  if (binary && out === undefined) throw usageError('--binary needs --out');
  const [{ armorPublicKeys, exportPublicKeys }, { readKeyFile }] = await Promise.all([
    import('../../activities/signing/index.ts'),
    import('../keys/show-key-file.ts'),
  ]);
  const name = call.resolvePath(file);
  const packets = await exportPublicKeys({ name, bytes: await readKeyFile(name) }, { minimal });
  const armored = armorPublicKeys(packets);
  if (out === undefined) {
    call.report.result({ file: name, publicKey: armored }, () => armored.trimEnd());
    return EXIT.success;
  }
  const target = call.resolvePath(out);
  await create(target, binary ? packets : armored);
  call.report.result({ file: name, out: target }, () => `written to ${target}`);
  return EXIT.success;
}

async function create(file: string, content: string | Uint8Array): Promise<void> {
  try {
    await writeFile(file, content, { flag: 'wx', mode: 0o644 });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw usageError(code === 'EEXIST' ? `${file} exists and is not replaced` : `--out ${file}: ${code}`);
  }
}
