#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The phase `packages` with the power cut inside of apt and dpkg: this machine's own programs, in a root of their own with a
# state of its own, which know a repository of small packages with the real names. Everything in that root is killed at once
# while a maintainer script runs, for each script of each package. Then the phase, run again, must end with all of them
# configured, and `undo` take away what came. Nothing here touches this machine's packages.
# (A killed process leaves what it wrote: what dpkg hasn't flushed isn't lost here.)
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
requires apt-get dpkg dpkg-deb dpkg-query dpkg-split start-stop-daemon ldconfig tar sha256sum
[ "$(id -u)" = 0 ] || skip "a root of its own needs root"
driver=$PWD/build/tests/native/packages
[ -x "$driver" ] || make -s build/tests/native/packages >/dev/null || die "the driver doesn't build"
if [ -w /dev/shm ]; then
	work=$(mktemp -d -p /dev/shm) # dpkg flushes each file
else
	work=$(mktemp -d)
fi
cleanup_fn rm -rf "$work"
root=$work/root
pristine=$work/pristine
packages=(libluks-test cryptsetup cryptsetup-initramfs clevis clevis-luks clevis-initramfs)

# --- the root -------------------------------------------------------------------------------------

# add_file PATH: into the root, with the libraries that it needs.
add_file() {
	local file
	for file in "$1" $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*'); do
		install -D "$file" "$pristine$file"
	done
}

make_root() {
	local name
	mkdir -p "$pristine"/{usr/{bin,sbin,lib,lib64},dev,etc/apt/{apt.conf.d,preferences.d},tmp,state,repository} \
		"$pristine"/var/{lib/{dpkg/{info,updates,triggers},apt/lists/partial},cache/apt/archives/partial,log/apt}
	for name in bin sbin lib lib64; do
		ln -s "usr/$name" "$pristine/$name"
	done
	for name in apt-get dpkg dpkg-deb dpkg-query dpkg-split sh rm tar diff ldconfig start-stop-daemon touch sleep; do
		add_file "$(command -v "$name")"
	done
	for name in /usr/lib/apt/methods/{file,copy,store,gpgv}; do
		add_file "$name"
	done
	for name in /usr/share/dpkg/*table; do
		add_file "$name"
	done
	mknod -m 666 "$pristine/dev/null" c 1 3 || skip "no device nodes can be made here"
	: >"$pristine/var/lib/dpkg/status"
	echo 'root:x:0:0:root:/:/bin/sh' >"$pristine/etc/passwd"
	echo 'APT::Sandbox::User "root";' >"$pristine/etc/apt/apt.conf.d/test"
	echo 'deb [trusted=yes] file:/repository ./' >"$pristine/etc/apt/sources.list"
}

# Where it is asked to, a maintainer script says that it runs and does not end: its sleep waits for nothing, it is there to be killed.
make_script() {
	printf '#!/bin/sh\n[ ! -e /hang-%s-%s ] || { touch /reached; sleep 3600; }\n' "$2" "$3" >"$1/DEBIAN/$3"
	chmod 755 "$1/DEBIAN/$3"
}

# make_package NAME DEPENDS
make_package() {
	local tree=$work/tree deb=$pristine/repository/$1.deb script
	rm -rf "$tree"
	mkdir -p "$tree/DEBIAN" "$tree/usr/share/test"
	echo "$1" >"$tree/usr/share/test/$1"
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: a test\nDescription: nothing\n' "$1" >"$tree/DEBIAN/control"
	[ -z "$2" ] || echo "Depends: $2" >>"$tree/DEBIAN/control"
	for script in preinst postinst; do
		make_script "$tree" "$1" "$script"
	done
	dpkg-deb --build "$tree" "$deb" >/dev/null || die "dpkg-deb"
	{
		cat "$tree/DEBIAN/control"
		echo "Filename: ./$1.deb"
		echo "Size: $(stat -c %s "$deb")"
		echo "SHA256: $(sha256sum "$deb" | cut -d' ' -f1)"
		echo
	} >>"$pristine/repository/Packages"
}

fresh() {
	rm -rf "$root"
	cp -a "$pristine" "$root"
}

in_root() { chroot "$root" "$@"; }
phase() { "$driver" "$root" /state "$1"; }
# shellcheck disable=SC2016 # dpkg's own
status_of() { in_root dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null; }

are_all_installed() {
	local name
	phase "done" || return 1
	for name in "${packages[@]}"; do
		[ "$(status_of "$name")" = installed ] || return 1
	done
	[ -z "$(in_root dpkg --audit)" ]
}

is_like_before() {
	# shellcheck disable=SC2016 # dpkg's own
	[ -z "$(in_root dpkg-query -W -f '${Package}\n')" ] && [ -z "$(ls -A "$root/usr/share/test" 2>/dev/null)" ]
}

# --- cuts -----------------------------------------------------------------------------------------

# Everything that runs in the root, and nothing else.
kill_all() {
	local link
	for link in /proc/[0-9]*/root; do
		[ "$(readlink "$link" 2>/dev/null)" != "$root" ] || kill -KILL "$(basename "$(dirname "$link")")" 2>/dev/null
	done
}
# has_reached PID: a script runs, or the phase has ended without.
has_reached() { [ -e "$root/reached" ] || ! kill -0 "$1" 2>/dev/null; }

# cut_in PACKAGE SCRIPT: the power is cut while it runs.
cut_in() {
	local pid
	fresh
	: >"$root/hang-$1-$2"
	phase run >"$work/said" 2>&1 &
	pid=$!
	wait_for 60 has_reached "$pid"
	kill_all
	wait "$pid" 2>/dev/null
	rm -f "$root"/hang-* "$root/reached"
}

make_root
make_package libluks-test ''
make_package cryptsetup libluks-test
make_package cryptsetup-initramfs cryptsetup
make_package clevis ''
make_package clevis-luks 'clevis, cryptsetup'
make_package clevis-initramfs 'clevis-luks, cryptsetup-initramfs'

fresh
check "without a cut the phase runs" phase run
check "  and all is installed" are_all_installed
check "  undo" phase undo
check "  takes away what came" is_like_before

needs_dpkg=0
for package in "${packages[@]}"; do
	for script in preinst postinst; do
		cut_in "$package" "$script"
		if are_all_installed; then
			not_ok "cut in the $script of $package: nothing was cut"
			continue
		fi
		in_root apt-get -q -y install clevis 2>&1 | grep -q 'dpkg --configure -a' && needs_dpkg=$((needs_dpkg + 1))
		check "cut in the $script of $package: the phase runs again" phase run
		check "  and all is installed" are_all_installed
		check "  undo" phase undo
		check "  takes away what came" is_like_before
	done
done
check "apt alone would have refused ($needs_dpkg times)" [ "$needs_dpkg" -gt 0 ]

tests_done
