# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by everything in tests/vm: what they all need to agree on.
# The processor: emulated, and modest. "-cpu max" has five-level page tables, below which Debian's
# kernels garble /proc/mounts, so that grub-probe points GRUB at the wrong partition.
# A change in here makes a new image.

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
