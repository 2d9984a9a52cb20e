import type { Command } from 'commander';

/** Adds how git proves who it is; at most one of the first three is given. */
export function addGitOptions(command: Command): Command {
  return command
    .option('--git-credentials <file>', 'https://USER:PASSWORD@HOST, as git credential-store has it')
    .option(
      '--basic-auth-dir <directory>',
      'files username and password, as a kubernetes.io/basic-auth Secret has them',
    )
    .option(
      '--ssh-dir <directory>',
      'ssh-privatekey or id_*, and known_hosts, as a kubernetes.io/ssh-auth Secret has them',
    )
    .option('--git-ca-file <file>', "certificates of the git host's private authority");
}
