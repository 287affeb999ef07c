# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# The decoder of zstd: kmod reads .ko.zst with it.
package='libzstd'
needs='musl'

build() {
	parts='ZSTD_LIB_COMPRESSION=0 ZSTD_LIB_DICTBUILDER=0 ZSTD_LIB_DEPRECATED=0'
	parts="$parts ZSTD_LEGACY_SUPPORT=0"
	# shellcheck disable=SC2086 # words
	make ${jobs:+"$jobs"} -C lib $parts libzstd.a libzstd.pc PREFIX=/usr
	install -m 644 lib/libzstd.a "$stage/usr/lib/"
	install -m 644 lib/zstd.h lib/zstd_errors.h "$stage/usr/include/"
	install -D -m 644 lib/libzstd.pc "$stage/usr/lib/pkgconfig/libzstd.pc"
}
