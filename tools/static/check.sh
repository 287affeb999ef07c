#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Checks the linked program: check.sh STRIPPED DEBUG PREFIX. Prints a line for each finding and
# fails if there is one. What it looks for has gone wrong before, or would only show on a foreign
# machine.
set -eu

program=$1
debug=$2
prefix=$3
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
findings=0

finding() {
	echo "check.sh: $program: $*" >&2
	findings=$((findings + 1))
}

check_elf() {
	readelf -lW "$program" >"$scratch/segments"
	readelf -dW "$program" >"$scratch/dynamic"
	! grep -q INTERP "$scratch/segments" || finding "has an interpreter"
	! grep -q NEEDED "$scratch/dynamic" || finding "needs shared libraries"
	readelf -hW "$program" | grep -q 'Type: *DYN' || finding "is not position independent"
	grep -q 'FLAGS_1.* PIE' "$scratch/dynamic" || finding "is not marked PIE"
	grep -q 'FLAGS_1.* NOW' "$scratch/dynamic" || finding "binds lazily (no BIND_NOW)"
	grep -q GNU_RELRO "$scratch/segments" || finding "has no RELRO"
	grep -Eq 'GNU_STACK.* RW +0x' "$scratch/segments" || finding "has an executable stack"
	! grep -Eq 'LOAD.* RWE' "$scratch/segments" || finding "has a writable, executable segment"
	! grep -q TEXTREL "$scratch/dynamic" || finding "has text relocations"
}

# A static program that loads code at run time loads a foreign libc.
check_symbols() {
	nm "$debug" >"$scratch/symbols"
	for name in dlopen iconv_open; do
		! grep -Eq " [TtWw] $name\$" "$scratch/symbols" || finding "contains $name"
	done
}

# A name that two packages define is one that the wrong code may answer to. The libraries of
# util-linux share helpers on purpose: they count as one package.
check_clashes() {
	for archive in "$prefix"/usr/lib/*.a; do
		package=$(basename "$archive" .a)
		case $package in libblkid | libmount | libfdisk | libuuid) package=util-linux ;; esac
		nm -g --defined-only "$archive" 2>/dev/null |
			awk -v p="$package" 'NF == 3 && $2 !~ /[VWu]/ { print $3, p }'
	done | sort -u | awk '
		$1 == name { print name ": " package " and " $2 }
		{ name = $1; package = $2 }' >"$scratch/clashes"
	while read -r clash; do
		finding "symbol of two packages: $clash"
	done <"$scratch/clashes"
}

# Places of this machine have no business in the program.
check_paths() {
	strings -a "$program" >"$scratch/strings"
	for place in "$PWD" "$(readlink -f "$prefix")" "$(dirname "$(readlink -f "$prefix")")"; do
		[ "${#place}" -gt 1 ] || continue
		! grep -F "$place" "$scratch/strings" | head -n3 >"$scratch/places" || :
		[ ! -s "$scratch/places" ] || finding "names a path of the build: $(cat "$scratch/places")"
	done
}

# The program itself says whether its libraries work, jose's algorithms among them.
check_self_test() {
	"$program" --self-test >"$scratch/self-test" 2>&1 ||
		finding "--self-test fails: $(grep -v '^ok ' "$scratch/self-test" | head -n5)"
	grep -q '^ok jose-algorithms' "$scratch/self-test" ||
		finding "--self-test says nothing of jose's algorithms (was libjose linked whole?)"
}

check_elf
check_symbols
check_clashes
check_paths
check_self_test
[ $findings -eq 0 ]
