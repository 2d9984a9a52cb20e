/** The command `npm run cluster`. */
import { spawnSync } from 'node:child_process';
import { Command } from 'commander';
import { programFile } from './build-programs.ts';
import { takeDown } from './down.ts';
import { nodeProcess, placeOf } from './place.ts';
import type { Place } from './place.ts';
import { findProgram } from './programs.ts';
import { statusOf } from './status.ts';
import { bringUp, prepareCluster } from './up.ts';

const log = (line: string): void => void process.stderr.write(`cluster: ${line}\n`);

interface Options {
  readonly name: string;
  readonly tekton: boolean;
  readonly kubeconfig?: boolean;
  readonly output?: string;
}

const command = new Command('npm run cluster --')
  .description('a real Kubernetes node with CRI-O and Tekton, in namespaces of its own, for tests')
  .option('--name <name>', 'one of several clusters on this machine', 'default')
  .option('--no-tekton', 'without Tekton Pipelines and Triggers')
  .addHelpText(
    'after',
    `
The first build takes a quarter of an hour or more, and needs Go, 12 GB of free disk, and root.

Examples:
  npm run cluster -- up
  npm run cluster -- kubectl get pods --all-namespaces
  export KUBECONFIG=$(npm run --silent cluster -- up --kubeconfig)
  npm run cluster -- exec curl -sk https://10.99.0.1/healthz
  npm run cluster -- down`,
  );

const place = (): Place => placeOf(command.opts<Options>().name);
const options = () => ({ tekton: command.opts<Options>().tekton, log });

command
  .command('up')
  .description('build what is missing, and bring the cluster up')
  .option('--kubeconfig', 'print nothing but the path of the kubeconfig; a cluster that is up is left as it is')
  .action(async ({ kubeconfig }: Options) => {
    if (kubeconfig !== true || nodeProcess(place()) === undefined) await bringUp(place(), options());
    console.log(kubeconfig === true ? place().kubeconfig : `export KUBECONFIG=${place().kubeconfig}`);
  });

command
  .command('down')
  .description('end it, and leave nothing behind: also after an interrupted `up`')
  .action(async () => {
    await takeDown(place());
    log('down');
  });

command
  .command('status')
  .description('whether it is up, and what is left of one that is not; exit code 1 unless it is up')
  .option('--output <format>', 'text or json', 'text')
  .action(async ({ output }: Options) => {
    const status = await statusOf(place());
    const { state, node, kubeconfig, tekton, leftovers } = status;
    const lines = [
      `${state}${node === undefined ? '' : `, node ${node}, ${tekton === true ? 'with' : 'without'} Tekton`}`,
      ...(kubeconfig === undefined ? [] : [`kubeconfig ${kubeconfig}`]),
      ...leftovers.map((left) => `left: ${left}`),
      ...(state === 'broken' ? ['npm run cluster -- down cleans up'] : []),
    ];
    console.log(output === 'json' ? JSON.stringify(status) : lines.join('\n'));
    process.exitCode = state === 'up' ? 0 : 1;
  });

command
  .command('build')
  .description('install and build what is missing, and start nothing')
  .action(async () => await prepareCluster(options()));

command
  .command('kubectl')
  .description('kubectl of the same version, as the administrator of the cluster')
  .allowUnknownOption()
  .helpOption(false)
  .argument('[words...]')
  .action((words: readonly string[]) => {
    const { status } = spawnSync(programFile(findProgram('kubectl')), ['--kubeconfig', place().kubeconfig, ...words], {
      stdio: 'inherit',
    });
    process.exitCode = status ?? 1;
  });

command
  .command('exec')
  .description('run a program in the network namespace of the node')
  .allowUnknownOption()
  .argument('<words...>')
  .action((words: readonly string[]) => {
    const pid = nodeProcess(place());
    if (pid === undefined) throw new Error('the cluster is not up; npm run cluster -- up');
    const { status } = spawnSync('nsenter', ['--target', String(pid), '--net', '--', ...words], { stdio: 'inherit' });
    process.exitCode = status ?? 1;
  });

try {
  await command.parseAsync();
} catch (error) {
  log(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
