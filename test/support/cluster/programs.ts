/** The programs of the cluster that are built here: from which module, how, and under which name. */
import { VERSIONS } from './versions.ts';

/** How a program's module is brought into a form that can be built. */
export type Source =
  /** A module of our own around it, since `k8s.io/kubernetes` replaces its parts by folders that only its repository has. */
  | { readonly kind: 'kubernetes' }
  /** The published module, copied and built in its own folder, so that its `replace` lines hold. */
  | { readonly kind: 'copy'; readonly module: string; readonly version: string }
  /** A folder beside this file. */
  | { readonly kind: 'own'; readonly folder: string };

/** One program to build. */
export interface Program {
  /** File name in the cache. */
  readonly name: string;
  readonly source: Source;
  /** Go package, as the build is told. */
  readonly package: string;
  readonly tags?: readonly string[];
  readonly cgo?: true;
  /** Built by `make` in this folder of the module instead of by Go. */
  readonly make?: { readonly folder: string; readonly result: string };
}

const PIPELINES = { kind: 'copy', module: 'github.com/tektoncd/pipeline', version: VERSIONS.pipelines } as const;
const TRIGGERS = { kind: 'copy', module: 'github.com/tektoncd/triggers', version: VERSIONS.triggers } as const;
const CRIO = { kind: 'copy', module: 'github.com/cri-o/cri-o', version: VERSIONS.crio } as const;
const COREDNS = { kind: 'copy', module: 'github.com/coredns/coredns', version: VERSIONS.coredns } as const;

const kubernetes = [
  'kube-apiserver',
  'kube-controller-manager',
  'kube-scheduler',
  'kubelet',
  'kube-proxy',
  'kubectl',
].map((name): Program => ({ name, source: { kind: 'kubernetes' }, package: `k8s.io/kubernetes/cmd/${name}` }));

const pipelines = [
  'controller',
  'webhook',
  'resolvers',
  'entrypoint',
  'nop',
  'workingdirinit',
  'sidecarlogresults',
].map((name): Program => ({ name: `tekton-${name}`, source: PIPELINES, package: `./cmd/${name}` }));

const triggers = ['controller', 'webhook', 'interceptors', 'eventlistenersink'].map((name): Program => ({
  name: `triggers-${name}`,
  source: TRIGGERS,
  package: `./cmd/${name}`,
}));

/** A node that runs pods: what every use of the cluster needs. */
export const NODE_PROGRAMS: readonly Program[] = [
  { name: 'pause', source: { kind: 'own', folder: 'pause' }, package: '.' },
  ...kubernetes,
  {
    name: 'crio',
    source: CRIO,
    package: './cmd/crio',
    tags: ['containers_image_ostree_stub', 'exclude_graphdriver_btrfs', 'btrfs_noversion', 'seccomp'],
    cgo: true,
  },
  { name: 'pinns', source: CRIO, package: 'pinns', make: { folder: 'pinns', result: 'bin/pinns' } },
  { name: 'coredns', source: COREDNS, package: '.' },
];

/** Tekton Pipelines and Triggers on top of it. */
export const TEKTON_PROGRAMS: readonly Program[] = [...pipelines, ...triggers];

/** The program with this name. */
export function findProgram(name: string): Program {
  const program = [...NODE_PROGRAMS, ...TEKTON_PROGRAMS].find((one) => one.name === name);
  if (program === undefined) throw new Error(`find ${name}: it is none of the cluster's programs`);
  return program;
}
