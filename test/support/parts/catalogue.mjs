// @ts-check
// Every part: under which names it is looked for, which Debian package holds it, how else it can be had.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fingerprintOf } from './build-with-go.mjs';
import { cacheFolder } from './cache.mjs';
import { findProgram, isExecutable } from './find-program.mjs';

/** @typedef {import('./index.d.mts').PartName} PartName */
/** @typedef {import('./build-with-go.mjs').GoSource} GoSource */

/**
 * @typedef {object} Part
 * @property {readonly string[]} programs names on PATH, the first that is found counts
 * @property {string} [cached] file name in the cache's `bin`; what is built from a folder of ours gets its fingerprint
 * @property {string} [debian] the package that holds it
 * @property {GoSource} [go] a Go program: of a published module, or of a folder of this project
 * @property {readonly string[]} [buildNeeds] Debian packages without which it cannot be built
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
  // Has the referrers API, which the two above have not.
  'referrers-registry': {
    programs: [],
    cached: 'referrers-registry',
    go: { folder: 'test/support/referrers-registry' },
    otherwise: 'it is built from test/support/referrers-registry only',
  },
  // The four below are the tools that the benchmark of copying runs beside ours.
  crane: {
    programs: [],
    cached: 'crane-0.22.1',
    go: { module: 'github.com/google/go-containerregistry/cmd/crane@v0.22.1', program: 'crane' },
    otherwise: 'https://github.com/google/go-containerregistry/releases',
  },
  regctl: {
    programs: [],
    cached: 'regctl-0.11.7',
    go: { module: 'github.com/regclient/regclient/cmd/regctl@v0.11.7', program: 'regctl' },
    otherwise: 'https://github.com/regclient/regclient/releases',
  },
  // Its module replaces others, which `go install` refuses.
  oras: {
    programs: [],
    cached: 'oras-1.2.0',
    go: { folder: 'bench/peers/oras', package: 'oras.land/oras/cmd/oras' },
    otherwise: 'https://github.com/oras-project/oras/releases',
  },
  // The library under skopeo, of today: Debian's skopeo is years older.
  'containers-image': {
    programs: [],
    cached: 'containers-image',
    go: {
      folder: 'bench/peers/containers-image',
      tags: ['containers_image_openpgp', 'exclude_graphdriver_btrfs', 'exclude_graphdriver_devicemapper'],
    },
    otherwise: 'it is built from bench/peers/containers-image only',
  },
  // Tells what a command used; for benchmarks.
  measure: {
    programs: [],
    cached: 'measure',
    go: { folder: 'bench/measure' },
    otherwise: 'it is built from bench/measure only',
  },
  // What a reader built with GnuPG says to a signature or a policy, for the differential tests.
  judge: {
    programs: [],
    cached: 'judge',
    go: {
      folder: 'test/support/judge',
      tags: ['exclude_graphdriver_btrfs', 'exclude_graphdriver_devicemapper'],
    },
    buildNeeds: ['libgpgme-dev', 'pkg-config', 'gcc', 'gnupg'],
    otherwise: 'it is built from test/support/judge only, with the headers of gpgme',
  },
  // What Tekton, kustomize and the interceptors of Triggers would say, without a cluster.
  'tekton-validate': {
    programs: [],
    cached: 'tekton-validate',
    go: { folder: 'test/support/tekton/validate' },
    otherwise: 'it is built from test/support/tekton/validate only',
  },
  // Reads the scripts inside of Tekton's tasks.
  shellcheck: {
    programs: ['shellcheck'],
    debian: 'shellcheck',
    otherwise: 'dnf install ShellCheck, apk add shellcheck, brew install shellcheck',
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
  const cached = cachedFile(name);
  if (found !== undefined || cached === undefined) return found;
  return isExecutable(cached) ? cached : undefined;
}

/**
 * Where the cache keeps the part, be it there or not. A changed program of ours lies elsewhere than the one before.
 * @param {PartName} name
 * @returns {string | undefined}
 */
export function cachedFile(name) {
  const { cached, go } = PARTS[name];
  if (cached === undefined) return undefined;
  const mark = go !== undefined && 'folder' in go ? `-${fingerprintOf(go)}` : '';
  return path.join(cacheFolder('bin'), `${cached}${mark}`);
}

function findHttpBackend() {
  const git = findProgram(['git']);
  if (git === undefined) return undefined;
  const folder = execFileSync(git, ['--exec-path'], { encoding: 'utf8' }).trim();
  const file = path.join(folder, 'git-http-backend');
  return isExecutable(file) ? file : undefined;
}
