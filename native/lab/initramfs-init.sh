#!/bin/busybox sh
# The first program of the lab's machine: brings up the bus to the host, takes the host's own file system (read-only)
# as root, and goes on there. Its modules lie in /modules in the order in which they must be loaded.
/bin/busybox mkdir -p /proc /sys /dev /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sysfs /sys
/bin/busybox mount -t devtmpfs devtmpfs /dev
for module in $(/bin/busybox cat /modules/order); do
  /bin/busybox insmod "/modules/$module" || echo "lab: $module does not load"
done
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=loose,ro host /root ||
  { echo 'lab: the host is not there'; /bin/busybox poweroff -f; }
/bin/busybox mount -t tmpfs tmpfs /root/run
/bin/busybox mkdir -p /root/run/lab /root/run/modules /root/run/tmp
/bin/busybox cp /modules/*.ko /modules/radio-order /root/run/modules/
/bin/busybox mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none lab /root/run/lab ||
  { echo 'lab: there is nowhere to write'; /bin/busybox poweroff -f; }
/bin/busybox mount --move /proc /root/proc
/bin/busybox mount --move /sys /root/sys
/bin/busybox mount --move /dev /root/dev
exec /bin/busybox switch_root /root /bin/sh /run/lab/guest.sh
