// @ts-check
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { ensureParts } from './ensure-parts.mjs';
import { freePort } from './free-port.mjs';
import { startProcess } from './start-process.mjs';

/** @typedef {import('./index.d.mts').TemporalServer} TemporalServer */
/** @typedef {import('./index.d.mts').TemporalOptions} TemporalOptions */
/** @typedef {import('./index.d.mts').RunningProcess} RunningProcess */

const READY_TIMEOUT_MS = 60_000;
const ANSWER_TIMEOUT_MS = 5_000;

/**
 * @param {TemporalOptions} [options]
 * @returns {Promise<TemporalServer>}
 */
export async function startTemporal(options = {}) {
  const { temporal } = await ensureParts(['temporal'], options.log ? { log: options.log } : {});
  const port = options.port ?? (await freePort());
  const uiPort = options.uiPort === true ? await freePort() : options.uiPort;
  const address = `127.0.0.1:${port}`;
  const namespace = options.namespace ?? 'default';
  const args = serverArguments({ ...options, namespace, port, uiPort });
  const start = () =>
    startProcess(temporal, args, {
      name: 'temporal',
      readyTimeoutMs: READY_TIMEOUT_MS,
      ready: () => answers(temporal, address, namespace),
    });
  let server = await start();
  return {
    address,
    namespace,
    program: temporal,
    ...(uiPort !== undefined && { uiAddress: `http://127.0.0.1:${uiPort}` }),
    get pid() {
      return server.pid;
    },
    output: () => server.output(),
    stop: () => server.stop(),
    kill: () => server.kill(),
    restart: async () => {
      await server.stop();
      server = await start();
    },
  };
}

/**
 * @param {{ port: number, uiPort: number | undefined, namespace: string, databaseFile?: string | undefined, dynamicConfig?: Readonly<Record<string, unknown>> }} options
 * @returns {string[]}
 */
function serverArguments({ port, uiPort, namespace, databaseFile, dynamicConfig = {} }) {
  return [
    ...['server', 'start-dev', '--ip', '127.0.0.1', '--port', String(port), '--namespace', namespace],
    ...Object.entries(dynamicConfig).flatMap(([key, value]) => [
      '--dynamic-config-value',
      `${key}=${JSON.stringify(value)}`,
    ]),
    ...(databaseFile === undefined ? [] : ['--db-filename', databaseFile]),
    ...(uiPort === undefined ? ['--headless'] : ['--ui-ip', '127.0.0.1', '--ui-port', String(uiPort)]),
  ];
}

/**
 * A listing passes through everything a client needs: the frontend, the namespace, and visibility.
 * @param {string} temporal
 * @param {string} address
 * @param {string} namespace
 */
async function answers(temporal, address, namespace) {
  const args = ['workflow', 'list', '--limit', '1', '--address', address, '--namespace', namespace];
  await promisify(execFile)(temporal, args, { timeout: ANSWER_TIMEOUT_MS });
  return true;
}
