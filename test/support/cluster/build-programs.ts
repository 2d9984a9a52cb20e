/** Builds what is missing of the cluster's programs into the cache, and tells how far it is. */
import { createHash } from 'node:crypto';
import { chmodSync, cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { cacheFolder, findGo, runQuietly, withLock } from '../parts/index.mjs';
import type { Log } from '../parts/index.mjs';
import type { Program } from './programs.ts';
import { VERSIONS } from './versions.ts';

/** Where a program lies once it is built: a change of the pinned versions is built, and not taken from the cache. */
export function programFile(program: Pick<Program, 'name' | 'source'>): string {
  return path.join(cacheFolder('cluster', 'bin'), `${program.name}-${versionOf(program)}`);
}

/**
 * Builds every program that is not in the cache, one after the other: each build uses all cores by itself.
 * Go's own caches take 10 GB and are dropped when nothing is missing any more; an interrupted build goes on with them.
 * @throws Error with the end of the failed build's output.
 */
export async function buildPrograms(programs: readonly Program[], log: Log): Promise<void> {
  const missing = (): readonly Program[] => programs.filter((program) => !existsSync(programFile(program)));
  if (missing().length === 0) return;
  const go = findGo();
  if (go === undefined)
    throw new Error('build the cluster: go is not installed; install Go 1.24 or later and try again');
  const onWait = (): void => log('another process builds the cluster, waiting');
  await withLock('cluster-build', async () => await buildInTurn(missing(), go, log), { onWait });
}

async function buildInTurn(programs: readonly Program[], go: string, log: Log): Promise<void> {
  const work = cacheFolder('cluster', 'build');
  const begin = Date.now();
  for (const [index, program] of programs.entries()) {
    const what = `building ${program.name} ${versionOf(program)} (${index + 1} of ${programs.length})`;
    log(`${what} …`);
    const start = Date.now();
    await buildOne(program, { go, work });
    log(`${what}: ${seconds(start)}, ${seconds(begin)} in all`);
  }
  rmSync(work, { recursive: true, force: true, maxRetries: 3 });
}

interface Workshop {
  readonly go: string;
  /** Holds the modules, Go's caches and what is built from. */
  readonly work: string;
}

async function buildOne(program: Program, workshop: Workshop): Promise<void> {
  const folder = await prepareSource(program, workshop);
  const target = programFile(program);
  const made = `${target}.new`;
  if (program.make !== undefined) {
    await run('make', ['-C', program.make.folder], { cwd: folder, env: process.env });
    cpSync(path.join(folder, program.make.result), made);
  } else {
    const tags = program.tags === undefined ? [] : ['-tags', program.tags.join(',')];
    const flags = ['-trimpath', '-buildvcs=false', '-ldflags', linkerFlags(program), ...tags];
    const env = { ...goEnvironment(workshop), CGO_ENABLED: program.cgo === true ? '1' : '0' };
    await run(workshop.go, ['build', ...flags, '-o', made, program.package], { cwd: folder, env });
  }
  chmodSync(made, 0o755);
  renameSync(made, target);
}

async function prepareSource({ source }: Program, workshop: Workshop): Promise<string> {
  if (source.kind === 'own') return path.join(import.meta.dirname, source.folder);
  if (source.kind === 'kubernetes') return await prepareKubernetes(workshop);
  const folder = path.join(workshop.work, `${source.module.split('/').at(-1)}-${source.version}`);
  if (existsSync(folder)) return folder;
  copyModule(await downloadModule(`${source.module}@${source.version}`, workshop), folder);
  return folder;
}

/**
 * `go.mod` of `k8s.io/kubernetes` replaces the modules it is made of by folders of its repository, which the published
 * module has not. A module around it replaces them by what is published of them.
 */
async function prepareKubernetes(workshop: Workshop): Promise<string> {
  const folder = path.join(workshop.work, `kubernetes-${VERSIONS.kubernetes}`);
  if (existsSync(folder)) return folder;
  const published = await downloadModule(`k8s.io/kubernetes@${VERSIONS.kubernetes}`, workshop);
  const names = [...readFileSync(path.join(published, 'go.mod'), 'utf8').matchAll(/^\s+(k8s\.io\/\S+) => \.\//gm)]
    .map(([, name]) => name!)
    .filter((name) => !name.includes('sample'));
  const made = `${folder}.new`;
  mkdirSync(made, { recursive: true });
  writeFileSync(
    path.join(made, 'go.mod'),
    [
      'module countersign/kubernetes\ngo 1.24.0\ngodebug default=go1.24',
      `require k8s.io/kubernetes ${VERSIONS.kubernetes}`,
      ...names.map((name) => `require ${name} ${VERSIONS.kubernetesModules}`),
      ...names.map((name) => `replace ${name} => ${name} ${VERSIONS.kubernetesModules}`),
      '',
    ].join('\n'),
  );
  cpSync(path.join(published, 'go.sum'), path.join(made, 'go.sum'));
  chmodSync(path.join(made, 'go.sum'), 0o644);
  const imports = ['kube-apiserver', 'kube-controller-manager', 'kube-scheduler', 'kubelet'];
  const lines = imports.map((name) => `\t_ "k8s.io/kubernetes/cmd/${name}/app"`);
  writeFileSync(path.join(made, 'tools.go'), `//go:build tools\n\npackage tools\n\nimport (\n${lines.join('\n')}\n)\n`);
  renameSync(made, folder);
  return folder;
}

/** The modules are read-only in Go's cache; Tekton's and CRI-O's builds write beside their sources. */
function copyModule(from: string, to: string): void {
  cpSync(from, `${to}.new`, { recursive: true });
  renameSync(`${to}.new`, to);
}

async function downloadModule(module: string, workshop: Workshop): Promise<string> {
  const empty = path.join(workshop.work, 'empty');
  mkdirSync(empty, { recursive: true });
  const output = await run(workshop.go, ['mod', 'download', '-json', module], {
    cwd: empty,
    env: goEnvironment(workshop),
  });
  return (JSON.parse(output) as { readonly Dir: string }).Dir;
}

/** Folders of our own: Go's usual ones would keep 10 GB that nobody else needs. */
function goEnvironment({ work }: Workshop): NodeJS.ProcessEnv {
  return {
    ...process.env,
    GOPATH: path.join(work, 'go'),
    GOMODCACHE: path.join(work, 'modules'),
    GOCACHE: path.join(work, 'objects'),
    GOFLAGS: '-mod=mod -modcacherw',
    GOTOOLCHAIN: 'local',
    GOWORK: 'off',
  };
}

function linkerFlags({ source }: Program): string {
  if (source.kind !== 'kubernetes') return '-s -w';
  const [major, minor] = VERSIONS.kubernetes.slice(1).split('.');
  const facts = { gitVersion: VERSIONS.kubernetes, gitMajor: major, gitMinor: minor, gitTreeState: 'clean' };
  const version = Object.entries(facts).map(([name, value]) => `-X k8s.io/component-base/version.${name}=${value}`);
  return ['-s -w', ...version, `-X k8s.io/client-go/pkg/version.gitVersion=${VERSIONS.kubernetes}`].join(' ');
}

function versionOf({ source }: Pick<Program, 'source'>): string {
  if (source.kind === 'kubernetes') return VERSIONS.kubernetes;
  if (source.kind === 'copy') return source.version;
  const text = readFileSync(path.join(import.meta.dirname, source.folder, 'main.go'));
  return createHash('sha256').update(text).digest('hex').slice(0, 12);
}

function seconds(since: number): string {
  return `${((Date.now() - since) / 1000).toFixed(0)} s`;
}

/** Standard output of a program that must succeed. */
async function run(
  command: string,
  args: readonly string[],
  { cwd, env }: { readonly cwd: string; readonly env: NodeJS.ProcessEnv },
): Promise<string> {
  const { ok, output } = await runQuietly(command, args, { cwd, env, timeoutMs: 3_600_000 });
  if (!ok) throw new Error(`build the cluster: ${command} ${args.join(' ')} failed\n${output}`);
  return output;
}
