#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# scripts/nic against a sysfs made of files, with a dpdk-devbind.py that only does what it is told.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 1
sys=$(mktemp -d)
trap 'rm -rf "$sys"' EXIT
export SALLYPORT_SYS=$sys PATH=$sys/bin:$PATH
failed=0

device() { # ADDRESS CLASS DRIVER GROUP
	local at=$sys/bus/pci/devices/$1
	mkdir -p "$at" "$sys/bus/pci/drivers/$3" "$sys/class/net"
	echo "$2" >"$at/class"
	echo "pci:$1" >"$at/modalias"
	ln -sfn "$sys/bus/pci/drivers/$3" "$at/driver"
	[ -n "${4:-}" ] || return 0
	mkdir -p "$sys/groups/$4/devices"
	ln -sfn "$sys/groups/$4" "$at/iommu_group"
	ln -sfn "$at" "$sys/groups/$4/devices/$1"
}

mkdir -p "$sys/bin"
cat >"$sys/bin/dpdk-devbind.py" <<'STUB'
#!/bin/sh
driver=${1#--bind=}
shift
[ ! -e "$SALLYPORT_SYS/deaf" ] || exit 0
for nic; do ln -sfn "$SALLYPORT_SYS/bus/pci/drivers/$driver" "$SALLYPORT_SYS/bus/pci/devices/$nic/driver"; done
STUB
printf '#!/bin/sh\n[ "$1" != -R ] || printf "vfio_pci\\nice\\n"\n' >"$sys/bin/modprobe"
chmod +x "$sys/bin/"*
mkdir -p "$sys/bus/pci/drivers/vfio-pci"

# says STATUS TEXT WORD...: exit status and what it has to say.
says() {
	local status=$1 text=$2 got rc
	shift 2
	got=$(scripts/nic "$@" 2>&1)
	rc=$?
	if [ $rc != "$status" ] || ! grep -qF -- "$text" <<<"$got"; then
		echo "not ok nic $*: status $rc instead of $status, or it does not say '$text': $got"
		failed=1
	fi
}

device 0000:3b:00.0 0x020000 ice 7
device 0000:3c:00.0 0x020000 mlx5_core 8
device 0000:3d:00.0 0x010802 nvme 9
device 0000:3e:00.0 0x020000 ice
device 0000:3f:00.0 0x020000 ice 10
device 0000:3f:00.1 0x020000 ice 10
device 0000:00:01.0 0x060400 pcieport 7 # a bridge in the group is no hindrance
mkdir -p "$sys/bus/pci/devices/0000:3b:00.0/net/eth9"
mkdir -p "$sys/class/net/eth9"
ln -s "$sys/bus/pci/devices/0000:3b:00.0" "$sys/class/net/eth9/device"

says 2 usage:
says 2 usage: bind
says 2 usage: unbind
says 2 usage: status all
says 2 usage: rebind 3b:00.0
says 1 "'nosuch' is neither" bind nosuch
says 1 "'0000:3b:00.8' is neither" bind 0000:3b:00.8
says 1 'no PCI device 0000:77:00.0' bind 77:00.0
says 1 'must not be bound' bind 3c:00.0
says 1 'not a network device' bind 3d:00.0
says 1 'behind no IOMMU' bind 3e:00.0
says 1 'shares its IOMMU group with 0000:3f:00.1 (ice)' bind 3f:00.0
says 1 'behind no IOMMU' bind 3b:00.0 3e:00.0
[ "$(basename "$(readlink "$sys/bus/pci/devices/0000:3b:00.0/driver")")" = ice ] ||
	{ echo "not ok nic: bound one of two although the other was refused"; failed=1; }
says 0 '0000:3b:00.0: vfio-pci' bind 0000:3B:00.0
says 0 '0000:3b:00.0: ice' unbind eth9
touch "$sys/deaf"
says 1 "is on 'ice' still" bind eth9
exit $failed
