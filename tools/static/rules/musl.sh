# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# The C library, and the kernel's headers beside it, so that nothing of the machine's own
# /usr/include is seen. The compiler is the machine's gcc with the wrapper of common.sh.
package='musl'
needs=''

build() {
	CC=gcc ./configure --prefix=/usr --syslibdir=/lib --disable-shared --disable-gcc-wrapper
	make ${jobs:+"$jobs"}
	make DESTDIR="$stage" install-libs install-headers
	cp tools/musl-gcc.specs.sh "$stage/usr/lib/"
	multiarch=$(gcc -print-multiarch)
	for dir in linux asm-generic mtd; do
		cp -rL "/usr/include/$dir" "$stage/usr/include/"
	done
	cp -rL "/usr/include/$multiarch/asm" "$stage/usr/include/"
}
