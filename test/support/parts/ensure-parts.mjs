// @ts-check
// Looks for parts on PATH and in the cache, and installs or builds what is missing.
import path from 'node:path';
import { buildWithGo, commandOf, findGo } from './build-with-go.mjs';
import { PARTS, TEMPORAL_VERSION, cachedFile, findPart } from './catalogue.mjs';
import { downloadTemporal } from './fetch-temporal.mjs';
import { findElevation, installPackages } from './install-packages.mjs';
import { withLock } from './lock.mjs';

/** @typedef {import('./index.d.mts').PartName} PartName */
/** @typedef {import('./index.d.mts').Log} Log */

/**
 * @template {PartName} Name
 * @param {readonly Name[]} names
 * @param {{ log?: Log }} [options]
 * @returns {Promise<Record<Name, string>>}
 */
export async function ensureParts(names, { log = logToStderr } = {}) {
  /** @type {Map<PartName, string>} why each part that was tried could not be had */
  const reasons = new Map();
  await installMissing(names, reasons, log);
  // Nobody should wait for a build of minutes to learn of something else that is missing.
  throwIfMissing(
    names.filter((name) => PARTS[name].cached === undefined),
    reasons,
  );
  for (const name of names) if (findPart(name) === undefined) await buildMissing(name, reasons, log);
  throwIfMissing(names, reasons);
  return /** @type {Record<Name, string>} */ (Object.fromEntries(names.map((name) => [name, findPart(name)])));
}

/** Names every part that could not be had, why, and the ways to get it. */
export class MissingPartsError extends Error {
  /**
   * @param {readonly PartName[]} parts
   * @param {ReadonlyMap<PartName, string>} [reasons]
   */
  constructor(parts, reasons = new Map()) {
    const lines = parts.map((name) => `  ${name}: ${waysToGet(name)}${reasonOf(reasons.get(name))}`);
    super(`find or install parts: ${parts.length} missing\n${lines.join('\n')}`);
    this.name = 'MissingPartsError';
    this.parts = parts;
  }
}

/**
 * @param {readonly PartName[]} names
 * @param {ReadonlyMap<PartName, string>} reasons
 */
function throwIfMissing(names, reasons) {
  const missing = names.filter((name) => findPart(name) === undefined);
  if (missing.length > 0) throw new MissingPartsError(missing, reasons);
}

/**
 * @param {readonly PartName[]} names
 * @param {Map<PartName, string>} reasons
 * @param {Log} log
 */
async function installMissing(names, reasons, log) {
  const missing = () => names.filter((name) => packagesFor(name).length > 0 && findPart(name) === undefined);
  const packages = () => [...new Set(missing().flatMap(packagesFor))];
  if (missing().length === 0) return;
  const elevation = findElevation();
  if (elevation === undefined) {
    for (const name of missing()) reasons.set(name, 'no apt-get, or neither root nor sudo without a password');
    return;
  }
  const result = await timed(`installing ${packages().join(', ')} with apt-get`, log, () =>
    installPackages(packages, elevation),
  );
  for (const name of missing()) reasons.set(name, `apt-get: ${result.output}`);
}

/** @param {PartName} name */
function packagesFor(name) {
  const { debian, buildNeeds = [] } = PARTS[name];
  return debian === undefined ? buildNeeds : [debian];
}

/**
 * @param {PartName} name
 * @param {Map<PartName, string>} reasons
 * @param {Log} log
 */
async function buildMissing(name, reasons, log) {
  const { download, go } = PARTS[name];
  const target = cachedFile(name);
  if (target === undefined) return;
  const onWait = () => log(`${name}: another process is getting it, waiting`);
  await withLock(
    path.basename(target),
    async () => {
      if (findPart(name) !== undefined) return;
      const got = download
        ? await timed(`${name}: asking the SDK to fetch it`, log, () => downloadTemporal(TEMPORAL_VERSION, target))
        : undefined;
      if (got?.ok || go === undefined) return;
      if (findGo() === undefined) {
        reasons.set(
          name,
          `go is not installed${got === undefined ? '' : `; the SDK's download failed: ${got.output}`}`,
        );
        return;
      }
      const what = 'module' in go ? go.module : go.folder;
      const built = await timed(`${name}: building ${what} (some minutes, once)`, log, () => buildWithGo(go, target));
      if (!built.ok) reasons.set(name, `${commandOf(go)}: ${built.output}`);
    },
    { onWait },
  );
}

/**
 * @param {string} what
 * @param {Log} log
 * @param {() => Promise<{ ok: boolean, output: string }>} work
 */
async function timed(what, log, work) {
  log(`${what} …`);
  const start = Date.now();
  const result = await work();
  log(`${what}: ${result.ok ? 'done' : 'failed'} in ${((Date.now() - start) / 1000).toFixed(1)} s`);
  return result;
}

/** @param {PartName} name */
function waysToGet(name) {
  const { debian, go, buildNeeds = [], otherwise } = PARTS[name];
  const tools = ['Go', ...buildNeeds].join(', ');
  const ways = [
    ...(debian === undefined ? [] : [`apt-get install ${debian}`]),
    ...(go === undefined ? [] : [`install ${tools} and run this again (${commandOf(go)})`]),
    otherwise,
  ];
  return ways.join('; ');
}

/** @param {string | undefined} reason */
function reasonOf(reason) {
  const lastLines = reason?.split('\n').slice(-5).join('\n      ');
  return lastLines === undefined ? '' : `\n    tried: ${lastLines}`;
}

/** @param {string} line */
function logToStderr(line) {
  process.stderr.write(`parts: ${line}\n`);
}
