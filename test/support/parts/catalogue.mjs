// @ts-check
// Every part: under which names it is looked for, which Debian package holds it, how else it can be had.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { cacheFolder } from './cache.mjs';
import { findProgram, isExecutable } from './find-program.mjs';

/** @typedef {import('./index.d.mts').PartName} PartName */

/**
 * @typedef {object} Part
 * @property {readonly string[]} programs names on PATH, the first that is found counts
 * @property {string} [cached] file name in the cache's `bin`
 * @property {string} [debian] the package that holds it
 * @property {{ module: string, program: string }} [go] what `go install` builds, and the name it gives it
 * @property {boolean} [download] the Temporal SDK can fetch it
 * @property {string} otherwise how a person gets it on a system without apt-get
 * @property {() => string | undefined} [find] where it does not lie on any PATH
 */

/** Newer versions of the CLI do not build from the module proxy. */
export const TEMPORAL_VERSION = 'v1.5.1';

/** @type {Readonly<Record<PartName, Part>>} */
export const PARTS = {
  temporal: {
    programs: ['temporal'],
    cached: 'temporal',
    download: true,
    go: { module: `github.com/temporalio/cli/cmd/temporal@${TEMPORAL_VERSION}`, program: 'temporal' },
    otherwise: 'brew install temporal, or https://docs.temporal.io/cli',
  },
  skopeo: {
    programs: ['skopeo'],
    debian: 'skopeo',
    otherwise: 'dnf install skopeo, apk add skopeo, brew install skopeo',
  },
  'docker-registry': {
    programs: ['docker-registry'],
    cached: 'registry',
    debian: 'docker-registry',
    go: { module: 'github.com/distribution/distribution/v3/cmd/registry@v3.1.2', program: 'registry' },
    otherwise: 'dnf install docker-distribution (then link `registry` as docker-registry), apk add docker-registry',
  },
  // The current major version, beside the one that Debian has.
  'distribution-3': {
    programs: [],
    cached: 'registry',
    go: { module: 'github.com/distribution/distribution/v3/cmd/registry@v3.1.2', program: 'registry' },
    otherwise: 'https://github.com/distribution/distribution/releases',
  },
  // The programs and modules alone; the package `apache2` would bring a service that starts by itself.
  apache2: {
    programs: ['apache2', 'httpd'],
    debian: 'apache2-bin',
    otherwise: 'dnf install httpd, apk add apache2, brew install httpd',
  },
  // Makes the bcrypt hashes that a registry wants; openssl and Node have none.
  htpasswd: {
    programs: ['htpasswd'],
    debian: 'apache2-utils',
    otherwise: 'dnf install httpd-tools, apk add apache2-utils, brew install httpd',
  },
  git: { programs: ['git'], debian: 'git', otherwise: 'dnf install git, apk add git, brew install git' },
  'git-http-backend': {
    programs: ['git-http-backend'],
    debian: 'git',
    otherwise: 'dnf install git-core, apk add git-daemon, brew install git',
    find: findHttpBackend,
  },
  gpg: { programs: ['gpg'], debian: 'gnupg', otherwise: 'dnf install gnupg2, apk add gnupg, brew install gnupg' },
  openssl: {
    programs: ['openssl'],
    debian: 'openssl',
    otherwise: 'dnf install openssl, apk add openssl, brew install openssl',
  },
  sshd: {
    programs: ['sshd'],
    debian: 'openssh-server',
    otherwise: 'dnf install openssh-server, apk add openssh-server',
  },
};

/**
 * Where the part is at this moment: on PATH, else in the cache.
 * @param {PartName} name
 * @returns {string | undefined}
 */
export function findPart(name) {
  const part = PARTS[name];
  const found = findProgram(part.programs) ?? part.find?.();
  if (found !== undefined || part.cached === undefined) return found;
  const cached = path.join(cacheFolder('bin'), part.cached);
  return isExecutable(cached) ? cached : undefined;
}

function findHttpBackend() {
  const git = findProgram(['git']);
  if (git === undefined) return undefined;
  const folder = execFileSync(git, ['--exec-path'], { encoding: 'utf8' }).trim();
  const file = path.join(folder, 'git-http-backend');
  return isExecutable(file) ? file : undefined;
}
