/** What the programs of the node are told, as files. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { stringify } from 'yaml';
import { programFile } from './build-programs.ts';
import { NODE_ADDRESS, NODE_NAME, POD_NETWORK } from './place.ts';
import type { Place } from './place.ts';
import { findProgram } from './programs.ts';

/** Registries on the node's own address speak plain http on these ports; everything else is https. */
export const PLAIN_REGISTRIES = [5001, 5002, 5003].map((port) => `${NODE_ADDRESS}:${port}`);

/** Writes the settings of kubelet, kube-proxy, CoreDNS, CRI-O and the pod network. */
export function writeSettings(place: Place): void {
  mkdirSync(path.join(place.settings, 'cni'), { recursive: true });
  mkdirSync(path.join(place.settings, 'policies'), { recursive: true });
  const write = (name: string, text: string): void => writeFileSync(path.join(place.settings, name), text);
  write('kubelet.yaml', stringify(kubeletSettings(place)));
  write('kube-proxy.yaml', stringify(proxySettings(place)));
  write('cni/10-bridge.conflist', JSON.stringify(podNetwork(), undefined, 2));
  write('Corefile', corefile(place));
  write('crio.conf', crioSettings(place));
}

/** The disk is shared with whatever else is on the machine: no pod is to end for its sake. */
const EVICTION = {
  'imagefs.available': '0%',
  'nodefs.available': '0%',
  'nodefs.inodesFree': '0%',
  'imagefs.inodesFree': '0%',
  'memory.available': '50Mi',
};

function kubeletSettings({ pki, cgroup }: Place): unknown {
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: NODE_ADDRESS,
    port: 10250,
    readOnlyPort: 0,
    healthzBindAddress: '127.0.0.1',
    authentication: {
      anonymous: { enabled: false },
      webhook: { enabled: true },
      x509: { clientCAFile: path.join(pki, 'ca.crt') },
    },
    authorization: { mode: 'AlwaysAllow' },
    tlsCertFile: path.join(pki, 'kubelet.crt'),
    tlsPrivateKeyFile: path.join(pki, 'kubelet.key'),
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${cgroup}`,
    failCgroupV1: false,
    failSwapOn: false,
    maxOpenFiles: Number(execFileSync('sh', ['-c', 'ulimit -Hn'], { encoding: 'utf8' })) || 65_536,
    oomScoreAdj: 0,
    makeIPTablesUtilChains: false,
    containerRuntimeEndpoint: 'unix:///run/crio/crio.sock',
    evictionHard: EVICTION,
    imageGCHighThresholdPercent: 100,
    clusterDNS: [NODE_ADDRESS],
    clusterDomain: 'cluster.local',
    resolvConf: '',
    nodeStatusUpdateFrequency: '5s',
    // What the tests wait for: how soon a refused image is asked for again, and a changed secret is seen.
    syncFrequency: '10s',
    serializeImagePulls: false,
  };
}

function proxySettings({ pki }: Place): unknown {
  return {
    apiVersion: 'kubeproxy.config.k8s.io/v1alpha1',
    kind: 'KubeProxyConfiguration',
    bindAddress: '127.0.0.1',
    healthzBindAddress: '127.0.0.1:10256',
    metricsBindAddress: '127.0.0.1:10249',
    clientConnection: { kubeconfig: path.join(pki, 'proxy.kubeconfig') },
    clusterCIDR: POD_NETWORK,
    mode: 'iptables',
    hostnameOverride: NODE_NAME,
    conntrack: { maxPerCore: 0, min: 0, tcpEstablishedTimeout: '0s', tcpCloseWaitTimeout: '0s' },
    iptables: { minSyncPeriod: '0s' },
  };
}

function podNetwork(): unknown {
  const ipam = {
    type: 'host-local',
    dataDir: '/run/cni-ipam',
    ranges: [[{ subnet: POD_NETWORK }]],
    routes: [{ dst: '0.0.0.0/0' }],
  };
  const bridge = { type: 'bridge', bridge: 'pods0', isGateway: true, ipMasq: false, hairpinMode: true, ipam };
  return { cniVersion: '0.4.0', name: 'pods', plugins: [bridge] };
}

function corefile({ innerKubeconfig }: Place): string {
  return `.:53 {
    bind ${NODE_ADDRESS}
    errors
    kubernetes cluster.local in-addr.arpa {
        kubeconfig ${innerKubeconfig} context
        pods insecure
    }
    cache 2
}
`;
}

function crioSettings({ folder, settings }: Place): string {
  return `[crio]
root = "${folder}/crio/root"
runroot = "/run/crio/storage"
storage_driver = "overlay"
log_dir = "/var/log/crio"
version_file = "/run/crio/version"
clean_shutdown_file = "${folder}/crio/clean.shutdown"
[crio.api]
listen = "/run/crio/crio.sock"
stream_address = "127.0.0.1"
stream_port = "0"
[crio.image]
pause_image = "localhost/pause:1"
signature_policy = "/etc/containers/policy.json"
signature_policy_dir = "${settings}/policies"
insecure_registries = [${PLAIN_REGISTRIES.map((host) => `"${host}"`).join(', ')}]
[crio.runtime]
conmon = "/usr/bin/conmon"
conmon_cgroup = "pod"
cgroup_manager = "cgroupfs"
default_runtime = "runc"
pinns_path = "${programFile(findProgram('pinns'))}"
[crio.runtime.runtimes.runc]
runtime_path = "/usr/sbin/runc"
runtime_root = "/run/runc"
monitor_path = "/usr/bin/conmon"
[crio.network]
network_dir = "${settings}/cni"
plugin_dirs = ["/usr/lib/cni"]
[crio.metrics]
enable_metrics = false
`;
}
