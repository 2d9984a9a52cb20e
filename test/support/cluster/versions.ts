/** The one place in which the versions of everything in the test cluster are pinned. */
export const VERSIONS = {
  kubernetes: 'v1.34.4',
  /** Of the modules that Kubernetes is made of; they follow its version. */
  kubernetesModules: 'v0.34.4',
  crio: 'v1.34.0',
  coredns: 'v1.12.4',
  pipelines: 'v1.9.0',
  triggers: 'v0.34.0',
} as const;

/** Debian packages that the node needs, and a file of each by which it is seen to be there. */
export const DEBIAN_FILES: Readonly<Record<string, string>> = {
  runc: '/usr/sbin/runc',
  conmon: '/usr/bin/conmon',
  'containernetworking-plugins': '/usr/lib/cni/bridge',
  'etcd-server': '/usr/bin/etcd',
  iptables: '/usr/sbin/iptables',
  iproute2: '/sbin/ip',
  skopeo: '/usr/bin/skopeo',
  openssl: '/usr/bin/openssl',
  debootstrap: '/usr/sbin/debootstrap',
  gcc: '/usr/bin/gcc',
  make: '/usr/bin/make',
  'pkg-config': '/usr/bin/pkg-config',
  'libgpgme-dev': '/usr/include/gpgme.h',
  'libseccomp-dev': '/usr/include/seccomp.h',
};
