#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian package in a clean chroot: lintian, installed, the daemon started there on net_tap and
# asked by curl, then as a service of a real systemd: watched, reloaded, stopped; upgraded, purged, nothing left
# behind. The chroot with what the package depends on is
# made once, by debootstrap, and kept in .deps.
cd "$(dirname "$0")/../.." || exit
here=tests/integration
# Mounts are this script's own, and gone with it.
[ -n "${PACKAGE_TEST:-}" ] || PACKAGE_TEST=1 exec unshare -m "$here/package.sh"
export SALLYPORT_LAB=${SALLYPORT_LAB:-sp}-d
. $here/lib.sh
cases=(lintian_finds_no_error it_installs man_pages_name_everything unit_is_sound the_daemon_serves_from_it
	systemd_starts_it systemd_reloads_it systemd_restarts_a_hung_one systemd_stops_it an_upgrade_keeps_what_was_edited
	it_is_purged nothing_is_left_behind)
cache=$PWD/.deps/chroot-bookworm.tar
space=$prefix-gate
boot='' cgroup=''
mkdir -p "$lab"

skip() { for name in "${cases[@]}"; do echo "skip package_$name: $*"; done; exit 0; }
for tool in debootstrap dh lintian; do command -v $tool >/dev/null || skip "no $tool"; done
deb=$(scripts/package 2>"$lab/package.log") || { echo "not ok package_builds"; cat "$lab/package.log"; exit; }
echo "ok package_builds"

scripts/lab claim || { echo "not ok package_has_a_lab"; exit; }
root=$(mktemp -d)
cleanup() {
	scripts/lab down
	[ -z "$boot" ] || kill -KILL $(init) 2>/dev/null
	[ -z "$cgroup" ] || wait_for 10 cgroup_remove
	umount -R "$root" 2>/dev/null
	rm -rf --one-file-system "$root" "$lab"
}
trap cleanup EXIT
mount --make-rprivate /
mount -t tmpfs -o size=2g,mode=755 chroot "$root"

in_root() { chroot "$root" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C DEBIAN_FRONTEND=noninteractive "$@"; }
mount_in() {
	mount -t proc proc "$root/proc"
	mount -t sysfs sysfs "$root/sys"
	mount --rbind /dev "$root/dev"
}

# Debian's base and what the package depends on, so that the test needs no network the second time.
wanted=$(dpkg-deb -f "$deb" Depends | tr ',' '\n' | sed 's/ *\([^ ]*\).*/\1/' | tr '\n' ' ')
extra="librte-net-tap23 logrotate systemd dbus"
if [ ! -e "$cache" ] || [ "$(cat "$cache.key")" != "$wanted$extra" ]; then
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 2>/dev/null | awk '$2 == "Debian" { print $1; exit }')
	debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "${mirror:-http://deb.debian.org/debian}" \
		>"$lab/debootstrap.log" 2>&1 || skip "debootstrap: $(tail -n 1 "$lab/debootstrap.log")"
	cp -L /etc/resolv.conf "$root/etc/" 2>/dev/null
	mount_in
	# shellcheck disable=SC2086 # a list of packages
	in_root apt-get -qy install --no-install-recommends $wanted $extra >"$lab/apt.log" 2>&1 ||
		skip "apt-get in the chroot: $(tail -n 1 "$lab/apt.log")"
	in_root apt-get clean
	umount -R "$root/dev" "$root/proc" "$root/sys"
	tar -C "$root" --one-file-system -cf "$cache.new" . && mv "$cache.new" "$cache" && echo "$wanted$extra" >"$cache.key"
else
	tar -C "$root" -xf "$cache"
fi
chmod 755 "$root" # EAL loads nothing from below a folder that all may write to
mountpoint -q "$root/proc" || mount_in
everything() { # but what dpkg and the caches write by themselves
	(cd "$root" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/cache -o -path ./run -o -path ./tmp \
		-o -path ./var/lib/systemd \) -prune -o -printf '%p %y %m %U\n' |
		grep -v -e '^./var/log/\(dpkg\|alternatives\).log' -e '^./etc/\(passwd\|group\|shadow\|gshadow\)-' -e '^./etc/.pwd.lock' |
		sort)
	cat "$root/etc/passwd" "$root/etc/group"
}

