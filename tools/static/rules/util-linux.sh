# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libblkid, libmount, libfdisk and libuuid.
package='util-linux'
needs='musl'

build() {
	# Debian's patches touch Makefile.am; generated files must be newer, or make wants automake.
	touch aclocal.m4
	touch configure config.h.in
	find . -name Makefile.in -exec touch {} +
	# shellcheck disable=SC2046 # words
	./configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var --runstatedir=/run \
		--disable-shared --enable-static --disable-all-programs \
		--enable-libuuid --enable-libblkid --enable-libmount --enable-libfdisk \
		--disable-nls --disable-asciidoc --disable-poman --disable-widechar \
		--disable-liblastlog2 --disable-pam-lastlog2 \
		$(printf -- '--without-%s ' python selinux systemd udev ncurses ncursesw tinfo readline) \
		$(printf -- '--without-%s ' cap-ng econf cryptsetup util user btrfs)
	make ${jobs:+"$jobs"}
	make DESTDIR="$stage" install
}
