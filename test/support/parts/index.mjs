// @ts-check
// Real programs for tests and the demonstration. Plain JavaScript, because the demonstration runs under a Node that
// strips no types; the types are in index.d.mts.
export { cacheFolder, environmentWithCache } from './cache.mjs';
export { findPart } from './catalogue.mjs';
export { MissingPartsError, ensureParts } from './ensure-parts.mjs';
export { freePort } from './free-port.mjs';
export { withLock } from './lock.mjs';
export { startProcess, waitUntil } from './start-process.mjs';
export { startTemporal } from './temporal.mjs';
export { findGo } from './build-with-go.mjs';
export { findElevation, installPackages } from './install-packages.mjs';
export { runQuietly } from './run-quietly.mjs';
