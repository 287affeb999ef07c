# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Roots to run the static program in: an empty one, and real Debian roots whose nsswitch.conf names
# every lookup module they have. Sourced by run.sh. Nothing is ever written into a cached root: what
# a run needs is mounted over it, in a mount namespace of its own.

nss_packages=libnss-myhostname,libnss-resolve,libnss-mymachines,libnss-systemd,libnss-mdns
nss_packages=$nss_packages,libnss-sss,libnss-nis

keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# nss_modules ROOT: the names of the modules that are installed there.
nss_modules() {
	find "$1/usr/lib" "$1/lib/" -name 'libnss_*.so.2' -printf '%f\n' 2>/dev/null |
		sed 's/^libnss_//; s/\.so\.2$//' | sort -u
}

# write_etc ROOT: files first would answer most lookups; here all others go first.
write_etc() {
	local modules
	modules=$(nss_modules "$1" | grep -v '^files$' | tr '\n' ' ')
	for database in passwd group shadow hosts networks services protocols; do
		echo "$database: ${modules}files"
	done >"$1/etc/nsswitch.conf"
	echo '127.0.0.1 localhost' >"$1/etc/hosts"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$1/etc/passwd"
	echo 'nameserver 127.0.0.1' >"$1/etc/resolv.conf"
	mkdir -p "$1/tmp" "$1/run" "$1/dev" "$1/proc"
}

# debian_root SUITE: prints the path of an extracted root, made once.
debian_root() {
	local root mirror
	root=$cache/roots/nss-$1-$(echo "$nss_packages" | sha256sum | cut -c1-8)
	if [ ! -d "$root" ]; then
		mirror=$("$test_root/tools/static/mirror.sh" main | head -n1) || return
		rm -rf "$root.part"
		mkdir -p "$cache/roots"
		mmdebstrap --quiet --variant=extract --include="$nss_packages" "$1" "$root.part" \
			"deb [signed-by=$keyring] $mirror $1 main" >&2 || return
		write_etc "$root.part"
		mv "$root.part" "$root"
	fi
	echo "$root"
}

# run_in_root ROOT PROGRAM [ARG…]: the program as /run/program in the root. Given to it: /dev/null,
# /dev/random and /dev/urandom (libcryptsetup wants both), and an empty /run and /tmp, each where
# the root has the folder.
run_in_root() {
	# shellcheck disable=SC2016 # for the inner shell
	unshare --mount sh -euc '
		root=$1 program=$2
		shift 2
		mount -t tmpfs tmpfs "$root/run"
		[ ! -d "$root/tmp" ] || mount -t tmpfs tmpfs "$root/tmp"
		if [ -d "$root/dev" ]; then
			mount -t tmpfs tmpfs "$root/dev"
			for node in null random urandom; do
				touch "$root/dev/$node"
				mount --bind "/dev/$node" "$root/dev/$node"
			done
		fi
		cp "$program" "$root/run/program"
		exec chroot "$root" /run/program "$@"' sh "$@"
}
