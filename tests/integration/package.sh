#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The Debian package in a clean chroot: lintian, installed, the daemon started there on net_tap and
# asked by curl, stopped, purged, nothing left behind. The chroot with what the package depends on is
# made once, by debootstrap, and kept in .deps.
cd "$(dirname "$0")/../.." || exit
here=tests/integration
# Mounts are this script's own, and gone with it.
[ -n "${PACKAGE_TEST:-}" ] || PACKAGE_TEST=1 exec unshare -m "$here/package.sh"
export SALLYPORT_LAB=${SALLYPORT_LAB:-sp}-d
. $here/lib.sh
cases=(lintian_finds_no_error it_installs unit_is_sound the_daemon_serves_from_it it_is_purged nothing_is_left_behind)
cache=$PWD/.deps/chroot-bookworm.tar
space=$prefix-gate
mkdir -p "$lab"

skip() { for name in "${cases[@]}"; do echo "skip package_$name: $*"; done; exit 0; }
for tool in debootstrap dh lintian; do command -v $tool >/dev/null || skip "no $tool"; done
deb=$(scripts/package 2>"$lab/package.log") || { echo "not ok package_builds"; cat "$lab/package.log"; exit; }
echo "ok package_builds"

root=$(mktemp -d)
cleanup() {
	local pid
	for pid in $(ip netns pids "$space" 2>/dev/null); do kill -KILL "$pid" 2>/dev/null; done
	ip netns del "$space" 2>/dev/null
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
if [ ! -e "$cache" ] || [ "$(cat "$cache.key")" != "$wanted" ]; then
	mirror=$(apt-get indextargets --format '$(REPO_URI) $(ORIGIN)' 2>/dev/null | awk '$2 == "Debian" { print $1; exit }')
	debootstrap --variant=minbase --include=ca-certificates bookworm "$root" "${mirror:-http://deb.debian.org/debian}" \
		>"$lab/debootstrap.log" 2>&1 || skip "debootstrap: $(tail -n 1 "$lab/debootstrap.log")"
	cp -L /etc/resolv.conf "$root/etc/" 2>/dev/null
	mount_in
	# shellcheck disable=SC2086 # a list of packages
	in_root apt-get -qy install --no-install-recommends $wanted librte-net-tap23 logrotate >"$lab/apt.log" 2>&1 ||
		skip "apt-get in the chroot: $(tail -n 1 "$lab/apt.log")"
	in_root apt-get clean
	umount -R "$root/dev" "$root/proc" "$root/sys"
	tar -C "$root" --one-file-system -cf "$cache.new" . && mv "$cache.new" "$cache" && echo "$wanted" >"$cache.key"
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

serves() {
	local i
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=www.lab.test \
		-addext subjectAltName=DNS:www.lab.test -keyout "$root/etc/sallyport/www.key" \
		-out "$root/etc/sallyport/www.pem" 2>/dev/null || return 1
	cp "$root/usr/share/doc/sallyport/examples/minimal.cfg" "$root/etc/sallyport/sallyport.cfg"
	in_root sallyport -t -c /etc/sallyport/sallyport.cfg || return 1
	ip netns add "$space"
	ip -n "$space" link set lo up
	mkdir -p "$root/run/sallyport"
	ip netns exec "$space" chroot "$root" sallyport -c /etc/sallyport/sallyport.cfg >"$lab/log" 2>&1 &
	daemon=$!
	wait_for 60 grep -q 'sallyport: ready' "$lab/log" || { cat "$lab/log"; return 1; }
	i=2
	for side in front back; do # the kernel's end of a tap starts with the daemon's MAC address
		ip -n "$space" link set "sp-$side" down
		ip -n "$space" link set "sp-$side" address "02:00:00:00:0$i:02"
		ip -n "$space" addr add "10.8$((i - 2)).0.2/24" dev "sp-$side"
		ip -n "$space" link set "sp-$side" up
		i=$((i + 1))
	done
	mkdir -p "$lab/www"
	echo 'from the chroot' >"$lab/www/index.html"
	ip netns exec "$space" python3 -m http.server -b 10.81.0.2 -d "$lab/www" 8080 >"$lab/http.log" 2>&1 &
	fetched() {
		ip netns exec "$space" curl -sS --max-time 5 --cacert "$root/etc/sallyport/www.pem" \
			--resolve www.lab.test:443:10.80.0.1 https://www.lab.test/ | grep 'from the chroot'
	}
	wait_for 60 fetched || { cat "$lab/log"; return 1; }
	grep -q "now user 'sallyport'" "$lab/log" || { cat "$lab/log"; return 1; }
	in_root sallyctl cert list | grep www || return 1
	kill -TERM $daemon
	wait $daemon
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
try package_unit_is_sound sound
try package_the_daemon_serves_from_it serves
try package_it_is_purged purged
try package_nothing_is_left_behind left_behind
