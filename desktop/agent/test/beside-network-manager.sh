#!/bin/sh
# A machine of its own for a real NetworkManager: private network, processes and /run. Takes the rule that the kiosk ships
# and a program to run when NetworkManager has taken what it takes. Needs root; leaves nothing.
# usage: beside-network-manager.sh RULE PROGRAM...
set -eu
rule=$1
shift
mount -t tmpfs none /run
# Read-only, as in a container: NetworkManager then waits for no udev.
mount -t sysfs -o ro none /sys
mkdir -p /run/dbus /run/nm/conf /run/nm/connections
ip link set lo up
# A radio that NetworkManager may have, and a group's interface that the kiosk has just given its address.
for name in wlan9 p2p-wlan9-0; do
  ip link add "$name" type veth peer name "far-${name%-0}"
  ip link set "$name" up
done
ip addr add 192.168.49.1/24 dev p2p-wlan9-0
dbus-daemon --system --fork --nopidfile
cp "$rule" /run/nm/conf/
printf '[main]\nplugins=keyfile\n[keyfile]\npath=/run/nm/connections\n' >/run/nm/NetworkManager.conf
NetworkManager --no-daemon --config /run/nm/NetworkManager.conf --config-dir /run/nm/conf \
  --system-config-dir /run/nm/none --intern-config /run/nm/intern.conf --state-file /run/nm/state \
  --pid-file /run/nm/pid >/run/nm/log 2>&1 &
tries=100
until [ -e "/run/NetworkManager/devices/$(cat /sys/class/net/wlan9/ifindex)" ]; do
  tries=$((tries - 1))
  [ "$tries" -gt 0 ] || { tail -5 /run/nm/log >&2; exit 1; }
  sleep 0.2
done
nmcli --terse --fields DEVICE,STATE device | sed 's/^/state /'
ip -oneline -4 address show dev p2p-wlan9-0 | sed 's/^/address /'
"$@"
