# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libcryptsetup's JSON library. Two of its names are jansson's as well, with another meaning: here
# and in cryptsetup they are compiled under other names.
package='json-c'
needs='musl'

build() {
	CFLAGS="$CFLAGS -Djson_object_get=jsonc_object_get"
	CFLAGS="$CFLAGS -Djson_object_iter_next=jsonc_object_iter_next"
	cmake -S . -B out -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_BUILD_TYPE=None \
		-DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib -DBUILD_SHARED_LIBS=OFF \
		-DBUILD_STATIC_LIBS=ON -DBUILD_TESTING=OFF -DBUILD_APPS=OFF -DDISABLE_EXTRA_LIBS=ON \
		-DDISABLE_WERROR=ON
	make ${jobs:+"$jobs"} -C out
	make -C out DESTDIR="$stage" install
}
