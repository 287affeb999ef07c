# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh
#
# What every library of the static build shares: flags, unpacking, the sysroot and its compiler.
# Sourced by build.sh. Its text, comments
# aside, is part of every library's cache key: a change rebuilds all.

CFLAGS="-O2 -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong"
CFLAGS="$CFLAGS -fstack-clash-protection"
CC=musl-gcc
AR='ar'
RANLIB=ranlib
LC_ALL=C
SOURCE_DATE_EPOCH=1700000000
export CFLAGS CC AR RANLIB LC_ALL SOURCE_DATE_EPOCH
# The machine's own settings must not get into the libraries.
unset CPPFLAGS LDFLAGS LIBS CXXFLAGS C_INCLUDE_PATH CPATH LIBRARY_PATH PKG_CONFIG_PATH DESTDIR

# unpack_source DIR SOURCES [PACKAGING]: upstream's tarball, then Debian's patches over it.
unpack_source() {
	mkdir -p "$1"
	tar -C "$1" --strip-components=1 --no-same-owner -xf "$2"
	[ -n "${3:-}" ] || return 0
	tar -C "$1" --no-same-owner -xf "$3"
	[ -f "$1/debian/patches/series" ] || return 0
	sed 's/[ \t]*#.*//; /^[ \t]*$/d' "$1/debian/patches/series" | while read -r name _; do
		patch -d "$1" -p1 -s -f --no-backup-if-mismatch <"$1/debian/patches/$name"
	done
}

# apply_own_patches DIR PATCHDIR: the project's own patches, in the order of their names.
apply_own_patches() {
	for file in "$2"/*.patch; do
		[ -f "$file" ] || continue
		patch -d "$1" -p1 -s -f -F0 --no-backup-if-mismatch <"$file"
	done
}

# make_sysroot DIR OUTPUT…: one /usr made of the libraries' outputs, and bin/musl-gcc, a compiler
# that sees nothing but it. Names of build directories stay out of what it compiles.
make_sysroot() {
	sysroot=$1
	shift
	mkdir -p "$sysroot/bin" "$sysroot/usr"
	for output; do
		cp -a "$output/usr/." "$sysroot/usr/"
	done
	sh "$sysroot/usr/lib/musl-gcc.specs.sh" "$sysroot/usr/include" "$sysroot/usr/lib" \
		/lib/ld-musl.so.1 >"$sysroot/usr/lib/musl-gcc.specs"
	cat >"$sysroot/bin/musl-gcc" <<-EOF
		#!/bin/sh
		exec \${REALGCC:-gcc} -ffile-prefix-map=$sysroot=/musl \$STATIC_PREFIX_MAP "\$@" \\
			-specs $sysroot/usr/lib/musl-gcc.specs
	EOF
	chmod +x "$sysroot/bin/musl-gcc"
}
