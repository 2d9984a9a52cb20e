// @ts-check
import { createServer } from 'node:net';

// Below the range from which kernels number outgoing connections, so that none of those takes the port before the
// program it is meant for listens there.
const FIRST = 20_000;
const COUNT = 12_000;
const ATTEMPTS = 200;

/** @type {Set<number>} */
const handedOut = new Set();

/**
 * A port on which nothing listens and which this process has not handed out before.
 * For programs that must be told their port; servers inside the process listen on port 0 instead.
 * @returns {Promise<number>}
 */
export async function freePort() {
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const port = FIRST + Math.floor(Math.random() * COUNT);
    if (handedOut.has(port) || !(await canListen(port))) continue;
    handedOut.add(port);
    return port;
  }
  throw new Error(`find a free port: ${ATTEMPTS} attempts between ${FIRST} and ${FIRST + COUNT} failed`);
}

/**
 * @param {number} port
 * @returns {Promise<boolean>}
 */
function canListen(port) {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
