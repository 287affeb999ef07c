# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=sh disable=SC2034,SC2154
#
# libcurl: HTTP and HTTPS with OpenSSL, proxies, the threaded resolver, and nothing else. It knows
# no certificate directory: the caller hands the authorities over.
package='curl'
needs='musl openssl'

build() {
	# Debian's patches touch Makefile.am; generated files must be newer, or make wants automake.
	[ ! -f configure ] || { touch aclocal.m4; touch configure lib/curl_config.h.in; }
	find . -name Makefile.in -exec touch {} +
	[ -x configure ] || autoreconf -fi
	# shellcheck disable=SC2046 # words
	LIBS='-lpthread' ./configure --prefix=/usr --disable-shared --with-openssl \
		$(printf -- '--without-%s ' zlib brotli zstd libpsl libidn2 nghttp2 libssh2 librtmp) \
		--without-ca-bundle --without-ca-path --disable-docs --disable-manual \
		$(printf -- '--disable-%s ' ftp file ldap ldaps rtsp dict telnet tftp pop3 imap smb smtp) \
		$(printf -- '--disable-%s ' gopher mqtt ipfs ntlm negotiate-auth kerberos-auth aws) \
		$(printf -- '--disable-%s ' tls-srp cookies netrc alt-svc hsts doh mime form-api) \
		$(printf -- '--disable-%s ' headers-api unix-sockets websockets libcurl-option) \
		--disable-openssl-auto-load-config
	make ${jobs:+"$jobs"} -C lib
	make -C lib DESTDIR="$stage" install
	make -C include DESTDIR="$stage" install
}
