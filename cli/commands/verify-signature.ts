import type { Command } from 'commander';
import { answerObjects, answerOne } from '../batch/answer-each.ts';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { printable } from '../output/escape.ts';
import type { VerifiedBlob } from '../trust/verify-blob.ts';

interface VerifySignatureOptions {
  readonly key?: readonly string[];
  readonly manifest?: string;
  readonly digest?: string;
  readonly identity?: string;
  readonly time?: string;
}

const CONCURRENCY = 4;
const HELP = `
Verifies one stored signature by itself, without registry, policy and store, as "skopeo standalone-verify" does: the key,
the digest of the manifest, and, where --identity is given, the reference that it must claim. Key files hold one or more
certificates, armoured or binary. Ends with 1 where the signature is not accepted.
With "-" each line of standard input is one JSON object
  {"blob": F, "key": F or [F, …], "digest": "sha256:…" or "manifest": F, "identity": "…", "time": "2026-11-21T08:00:00Z"}
where F is a file name, {"base64": "…"} or {"text": "…"}; identity and time are optional, and "id" is yours.
JSON: input, accepted, rule, reason, and of a good signature fingerprint, digest, reference, created, creator, timestamp.

Examples:
  countersign verify-signature signature-1 --key prod.asc --manifest manifest.json --identity registry.example.com/web:1
  countersign verify-signature - < cases.jsonl > verdicts.jsonl`;

/** `verify-signature`: one signature by itself. */
export function addVerifySignature(parent: Command, host: Host): void {
  const command = parent
    .command('verify-signature')
    .summary('verify a stored signature by itself')
    .description('Verifies a stored signature by itself, without registry, policy and store.')
    .argument('<signature>', 'the file, or "-"')
    .option('--key <file...>', 'public keys; any of them is enough')
    .option('--manifest <file>', 'the manifest that it is for')
    .option('--digest <digest>', "or the manifest's digest")
    .option('--identity <reference>', 'the reference that it must claim')
    .option('--time <time>', 'judge as of then (default: now)')
    .addHelpText('after', HELP);
  onCall<VerifySignatureOptions>(command, host, runVerifySignature);
}

async function runVerifySignature(
  call: Call,
  { args: [blob = ''], options }: ActionInput<VerifySignatureOptions>,
): Promise<ExitCode> {
  const { BlobVerifier } = await import('../trust/verify-blob.ts');
  const verifier = new BlobVerifier({ resolvePath: (file) => call.resolvePath(file) }, () => call.terminal.now());
  const oneShot = {
    answer: (material: Readonly<Record<string, unknown>>) => verifier.verify(material),
    exitCode: ({ accepted }: VerifiedBlob) => (accepted ? EXIT.success : EXIT.failure),
    text: (verdict: VerifiedBlob) => verdictText(call, verdict),
    concurrency: CONCURRENCY,
  };
  if (blob !== '-') return await answerOne(call, { blob, ...options }, oneShot);
  if (Object.keys(options).length > 0) throw usageError('"-": keys, digests and identities stand in the lines');
  return await answerObjects(call, oneShot);
}

function verdictText({ report: { style } }: Call, { accepted, reason, reference, digest }: VerifiedBlob): string {
  const word = accepted ? style.good('accepted') : style.bad('refused');
  const claim = reference === undefined ? [] : [`  claims ${printable(reference)} ${digest ?? ''}`];
  return [`${word}: ${printable(reason)}`, ...claim].join('\n');
}
