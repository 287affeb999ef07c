# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# zlib: for kmod (.ko.gz) and jose (DEF).
package='zlib'
needs='musl'

build() {
	./configure --static --prefix=/usr
	make ${jobs:+"$jobs"} libz.a
	make DESTDIR="$stage" install
}
