#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# systemd as the first process of namespaces of its own, on the tree below ROOT, in the control group (v2)
# CGROUP, which exists and holds nothing else, and the network namespace SPACE. The caller's mounts are private.
# Returns when it ends.
#   systemd.sh ROOT CGROUP SPACE
set -e
if [ $# = 3 ]; then
	echo $$ >"$2/cgroup.procs"
	exec ip netns exec "$3" unshare -m -p -f -C -u -i --kill-child "$0" "$1"
fi
root=$1
mount -t proc proc "$root/proc"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 dev "$root/dev"
mkdir -p "$root/dev/net" "$root/dev/shm" "$root/dev/pts"
for file in null zero full random urandom tty net/tun; do
	: >"$root/dev/$file"
	mount --bind "/dev/$file" "$root/dev/$file"
done
ln -s /proc/self/fd "$root/dev/fd"
mount -t tmpfs -o mode=755 run "$root/run"
mount -t tmpfs -o mode=1777 tmp "$root/tmp"
# What looks after a machine, and writes where it would have to be cleaned up.
mkdir -p "$root/run/systemd/system"
for unit in systemd-udevd systemd-logind systemd-networkd console-getty systemd-sysctl systemd-update-done \
	systemd-update-utmp systemd-tmpfiles-setup systemd-tmpfiles-setup-dev systemd-machine-id-commit; do
	ln -s /dev/null "$root/run/systemd/system/$unit.service"
done
mkdir "$root/run/systemd/journald.conf.d"
printf '[Journal]\nStorage=volatile\n' >"$root/run/systemd/journald.conf.d/test.conf"
exec env -i container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin \
	chroot "$root" /lib/systemd/systemd --system --show-status=0 --log-target=console --log-level=warning --unit=basic.target
