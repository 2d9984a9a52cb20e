import { JsonError, parseJson } from '../signing/index.ts';
import type { JsonValue } from '../signing/index.ts';
import { lineAndColumn, locateJson } from './locate-json.ts';
import { parseRequirements } from './parse-requirement.ts';
import { Place, formatPath } from './policy-place.ts';
import type { NotedProblem, PolicyPath } from './policy-place.ts';
import { warnAbout } from './policy-warnings.ts';
import type { PolicyRemark } from './policy-warnings.ts';
import type { Policy, RequirementList } from './policy.ts';
import { scopeProblem } from './transport-scopes.ts';

/** Something for which readers refuse the whole file, and with it every image. */
export interface PolicyProblem {
  /** As in `transports.docker["r.example.com"][0].keyPath`; empty for the document itself. */
  readonly place: string;
  /** From 1; absent where the file is not even text. */
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** Something legal that is hardly meant. */
export interface PolicyWarning {
  readonly place: string;
  readonly line?: number;
  readonly column?: number;
  readonly message: string;
}

/** What is to be said about a policy.json. */
export interface PolicyCheck {
  /** The policy, where no reader refuses it. */
  readonly policy?: Policy;
  /** In the order of the file; empty where there is a policy. */
  readonly problems: readonly PolicyProblem[];
  readonly warnings: readonly PolicyWarning[];
}

/** Checks a policy.json as readers do, and names everything that is wrong, not only the first. */
export function checkPolicy(bytes: Uint8Array, file = 'policy.json'): PolicyCheck {
  const text = Buffer.from(bytes).toString('utf8');
  let document: JsonValue;
  try {
    document = parseJson(bytes);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    return { problems: [notJson(error, text)], warnings: [] };
  }
  const noted: NotedProblem[] = [];
  const policy = readPolicy(new Place(document, [], { problems: noted }), file);
  const problems = noted
    .map((problem) => ({ problem, offset: locateJson(text, problem.path, problem.isRepeated === true ? 2 : 1) }))
    .sort((one, other) => one.offset - other.offset)
    .map(({ problem, offset }) => ({ ...placed(problem.path, text, offset), message: problem.message }));
  if (policy === undefined || problems.length > 0) return { problems, warnings: [] };
  return { policy, problems, warnings: warnAbout(policy).map((remark) => warning(remark, text)) };
}

function readPolicy(top: Place, file: string): Policy | undefined {
  const members = top.exactly({ required: ['default'], optional: ['transports'] });
  if (members === undefined) return undefined;
  const written = members.get('default');
  const fallback = written && parseRequirements(written);
  const transports = readTransports(members.get('transports'));
  return fallback && transports && { file, default: fallback, transports };
}

function readTransports(place: Place | undefined): Policy['transports'] | undefined {
  const transports = new Map<string, ReadonlyMap<string, RequirementList>>();
  if (place === undefined) return transports;
  for (const [transport, scopes] of place.members() ?? []) {
    const lists = new Map<string, RequirementList>();
    for (const [scope, requirements] of scopes.members() ?? []) {
      const problem = scopeProblem(transport, scope);
      if (problem !== undefined) requirements.refuse(problem);
      const list = parseRequirements(requirements);
      if (list !== undefined) lists.set(scope, list);
    }
    transports.set(transport, lists);
  }
  return transports;
}

function notJson({ message }: JsonError, text: string): PolicyProblem {
  const [, position] = /at character (\d+)$/.exec(message) ?? [];
  return { place: '', ...(position !== undefined && lineAndColumn(text, Number(position))), message };
}

function warning({ path, message }: PolicyRemark, text: string): PolicyWarning {
  return { ...placed(path, text, locateJson(text, path)), message };
}

function placed(path: PolicyPath, text: string, offset: number): Omit<PolicyProblem, 'message'> {
  return { place: formatPath(path), ...lineAndColumn(text, offset) };
}
