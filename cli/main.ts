#!/usr/bin/env node
import process from 'node:process';
import { runCli } from './program.ts';
import { systemServices } from './services.ts';
import { systemTerminal } from './terminal.ts';

process.exitCode = await runCli(process.argv.slice(2), systemTerminal(), systemServices);
// A question that nobody answered must not keep the process alive.
process.stdin.destroy();
