#!/usr/bin/env node
import process from 'node:process';
import { EXIT } from './exit-codes.ts';
import { runCli } from './program.ts';
import { systemServices } from './services.ts';
import { systemTerminal } from './terminal.ts';

// Whoever reads our output, such as head, has enough: nobody is left to tell anything.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(EXIT.failure);
});
process.exitCode = await runCli(process.argv.slice(2), systemTerminal(), systemServices);
// A question that nobody answered must not keep the process alive.
process.stdin.destroy();
