// @ts-check
// The children of this process that must not outlive it. The handlers are installed with the first child.

/** @type {Set<number>} */
const children = new Set();
const SIGNALS = /** @type {const} */ (['SIGINT', 'SIGTERM', 'SIGHUP']);
let installed = false;

/**
 * @param {number} pid of a process that leads its own group
 */
export function track(pid) {
  children.add(pid);
  if (installed) return;
  installed = true;
  // First: whoever removes their folders at the exit must not find them growing.
  process.prependListener('exit', killAll);
  for (const signal of SIGNALS) process.on(signal, onSignal);
}

/** @param {number} pid */
export function untrack(pid) {
  children.delete(pid);
}

function killAll() {
  for (const pid of children) {
    try {
      process.kill(-pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
  }
  children.clear();
}

/** @param {NodeJS.Signals} signal */
function onSignal(signal) {
  // Whoever else listens decides what the signal means, and ends by itself: the 'exit' handler follows.
  if (process.listenerCount(signal) > 1) return;
  killAll();
  process.removeListener(signal, onSignal);
  process.kill(process.pid, signal);
}
