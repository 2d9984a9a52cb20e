import path from 'node:path';
import type { ModuleImport, SourceFile, Violation } from './source-file.ts';

/** A part of the project with its own rules about what it may import. */
export type Room = keyof typeof ROOMS;

interface RoomRules {
  /** Rooms whose files may be imported by value; a room may always import itself. */
  readonly values: readonly string[];
  /** Rooms from which types alone may come. */
  readonly types: readonly string[];
  /** Packages that may be imported; `others` means every declared dependency outside `@temporalio`. */
  readonly packages: readonly (`@temporalio/${string}` | 'others')[];
  /** Whether Node's built-in modules may be imported. */
  readonly builtins: boolean;
}

// The order matters to nobody, but the arrows go from the bottom to the top.
const ROOMS = {
  domain: { values: [], types: [], packages: [], builtins: false },
  workflows: {
    values: ['domain'],
    types: ['activities', 'neighbours'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
    builtins: false,
  },
  // The folders below activities/, one for each neighbour in the world.
  neighbours: { values: ['domain'], types: [], packages: ['others'], builtins: true },
  // The thin files directly in activities/.
  activities: {
    values: ['neighbours', 'domain'],
    types: [],
    packages: ['@temporalio/activity', '@temporalio/common', 'others'],
    builtins: true,
  },
  worker: {
    values: ['activities', 'neighbours', 'workflows', 'domain'],
    types: [],
    packages: ['@temporalio/worker', '@temporalio/client', '@temporalio/common', 'others'],
    builtins: true,
  },
  cli: {
    values: ['worker', 'activities', 'neighbours', 'contract', 'domain'],
    types: ['workflows'],
    packages: ['@temporalio/client', '@temporalio/common', 'others'],
    builtins: true,
  },
} as const satisfies Record<string, RoomRules>;

/** The room of a file, or undefined where it lies in none (tests, measurements, configuration of tools). */
export function roomOf(file: string): Room | undefined {
  if (file.startsWith('workflows/domain/')) return 'domain';
  if (file.startsWith('workflows/')) return 'workflows';
  if (/^activities\/[^/]+\//.test(file)) return 'neighbours';
  if (file.startsWith('activities/')) return 'activities';
  if (file.startsWith('worker/')) return 'worker';
  return file.startsWith('cli/') ? 'cli' : undefined;
}

/** The file that a relative import names, relative to the project. */
export function resolveImport(importer: string, specifier: string): string {
  return path.posix.join(path.posix.dirname(importer), specifier);
}

/** Imports that go against the one direction, or out of a room's packages. */
export function findImportViolations(
  file: SourceFile,
  dependencies: ReadonlySet<string>,
): readonly Omit<Violation, 'path'>[] {
  const room = roomOf(file.path);
  if (room === undefined) return [];
  return file.imports.flatMap((one) => {
    const message = one.specifier.startsWith('.')
      ? refuseFile(room, file.path, one)
      : refusePackage(room, one.specifier, dependencies);
    return message === undefined ? [] : [{ rule: 'imports', line: one.line, message }];
  });
}

function refuseFile(room: Room, importer: string, { specifier, typeOnly }: ModuleImport): string | undefined {
  const target = resolveImport(importer, specifier);
  const targetRoom = roomOf(target);
  if (targetRoom === room) return undefined;
  const rules: RoomRules = ROOMS[room];
  const names = namesOf(target, targetRoom);
  if (names.some((name) => rules.values.includes(name))) return undefined;
  if (!names.some((name) => rules.types.includes(name))) return `${room} may not import ${target}`;
  return typeOnly ? undefined : `${room} may import ${target} by \`import type\` only`;
}

/** The workflow's public words (signals, queries, updates) are for those who call it, its code is not. */
function namesOf(target: string, room: Room | undefined): readonly string[] {
  if (room === undefined) return [];
  return /^workflows\/contract(\.ts|\/)/.test(target) ? [room, 'contract'] : [room];
}

function refusePackage(room: Room, specifier: string, dependencies: ReadonlySet<string>): string | undefined {
  const rules: RoomRules = ROOMS[room];
  if (specifier.startsWith('node:')) return rules.builtins ? undefined : `${room} may not import ${specifier}`;
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const kind = name.startsWith('@temporalio/') ? name : 'others';
  if (!rules.packages.some((allowed) => allowed === kind)) return `${room} may not import ${specifier}`;
  return dependencies.has(name) ? undefined : `${specifier} is not among the dependencies in package.json`;
}