clean_lintian() { lintian --fail-on error --tag-display-limit 0 "$(dirname "$deb")"/*.changes; }

installed() {
	everything >"$lab/before"
	cp "$deb" "$root/tmp/sallyport.deb"
	in_root dpkg -i /tmp/sallyport.deb || return 1
	in_root id sallyport && in_root sallyport -V && in_root sallyctl --version &&
		in_root sh -c 'test -s /usr/share/man/man8/sallyport.8.gz -a -s /etc/logrotate.d/sallyport' &&
		[ "$(in_root stat -c %U:%G:%a /var/log/sallyport)" = sallyport:adm:750 ] &&
		in_root logrotate -d /etc/logrotate.d/sallyport
}

# Every key of the configuration and every command: what example.cfg and --help know, the pages have, and what
# the programs know those have.
pages() {
	local key word missing=0
	man_page() { zcat "$root/usr/share/man/$1.gz" | sed 's/\\-/-/g; s/\\e/\\/g'; }
	man_page man5/sallyport.cfg.5 >"$lab/cfg.5"
	man_page man1/sallyctl.1 >"$lab/ctl.1"
	for key in $(sed -n 's/.*{ *"\([a-z_0-9]*\)", *load_.*/\1/p' config/load*.[ch] | sort -u); do
		grep -qw -e "$key" "$lab/cfg.5" || { echo "sallyport.cfg(5) lacks $key"; missing=1; }
	done
	for word in $(in_root sallyctl --help | sed -n 's/^  *\([a-z-][a-z-]*\) .*/\1/p' | sort -u); do
		grep -qw -e "$word" "$lab/ctl.1" || { echo "sallyctl(1) lacks $word"; missing=1; }
	done
	[ "$(wc -w <"$lab/cfg.5")" -gt 500 ] && [ $missing = 0 ]
}

# The unit as installed, with the chroot's programs: not even a warning.
sound() {
	local said unit
	for unit in sallyport.service sallyport-nic@.service; do
		sed "s|=/usr/sbin/|=$root/usr/sbin/|" "$root/lib/systemd/system/$unit" >"$lab/$unit"
	done
	said=$(systemd-analyze verify --man=no "$lab/sallyport.service" "$lab/sallyport-nic@.service" 2>&1)
	[ -z "$said" ] || { echo "$said"; return 1; }
	said=$(systemd-analyze security --offline=yes --threshold=45 "$lab/sallyport.service" 2>&1) ||
		{ echo "$said" | tail -n 1; return 1; }
}

certificate() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.lab.test \
		-addext subjectAltName=DNS:www.lab.test -keyout "$root/etc/sallyport/www.key" \
		-out "$root/etc/sallyport/www.pem" 2>/dev/null &&
		in_root chgrp sallyport /etc/sallyport/www.key && chmod 640 "$root/etc/sallyport/www.key" # for reloads
}

# The kernel's ends of the taps, which start with the daemon's MAC addresses.
wires() {
	local i=0 side
	for side in front back; do
		ip -n "$space" link set "sp-$side" down
		ip -n "$space" link set "sp-$side" address "02:00:00:00:0$i:02"
		ip -n "$space" addr replace "10.8$i.0.2/24" dev "sp-$side"
		ip -n "$space" link set "sp-$side" up
		i=$((i + 1))
	done
}

fetched() { # the certificate on disk is the one that is served
	ip netns exec "$space" curl -sS --max-time 5 --cacert "$root/etc/sallyport/www.pem" \
		--resolve www.lab.test:443:10.80.0.1 https://www.lab.test/ | grep 'from the chroot'
}

serves() {
	certificate || return 1
	cp "$root/usr/share/doc/sallyport/examples/minimal.cfg" "$root/etc/sallyport/sallyport.cfg"
	in_root sallyport -t -c /etc/sallyport/sallyport.cfg || return 1
	ip netns add "$space"
	ip -n "$space" link set lo up
	mkdir -p "$root/run/sallyport"
	ip netns exec "$space" chroot "$root" sallyport -c /etc/sallyport/sallyport.cfg >"$lab/log" 2>&1 &
	daemon=$!
	wait_for 60 grep -q 'sallyport: ready' "$lab/log" || { cat "$lab/log"; return 1; }
	wires
	mkdir -p "$lab/www"
	echo 'from the chroot' >"$lab/www/index.html"
	ip netns exec "$space" python3 -m http.server -b 10.81.0.2 -d "$lab/www" 8080 >"$lab/http.log" 2>&1 &
	wait_for 60 fetched || { cat "$lab/log"; return 1; }
	grep -q "now user 'sallyport'" "$lab/log" || { cat "$lab/log"; return 1; }
	in_root sallyctl cert list | grep www || return 1
	kill -TERM $daemon
	wait $daemon
}

# --- as a service ----------------------------------------------------------------------------------

