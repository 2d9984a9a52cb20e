#!/usr/bin/env node
import process from 'node:process';
import { EXIT } from './exit-codes.ts';
import { loadCopyAlone } from './load-copy-alone.ts';
import { systemServices } from './services.ts';
import { systemTerminal } from './terminal.ts';

// Whoever reads our output, such as head, has enough: nobody is left to tell anything.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.failure);
});
const args = process.argv.slice(2);
const run = (args[0] === 'copy' ? loadCopyAlone() : undefined) ?? (await import('./program.ts')).runCli;
process.exitCode = await run(args, systemTerminal(), systemServices);
// A question that nobody answered must not keep the process alive.
process.stdin.destroy();
