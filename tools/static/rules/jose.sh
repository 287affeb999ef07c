# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libjose: JWK, JWS, JWE. Its meson build knows only a shared library; the sources need no
# configuration. The algorithms register themselves in constructors that nothing refers to, so it
# is linked whole (static.mk).
package='jose'
needs='musl jansson openssl zlib'

build() {
	version=$(sed -n "s/^ *version: *'\(.*\)'.*/\1/p" meson.build | head -n1)
	sed "s/@VERSION@/$version/" include/jose/jose.h.in >include/jose/jose.h
	! grep -n '@' include/jose/jose.h | grep -v '[*]'
	mkdir out
	# shellcheck disable=SC2086 # words
	for source in lib/*.c lib/openssl/*.c lib/zlib/*.c; do
		echo "out/$(echo "$source" | tr / _).o $source"
	done | xargs -P "$(nproc)" -n 2 \
		musl-gcc $CFLAGS -std=gnu99 -Iinclude -Iinclude/jose -Ilib -c -o
	find out -name '*.o' | sort | xargs ar rcsD "$stage/usr/lib/libjose.a"
	mkdir "$stage/usr/include/jose"
	install -m 644 include/jose/*.h "$stage/usr/include/jose/"
}
