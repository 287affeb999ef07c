# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libkmod with its three decompressors linked in. Its meson build knows only a shared library: the
# objects that its two internal archives are made of make ours.
package='kmod'
needs='musl zlib zstd xz'

build() {
	meson setup out --prefix=/usr --libdir=lib --sysconfdir=/etc --buildtype=plain \
		--default-library=static -Dtools=false -Dmanpages=false -Dlogging=false \
		-Dbuild-tests=false -Dzstd=enabled -Dxz=enabled -Dzlib=enabled -Dopenssl=disabled \
		-Ddlopen=
	ninja -C out libkmod-internal.a libshared.a
	find out -name '*.o' | sort | xargs ar rcsD "$stage/usr/lib/libkmod.a"
	nm --defined-only "$stage/usr/lib/libkmod.a" | grep -q kmod_file_load_zstd
	install -m 644 libkmod/libkmod.h "$stage/usr/include/"
}
