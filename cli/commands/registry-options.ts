import type { Command } from 'commander';

/** How hosts are reached. */
export interface HostOptions {
  readonly plainHttp?: readonly string[];
  readonly caFile?: readonly string[];
  readonly certDir?: string;
  readonly tokenServer?: readonly string[];
}

/** How commands that need no configuration reach registries. */
export interface RegistryOptions extends HostOptions {
  readonly authfile?: string;
}

/** Adds the options to a command. */
export function addRegistryOptions(command: Command): Command {
  return addHostOptions(
    command.option(
      '--authfile <file>',
      'docker configuration with the credentials, or its folder (default: those of docker and podman)',
    ),
  );
}

/** Adds only those that say how hosts are reached. */
export function addHostOptions(command: Command): Command {
  return command
    .option('--plain-http <host...>', 'registries without TLS; loopback addresses may be so anyway')
    .option('--ca-file <host=file...>', 'certificates of a private authority, by registry')
    .option('--cert-dir <folder>', 'authorities (*.crt) and a certificate of ours (*.cert, *.key), for every registry')
    .option('--token-server <host=url...>', 'other hosts that may have the credential for a registry, by registry');
}

/** Tells whether any of these options was given. */
export function hasRegistryOptions(options: RegistryOptions): boolean {
  const { authfile, plainHttp, caFile, certDir, tokenServer } = options;
  return [authfile, plainHttp, caFile, certDir, tokenServer].some((option) => option !== undefined);
}
