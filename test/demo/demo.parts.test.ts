import { spawn } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import { connect } from 'node:net';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { waitUntil } from '../support/parts/index.mjs';
import { useTempFolder } from '../support/temp-folder.ts';

const DEMO = path.join(import.meta.dirname, 'demo.mjs');
const TIMEOUT_MS = 300_000;
const DIGEST = /sha256:[0-9a-f]{64}/;

interface DemoRun {
  readonly exitCode: Promise<number | null>;
  readonly output: () => string;
  readonly end: (signal: NodeJS.Signals) => void;
}

describe('the demonstration', () => {
  const folder = useTempFolder();

  it(
    'carries an image to prod, shows the refusals before and the evidence after, and leaves nothing behind',
    async () => {
      const { exitCode, output } = startDemo(folder.path);
      const code = await exitCode;
      const shown = output();
      expect(code, shown).toBe(0);
      expectRefusals(shown);
      expectPulls(shown);
      expectEvidence(shown);
      expect(shown).toMatch(/^ {3}total \d+\.\d s/m);
      await expectNothingLeft(folder.path, shown);
    },
    TIMEOUT_MS,
  );

  it(
    'ends with 143 when it is terminated on the way, and leaves nothing behind',
    async () => {
      const { exitCode, output, end } = startDemo(folder.path);
      await waitUntil(() => output().includes('$ countersign start'), { what: 'a start', timeoutMs: TIMEOUT_MS });
      end('SIGTERM');
      end('SIGTERM');
      expect(await exitCode, output()).toBe(143);
      expect(output()).toContain('interrupted by SIGTERM');
      await expectNothingLeft(folder.path, output());
    },
    TIMEOUT_MS,
  );
});

function startDemo(folder: string): DemoRun {
  const env = { ...process.env, TMPDIR: folder, NO_COLOR: '1', FORCE_COLOR: undefined };
  const child = spawn(process.execPath, [DEMO], { env, stdio: ['ignore', 'pipe', 'pipe'], timeout: TIMEOUT_MS });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  return {
    exitCode: new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code) => resolve(code));
    }),
    output: () => Buffer.concat(chunks).toString('utf8'),
    end: (signal) => child.kill(signal),
  };
}

/** Before the approvals: the right image by digest, and one that nobody signed. */
function expectRefusals(shown: string): void {
  const approvals = shown.indexOf('Two people approve for prod');
  const before = shown.slice(0, approvals);
  expect(approvals).toBeGreaterThan(0);
  expect(before.match(/Source image rejected: A signature was required, but no signature exists/g)).toHaveLength(2);
  expect(before).toMatch(new RegExp(String.raw`docker://127\.0\.0\.1:\d+/acme/shop/web@${DIGEST.source} `));
  expect(before).toContain('refused: the right image, before its approval');
  expect(before).toContain('refused: an unsigned image that somebody pushed to prod directly');
  expect(before).toContain('"ci@example.com" is not among the approvers of prod');
}

function expectPulls(shown: string): void {
  const after = shown.slice(shown.indexOf('Production pulls it by tag'));
  for (const platform of ['amd64', 'arm64']) {
    expect(after).toMatch(new RegExp(String.raw`--override-arch ${platform} copy .*/acme/shop/web:1\.4 dir:`));
    expect(after).toMatch(new RegExp(`✔ pulled linux/${platform}: ${DIGEST.source}`));
  }
}

function expectEvidence(shown: string): void {
  const digest = /started shop\/web:1\.4@.*\n +digest +(sha256:[0-9a-f]{64})/.exec(shown)?.[1] ?? 'no digest';
  const evidence = shown.slice(shown.indexOf('The evidence is in git'));
  expect(evidence).toContain(`Digest: ${digest}`);
  expect(evidence).toMatch(/Approved-By: Ann Lee <ann@example\.com>; .*reason=tested in qa/);
  expect(evidence).toMatch(/Approved-By: Bob Ray <bob@example\.com>; .*reason=change 4711/);
  expect(evidence.match(/images\/acme\/shop\/web@sha256=[0-9a-f]{64}\/signature-1/g)).toHaveLength(3);
  for (const environment of ['dev', 'qa', 'prod']) {
    expect(evidence).toMatch(new RegExp(String.raw`^ {3}${environment} +${digest.slice(0, 19)} +[0-9a-f]{12} `, 'm'));
  }
}

/** No file in the temp folder, and nobody on a port that was announced. */
async function expectNothingLeft(folder: string, shown: string): Promise<void> {
  expect(await readdir(folder)).toEqual([]);
  const ports = [...new Set([...shown.matchAll(/127\.0\.0\.1:(\d+)/g)].map(([, port]) => Number(port)))];
  expect(ports.length).toBeGreaterThanOrEqual(8);
  const answering = await Promise.all(ports.map(async (port) => ((await isListening(port)) ? [port] : [])));
  expect(answering.flat()).toEqual([]);
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