init() { pgrep -P "$boot"; }
inside() { nsenter -t "$(init)" -m -p -r -w "$@"; }
cgroup_remove() { find "$cgroup" -depth -type d -exec rmdir {} + 2>/dev/null; [ ! -e "$cgroup" ]; }
booted() { init && inside systemctl is-system-running; }
shows() { # PROPERTY=VALUE: what systemd says of the service
	inside systemctl show sallyport -p "${1%%=*}" | grep -qx "$1" || { inside systemctl status --no-pager sallyport; return 1; }
}
main_pid() { # here, not there
	local there pid
	there=$(inside systemctl show sallyport -p MainPID --value)
	# Processes come and go meanwhile, and grep fails for each that is gone, whatever it found.
	{ grep -ls "^NSpid:.*[[:space:]]$there\$" /proc/[0-9]*/status || :; } | while IFS=/ read -r _ _ pid _; do
		[ "$(readlink "/proc/$pid/ns/pid")" != "$(readlink "/proc/$(init)/ns/pid")" ] || echo "$pid"
	done | grep .
}

systemd_starts() {
	wait_for 60 booted || { cat "$lab/systemd.log"; return 1; }
	# As it is installed, but for a watchdog nobody has to wait for.
	inside sh -c 'mkdir -p /run/systemd/system/sallyport.service.d &&
		printf "[Service]\nWatchdogSec=5\n" >/run/systemd/system/sallyport.service.d/test.conf &&
		systemctl daemon-reload && systemctl start sallyport' || { inside journalctl -u sallyport --no-pager; return 1; }
	shows ActiveState=active && shows StatusText=serving && wires && wait_for 60 fetched || return 1
	[ "$(inside journalctl -u sallyport --no-pager -o cat | grep -c '^sallyport: ready$')" = 1 ]
}

systemd_reloads() {
	certificate && refused fetched && inside systemctl reload sallyport && wait_for 30 fetched && shows NRestarts=0 && return
	inside journalctl -u sallyport --no-pager -o cat | tail
	return 1
}

restarted() { shows NRestarts=1 && shows ActiveState=active; }
systemd_restarts() {
	local pid
	pid=$(main_pid) || { echo "no process"; return 1; }
	python3 $here/hang.py "$pid" "$lab/hang" || return 1 # returns when it was killed
	wait_for 60 restarted || { inside journalctl -u sallyport --no-pager -o cat | tail; return 1; }
	inside journalctl -u sallyport --no-pager | grep 'the watchdog is told no more' || return 1
	wires && wait_for 60 fetched
}

systemd_stops() {
	inside systemctl stop sallyport && shows ActiveState=inactive && shows Result=success && shows ExecMainStatus=0 || return 1
	kill -KILL "$(init)"
	wait_for 10 cgroup_remove
}

# dpkg asks about nothing and touches nothing that the operator has changed.
upgraded() {
	echo '# mine' | tee -a "$root/etc/logrotate.d/sallyport" "$root/etc/sallyport/sallyport.cfg" >/dev/null
	in_root dpkg -i /tmp/sallyport.deb </dev/null || return 1
	[ "$(tail -q -n 1 "$root/etc/logrotate.d/sallyport" "$root/etc/sallyport/sallyport.cfg")" = "$(printf '# mine\n# mine')" ] &&
		[ "$(in_root stat -c %U:%G:%a /var/log/sallyport)" = sallyport:adm:750 ]
}

purged() { in_root dpkg -P sallyport; }

# What the operator put there is the operator's to take away; ours is all gone.
left_behind() {
	rm -rf "$root/etc/sallyport" "$root/tmp/sallyport.deb"
	everything >"$lab/after"
	diff "$lab/before" "$lab/after"
}

try package_lintian_finds_no_error clean_lintian
try package_it_installs installed
try package_man_pages_name_everything pages
try package_unit_is_sound sound
try package_the_daemon_serves_from_it serves
cgroup=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)/$prefix-package
if mkdir "$cgroup" 2>"$lab/systemd.log"; then
	$here/systemd.sh "$root" "$cgroup" "$space" >"$lab/systemd.log" 2>&1 &
	boot=$!
	try package_systemd_starts_it systemd_starts
	try package_systemd_reloads_it systemd_reloads
	try package_systemd_restarts_a_hung_one systemd_restarts
	try package_systemd_stops_it systemd_stops
else
	cgroup=
	for name in starts_it reloads_it restarts_a_hung_one stops_it; do
		echo "skip package_systemd_$name: no control group: $(tail -n 1 "$lab/systemd.log")"
	done
fi
try package_an_upgrade_keeps_what_was_edited upgraded
try package_it_is_purged purged
try package_nothing_is_left_behind left_behind
