# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# The decoder of liblzma: kmod reads .ko.xz with it.
package='xz-utils'
needs='musl'

build() {
	./configure --prefix=/usr --disable-shared --disable-xz --disable-xzdec --disable-lzmadec \
		--disable-lzmainfo --disable-scripts --disable-doc --disable-nls --disable-encoders \
		--disable-microlzma --disable-lzip-decoder --enable-decoders=lzma1,lzma2,x86,arm64 \
		--enable-threads=no
	make ${jobs:+"$jobs"} -C src/liblzma
	make -C src/liblzma DESTDIR="$stage" install
}
