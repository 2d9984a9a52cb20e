import type { Command } from 'commander';
import { answerEach, answerObjects, answerOne } from '../batch/answer-each.ts';
import { onCall } from '../call.ts';
import type { ActionInput, Call, Host } from '../call.ts';
import { EXIT } from '../exit-codes.ts';
import type { ExitCode } from '../exit-codes.ts';
import { usageError } from '../failure.ts';
import { alignRows } from '../output/table.ts';
import type { ComparedReferences, DescribedReference } from '../trust/describe-reference.ts';

const PARSE_HELP = `
Normalizes as container runtimes do: docker.io and library/ are filled in, nothing else. With "-" the references come from
standard input, one per line (or one JSON string per line, for any text). JSON: input, reference (expanded), familiar,
domain, path, repository, tag, digest, pull, scopes; or input and error {code, message}. Ends with 2 for what is none.

Examples:
  countersign reference parse busybox
  countersign reference parse registry.example.com:5000/acme/web:1.4.2 --output json
  countersign reference parse - < references.txt`;

const COMPARE_HELP = `
Says whether a signature that claims SIGNED is good for IMAGE, by each kind of signedIdentity that needs no parameter.
Ends with 0 where both are the same, else with 1.
With "-" each line of standard input is {"image": …, "signed": …, "identity": {"type": …}}; identity is optional, as
policy.json writes it, and then the line's answer is whether that one matches.

Examples:
  countersign reference compare quay.example.com/acme/web:1 quay.example.com/acme/web:2
  echo '{"image":"a.io/x:1","signed":"b.io/x:1","identity":{"type":"remapIdentity","prefix":"a.io","signedPrefix":"b.io"}}' \\
    | countersign reference compare -`;

/** `reference`: image references. */
export function addReference(parent: Command, host: Host): void {
  const reference = parent
    .command('reference')
    .summary('parse and compare image references')
    .description('Parses, normalizes and compares image references.')
    .helpCommand(false)
    .addHelpText('after', '\nExamples:\n  countersign reference parse busybox\n  countersign reference compare A B');
  const parse = reference
    .command('parse')
    .summary('take references apart')
    .description('Takes references apart, in the expanded form that signatures claim.')
    .argument('<reference...>', 'references, or "-"')
    .addHelpText('after', PARSE_HELP);
  onCall(parse, host, runParse);
  const compare = reference
    .command('compare')
    .summary("compare an image with a signature's claim")
    .description('Compares the reference of an image with the one that a signature claims.')
    .argument('<image>', 'the image as somebody asks for it, or "-"')
    .argument('[signed]', 'the reference that a signature claims')
    .addHelpText('after', COMPARE_HELP);
  onCall(compare, host, runCompare);
}

async function runParse(call: Call, { args }: ActionInput<object>): Promise<ExitCode> {
  const { describeReference } = await import('../trust/describe-reference.ts');
  return await answerEach(call, args, {
    answer: (text) => Promise.resolve().then(() => describeReference(text)),
    exitCode: () => EXIT.success,
    text: referenceText,
    concurrency: 1,
    blankLines: 'answer',
  });
}

async function runCompare(call: Call, { args: [image = '', signed] }: ActionInput<object>): Promise<ExitCode> {
  const { compareReferences } = await import('../trust/describe-reference.ts');
  const oneShot = { exitCode: compareCode, text: (one: ComparedReferences) => compareText(one), concurrency: 1 };
  if (image === '-' && signed === undefined) {
    return await answerObjects(call, {
      ...oneShot,
      answer: ({ image: asked, signed: claimed, identity, ...others }) => {
        const [unknown] = Object.keys(others).filter((name) => name !== 'id');
        if (unknown !== undefined) throw usageError(`unknown member ${JSON.stringify(unknown)}`);
        if (typeof asked !== 'string' || typeof claimed !== 'string') throw usageError('expected image and signed');
        return Promise.resolve(compareReferences(asked, claimed, identity));
      },
    });
  }
  if (signed === undefined) throw usageError('expected IMAGE and SIGNED, or "-"');
  return await answerOne(
    call,
    { image, signed },
    { ...oneShot, answer: (given) => Promise.resolve().then(() => compareReferences(given.image, given.signed)) },
  );
}

/** Where one identity was asked for, whether it matches; else whether both are the same. */
function compareCode({ equal, matches }: ComparedReferences): ExitCode {
  const [only, ...more] = Object.values(matches);
  const good = more.length === 0 ? only === true : equal;
  return good ? EXIT.success : EXIT.failure;
}

function referenceText(one: DescribedReference): string {
  const rows: (readonly [string, string])[] = [
    ['  familiar', one.familiar],
    ['  domain', one.domain],
    ['  path', one.path],
    ['  tag', one.tag ?? '-'],
    ['  digest', one.digest ?? '-'],
    ['  pulled as', one.pull ?? 'refused by registries: it has a tag and a digest'],
    ['  scopes', one.scopes.join('  ')],
  ];
  return [one.reference, ...alignRows(rows)].join('\n');
}

function compareText({ image, signed, equal, sameRepository, matches }: ComparedReferences): string {
  const rows: (readonly [string, string])[] = [
    ['  image', image],
    ['  signed', signed ?? 'no reference, which never matches'],
    ...Object.entries(matches).map(([kind, good]) => [`  ${kind}`, good ? 'yes' : 'no'] as const),
  ];
  const word = equal ? 'the same' : sameRepository ? 'another tag or digest of one repository' : 'different';
  return [word, ...alignRows(rows)].join('\n');
}
