/** What Tekton's own packages say, offline: see `validate/main.go`. */
import { parseAllDocuments, stringify } from 'yaml';
import { runCommand } from '../command.ts';
import { ensureParts } from '../parts/index.mjs';
import type { Delivery } from './push-deliveries.ts';

/** What was said of one document. */
export interface Verdict {
  readonly file: string;
  readonly line: number;
  readonly kind?: string;
  readonly name?: string;
  readonly problems?: readonly string[];
  readonly warnings?: readonly string[];
  /** Nobody here knows the kind well enough. */
  readonly skipped?: boolean;
}

/** A run that a delivery would create. */
export interface CreatedRun {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: { readonly params: readonly { readonly name: string; readonly value: string }[] };
}

/** What became of a delivery; `refused` says by trigger why it did not fire. */
export interface Outcome {
  readonly created: readonly CreatedRun[];
  readonly refused: Readonly<Record<string, string>>;
}

/** Tekton's defaulting and validation, and the strict decoding of Kubernetes' own kinds. */
export async function checkFiles(files: readonly string[]): Promise<readonly Verdict[]> {
  const { documents } = (await ask(['check', ...files])) as { documents: readonly Verdict[] };
  return documents;
}

/** What `kubectl apply -k` would apply, as documents. */
export async function kustomize(folder: string): Promise<readonly unknown[]> {
  const { folders } = (await ask(['kustomize', folder])) as { folders: readonly { yaml?: string; problem?: string }[] };
  const [{ yaml, problem } = {}] = folders;
  if (yaml === undefined) throw new Error(`kustomize ${folder}: ${problem}`);
  return parseAllDocuments(yaml).map((document) => document.toJS() as unknown);
}

/** What the EventListener among the documents makes of each delivery. */
export async function deliver(request: {
  readonly documents: readonly unknown[];
  readonly secrets: Readonly<Record<string, Readonly<Record<string, string>>>>;
  readonly deliveries: readonly Delivery[];
}): Promise<readonly Outcome[]> {
  const documents = request.documents.map((document) => stringify(document));
  const { outcomes } = (await ask(['deliver'], JSON.stringify({ ...request, documents }))) as {
    outcomes: readonly Outcome[];
  };
  return outcomes;
}

async function ask(args: readonly string[], input = ''): Promise<unknown> {
  const { 'tekton-validate': program } = await ensureParts(['tekton-validate']);
  const { code, stdout, stderr } = await runCommand(program, args, { input });
  if (code !== 0) throw new Error(`tekton-validate ${args[0]}: exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as unknown;
}
