/** The tools that copy beside each other, and how each is told to. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { runCommand } from '../../test/support/command.ts';
import { ensureParts } from '../../test/support/parts/index.mjs';
import type { Usage } from '../process-usage.ts';
import { runMeasured } from './run-measured.ts';

/** What is copied where; both reached over plain HTTP. */
export interface Route {
  /** `host:port/path:tag` */
  readonly source: string;
  readonly target: string;
}

/** Something that copies an image with all its platforms. */
export interface Tool {
  readonly name: string;
  readonly version: string;
  /**
   * `ours` and `skopeo`: those that the goals name. `checks`: hashes the bytes it passes on. `trusts`: leaves that to the
   * target. `beside`: ours again, under conditions that no other tool had; never judged.
   */
  readonly role: 'ours' | 'skopeo' | 'checks' | 'trusts' | 'beside';
  readonly copy: (route: Route) => Promise<Usage>;
}

/** The command of this project, which is compiled already. */
export interface OwnCommand {
  /** `main.js` of the command. */
  readonly file: string;
  readonly version: string;
}

/** Every tool as a process of its own. `folder` is for their settings and caches: none of them sees this machine's. */
export async function prepareTools(own: OwnCommand, folder: string): Promise<readonly Tool[]> {
  const parts = await ensureParts(['skopeo', 'containers-image', 'crane', 'regctl', 'oras']);
  const home = path.join(folder, 'home');
  await mkdir(home, { recursive: true });
  const env = privateEnvironment(home);
  const tool = (
    given: Pick<Tool, 'name' | 'version' | 'role'>,
    command: (route: Route) => readonly string[],
  ): Tool => ({
    ...given,
    copy: (route) => runMeasured(command(route), { env, folder }),
  });
  const said = async (program: string, ...args: string[]): Promise<string> =>
    (await runCommand(program, args, { env })).stdout;
  const skopeo = /version (\S+)/.exec(await said(parts.skopeo, '--version'))?.[1] ?? 'unknown';
  const library = /(v\S+),/.exec(await said(parts['containers-image'], '--version'))?.[1] ?? 'unknown';
  const crane = (await said(parts.crane, 'version')).trim();
  const regctl = /VCSTag: *(\S+)/.exec(await said(parts.regctl, 'version'))?.[1] ?? 'unknown';
  const oras = /Version: *([\d.]+)/.exec(await said(parts.oras, 'version'))?.[1] ?? 'unknown';
  return [
    tool({ name: 'countersign', version: own.version, role: 'ours' }, (route) => ownCommand(own, route)),
    tool({ name: 'skopeo (Debian)', version: skopeo, role: 'skopeo' }, ({ source, target }) => [
      ...[parts.skopeo, '--insecure-policy', 'copy', '--quiet', '--all'],
      ...['--src-tls-verify=false', '--dest-tls-verify=false', `docker://${source}`, `docker://${target}`],
    ]),
    tool({ name: 'containers/image', version: library, role: 'checks' }, ({ source, target }) => [
      ...[parts['containers-image'], source, target],
    ]),
    tool({ name: 'crane', version: crane, role: 'checks' }, ({ source, target }) => [
      ...[parts.crane, 'copy', '--insecure', source, target],
    ]),
    tool({ name: 'regctl', version: regctl, role: 'checks' }, ({ source, target }) => [
      ...[parts.regctl, ...[source, target].flatMap((image) => ['--host', `reg=${hostOf(image)},tls=disabled`])],
      ...['image', 'copy', source, target],
    ]),
    tool({ name: 'oras', version: oras, role: 'trusts' }, ({ source, target }) => [
      ...[parts.oras, 'cp', '--no-tty', '--from-plain-http', '--to-plain-http', source, target],
    ]),
  ];
}

/** `host:port` of an image. */
export function hostOf(image: string): string {
  return image.slice(0, image.indexOf('/'));
}

function ownCommand({ file }: OwnCommand, { source, target }: Route): readonly string[] {
  const plain = ['--plain-http', hostOf(source), hostOf(target)];
  return [process.execPath, file, 'copy', source, target, '--output', 'json', ...plain];
}

function privateEnvironment(home: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    HOME: home,
    XDG_CONFIG_HOME: path.join(home, 'config'),
    XDG_DATA_HOME: path.join(home, 'data'),
    XDG_CACHE_HOME: path.join(home, 'cache'),
    DOCKER_CONFIG: path.join(home, 'docker'),
    REGCTL_CONFIG: path.join(home, 'regctl.json'),
  };
}
