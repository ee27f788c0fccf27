#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# state_dir on a disk that is full, then writable again, then read-only: what cannot be kept is refused with the reason, and
# what runs stays as it was.
. tests/integration/lib.sh
pki=$lab/pki
config=$(cat "$lab/config-path")
disk=$lab/disk
mkdir -p "$disk"
mount -t tmpfs -o size=2m,mode=0700 sallyport-disk "$disk"
sed "s|^\(.*state_dir = \)\"[^\"]*\"|\1\"$disk\"|" "$config" >"$lab/disk.cfg"
restart "$lab/disk.cfg"
fill() { ! dd if=/dev/zero of="$disk/ballast" bs=4096 2>/dev/null; } # until there is no room
add() { ctl cert add "$1" --chain "$pki/p384.pem" --key "$pki/p384.key" --names "$1.test"; }
replace() { ctl "$@" cert replace exact --chain "$pki/other.pem" --key "$pki/other.key" --names exact.lab.test; }

try it_is_there grep -q "state_dir = \"$disk\"" "$lab/disk.cfg"
try a_change_is_kept add before
try the_disk_is_full fill
try a_certificate_is_refused refused_with 'No space left on device' replace
try what_is_served_stays gets "$pki/exact.pem" exact.lab.test
try a_trust_store_is_refused refused_with 'No space left on device' ctl trust-store bundle stored tests/unit/trust_pki/ec/root.pem
try it_is_not_there refused ctl trust-store show stored
tx=$(ctl tx begin)
replace --tx "$tx" >/dev/null
ctl --tx "$tx" trust-store bundle stored tests/unit/trust_pki/ec/root.pem >/dev/null
ctl --tx "$tx" trust-store revoke stored tests/unit/trust_pki/ec/root.crl >/dev/null
try so_is_a_transaction refused_with 'No space left on device' ctl tx commit "$tx"
try none_of_it_is_served gets "$pki/exact.pem" exact.lab.test
try health_is_as_before expect '"status":"ok"' ip netns exec "$prefix-gate" curl -sS http://127.0.0.1:9180/healthz
try others_are_served expect 'sallyport lab backend' get /

rm -f "$disk/ballast"
before=$(generation)
try with_room_the_transaction_is_done ctl tx commit "$tx"
try as_the_next_generation test "$(generation)" = $((before + 1))
try all_of_it_is_there expect '"revoked"' ctl --json trust-store show stored
try and_is_served gets "$pki/other.pem" exact.lab.test
scripts/lab kill
scripts/lab start
try a_crash_loses_nothing test "$(generation)" = $((before + 1))
try it_is_served_again gets "$pki/other.pem" exact.lab.test

# A journal that cannot be written would make every answer a lie: the daemon does not start with it.
scripts/lab stop
mount -o remount,ro "$disk"
starts_not() {
	! scripts/lab start >"$lab/disk.log" 2>&1 || { echo "it has started"; return 1; }
	grep -q "$disk.*Read-only file system" "$lab/disk.log" || { cat "$lab/disk.log"; return 1; }
}
try read_only_it_says_so starts_not
mount -o remount,rw "$disk"
try writable_it_starts scripts/lab start
try with_all_that_was_kept gets "$pki/other.pem" exact.lab.test
try and_takes_changes add after

restart "$config"
umount "$disk"
rm -rf "$disk" "$lab/disk.cfg" "$lab/disk.log"
