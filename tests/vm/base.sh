# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by everything in tests/vm: what they all need to agree on.
# The processor: emulated, and modest. "-cpu max" has five-level page tables, below which Debian's
# kernels garble /proc/mounts, so that grub-probe points GRUB at the wrong partition.
# The cache: directories outside the checkout, named by the content of what made them. An entry
# appears whole (rename) or not at all; two builders of one entry wait for each other.

# shellcheck disable=SC2034,SC2054
vm_machine=(qemu-system-x86_64 -nodefaults -display none -machine "pc,usb=off"
	-accel tcg,thread=multi -cpu "Haswell-noTSX,-pcid,-x2apic,-tsc-deadline,-invpcid"
	-rtc base=utc -device virtio-rng-pci)

# shellcheck disable=SC2034
suite=bookworm

# The package source of this machine, whatever it is, so that nothing here has to name one.
debian_sources() {
	local f found=1
	for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources; do
		if [ -e "$f" ] && grep -qE "^(deb|Suites:).*\\b$suite\\b" "$f"; then
			echo "$f"
			found=0
		fi
	done
	return $found
}

cache_root=${PANOCRYPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/panocrypt}/vm

cache_die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Reads what an entry is made from, prints its key.
cache_key() {
	sha256sum | cut -c 1-16
}

# cache_get ENTRY COMMAND…: prints the entry's directory. If there is none, COMMAND DIR makes one.
cache_get() {
	local entry=$cache_root/$1 tmp
	shift
	if [ ! -d "$entry" ]; then
		mkdir -p "$cache_root"
		(
			flock 9
			[ ! -d "$entry" ] || exit 0
			tmp=$(mktemp -d "$entry.tmp.XXXXXX")
			trap 'rm -rf --one-file-system "$tmp"' EXIT
			# No errexit in here (the caller tests the result), so each step says so.
			"$@" "$tmp" >&2 && chmod 755 "$tmp" && sync -f "$tmp" && mv -T "$tmp" "$entry"
		) 9>"$entry.lock" || cache_die "could not make ${entry##*/}"
	fi
	echo "$entry"
}
