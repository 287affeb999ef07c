# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libcryptsetup with OpenSSL's ciphers and Argon2 and no external tokens. Its locks stand where the
# distribution's do. The project's own patches are in tools/static/patches/cryptsetup.
package='cryptsetup'
needs='musl openssl json-c util-linux libdm'

build() {
	CFLAGS="$CFLAGS -Djson_object_get=jsonc_object_get"
	CFLAGS="$CFLAGS -Djson_object_iter_next=jsonc_object_iter_next"
	[ -x configure ] || ./autogen.sh
	# popt is asked for even with all programs off; nothing is linked with it.
	export ac_cv_lib_popt_poptConfigFileToString=yes LIBS='-lm -lpthread'
	# shellcheck disable=SC2046 # words
	./configure --prefix=/usr --sysconfdir=/etc --localstatedir=/var --enable-static \
		--disable-shared --with-crypto_backend=openssl --with-tmpfilesdir=no \
		--with-luks2-lock-path=/run/cryptsetup \
		$(printf -- '--disable-%s ' cryptsetup veritysetup integritysetup ssh-token) \
		$(printf -- '--disable-%s ' external-tokens asciidoc nls udev selinux hw-opal fips)
	make ${jobs:+"$jobs"} libcryptsetup.la
	install -m 644 .libs/libcryptsetup.a "$stage/usr/lib/"
	install -m 644 lib/libcryptsetup.h "$stage/usr/include/"
	grep -q 'USE_INTERNAL_ARGON2' config.h
	! grep -q '^#define USE_INTERNAL_ARGON2 1' config.h
}
