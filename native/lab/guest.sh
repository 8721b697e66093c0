#!/bin/sh
# The lab's machine after its start: loads the software radios, runs the program that the host asked for, and turns the
# machine off. What it says lies in the shared folder, since the console is slow.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin TMPDIR=/run/tmp HOME=/run LC_ALL=C
. /run/lab/settings
mount -t tmpfs tmpfs /var/tmp 2>/dev/null
mkdir -p /run/netns /run/log
ip link set lo up
for module in $(cat /run/modules/radio-order); do
  case $module in
    mac80211_hwsim.ko) insmod "/run/modules/$module" radios="$RADIOS" support_p2p_device=1 ;;
    *) insmod "/run/modules/$module" ;;
  esac || echo "lab: $module does not load"
done
cd "$REPOSITORY" || poweroff -f
export PATH="$REPOSITORY/node_modules/.bin:$PATH"
export NODE_COMPILE_CACHE=/run/tmp/node-cache NODE_OPTIONS="--import=$REPOSITORY/native/lab/guest/keep-compiled.ts"
node "$PROGRAM" >/run/lab/stdout 2>/run/lab/stderr
code=$?
# A program that dies by a signal before its first word is the host's to judge; this is all there is to know of it.
[ "$code" -lt 128 ] || dmesg | tail -n 5 >>/run/lab/stderr
echo "$code" >/run/lab/exit-code
# Written to memory until now: a supplicant that waits for a slow file answers nobody.
cp /run/log/* /run/lab/
sync
busybox poweroff -f
