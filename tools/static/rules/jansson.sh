# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# The JSON library of the project and of jose.
package='jansson'
needs='musl'

build() {
	cmake -S . -B out -DCMAKE_C_COMPILER=musl-gcc -DCMAKE_BUILD_TYPE=None \
		-DCMAKE_INSTALL_PREFIX=/usr -DCMAKE_INSTALL_LIBDIR=lib -DJANSSON_BUILD_SHARED_LIBS=OFF \
		-DJANSSON_WITHOUT_TESTS=ON -DJANSSON_EXAMPLES=OFF -DJANSSON_BUILD_DOCS=OFF
	make ${jobs:+"$jobs"} -C out
	make -C out DESTDIR="$stage" install
}
