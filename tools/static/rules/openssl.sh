# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libcrypto and libssl without modules, engines or anything loaded from a file. Threads and argon2
# stay in: libcryptsetup decides by the headers alone and would fail at run time. Deprecated calls
# stay in for jose; no-async because musl has no ucontext.
package='openssl'
needs='musl'

build() {
	# shellcheck disable=SC2046 # words
	./Configure linux-x86_64 --prefix=/usr --libdir=lib --openssldir=/etc/ssl \
		no-shared no-module no-dso no-engine no-apps no-tests no-docs no-async no-comp no-legacy \
		$(printf 'no-%s ' ssl3 dtls srp psk srtp quic afalgeng cms ts cmp ct ocsp gost) \
		$(printf 'no-%s ' idea seed rc2 rc5 bf cast md4 mdc2 rmd160 whirlpool sm2 sm3 sm4) \
		$(printf 'no-%s ' camellia aria ml-dsa slh-dsa)
	make ${jobs:+"$jobs"} build_libs
	make DESTDIR="$stage" install_dev
}
