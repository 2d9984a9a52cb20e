import type { Command } from 'commander';

/** How commands that need no configuration reach registries. */
export interface RegistryOptions {
  readonly authfile?: string;
  readonly plainHttp?: readonly string[];
  readonly caFile?: readonly string[];
}

/** Adds the options to a command. */
export function addRegistryOptions(command: Command): Command {
  return addHostOptions(
    command.option(
      '--authfile <file>',
      'docker configuration with the credentials (default: those of docker and podman)',
    ),
  );
}

/** Adds only those that say how hosts are reached. */
export function addHostOptions(command: Command): Command {
  return command
    .option('--plain-http <host...>', 'registries without TLS; loopback addresses may be so anyway')
    .option('--ca-file <host=file...>', 'certificates of a private authority, by registry');
}
