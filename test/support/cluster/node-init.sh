#!/bin/bash
# The first process of the node: its namespaces live as long as it does, and with it ends every other process in them.
# In: FOLDER, NODE_ADDRESS, API_SERVICE_ADDRESS, SERVICE_NETWORK, NODE_NAME, CGROUP.
# Everything is written below $FOLDER, into file systems of the namespace's own, or into our own cgroups.
set -euo pipefail

# The old /proc still numbers processes as the host does.
read -r pid _ < /proc/self/stat
echo "$pid" > "$FOLDER/node.pid"

mount --make-rprivate /
hostname "$NODE_NAME"

# CRI-O sets hugetlb limits wherever the kernel lists that controller, mounted or not: a tree of cgroups of our own has it.
cgroups="$FOLDER/cgroup"
mkdir -p "$cgroups"
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mount --bind /sys/fs/cgroup "$cgroups"
  mkdir -p "$cgroups/$CGROUP"
else
  mount -t tmpfs -o mode=755 tmpfs "$cgroups"
  for hierarchy in /sys/fs/cgroup/*; do
    name=${hierarchy##*/}
    if [ -L "$hierarchy" ]; then cp -P "$hierarchy" "$cgroups/"; continue; fi
    mountpoint -q "$hierarchy" || continue
    mkdir "$cgroups/$name"
    mount --bind "$hierarchy" "$cgroups/$name"
  done
  if grep -q '^hugetlb' /proc/cgroups && [ ! -d "$cgroups/hugetlb" ]; then
    mkdir "$cgroups/hugetlb"
    mount -t cgroup -o hugetlb cgroup "$cgroups/hugetlb"
  fi
  for hierarchy in "$cgroups"/*/; do
    case $hierarchy in */unified/) ;; *) mkdir -p "$hierarchy$CGROUP" ;; esac
  done
  if [ -d "$cgroups/cpuset" ]; then
    for list in cpuset.cpus cpuset.mems; do
      cat "$cgroups/cpuset/$list" > "$cgroups/cpuset/$CGROUP/$list"
    done
  fi
fi
mount --rbind "$cgroups" /sys/fs/cgroup

mount -t proc proc /proc
for folder in var etc opt; do
  mkdir -p "$FOLDER/overlay/$folder/upper" "$FOLDER/overlay/$folder/work"
  mount -t overlay overlay \
    -o "lowerdir=/$folder,upperdir=$FOLDER/overlay/$folder/upper,workdir=$FOLDER/overlay/$folder/work" "/$folder"
done
mount -t tmpfs tmpfs /run
mkdir -p /run/crio /var/log/crio /etc/containers/registries.d
# What Debian brings would count as trust.
rm -f /etc/containers/registries.d/* /etc/containers/policy.json
mount --make-rshared /

ip link set lo up
ip address add "$NODE_ADDRESS/32" dev lo
ip address add "$API_SERVICE_ADDRESS/32" dev lo
ip route add "$SERVICE_NETWORK" dev lo src "$NODE_ADDRESS"
echo 1 > /proc/sys/net/ipv4/ip_forward
printf '127.0.0.1 localhost\n%s %s tekton-triggers-core-interceptors.tekton-pipelines.svc\n' \
  "$NODE_ADDRESS" "$NODE_NAME" > /etc/hosts
echo "nameserver $NODE_ADDRESS" > /etc/resolv.conf

touch "$FOLDER/ready"
trap 'exit 0' TERM INT
while :; do
  sleep 1000 &
  wait $!
done
