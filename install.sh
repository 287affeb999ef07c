#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Fetches panocrypt-bootstrap from an unlock server and starts the conversion of this machine.
#
#	PANOCRYPT_SERVER          https://name:port of the server's admin listener
#	PANOCRYPT_ENROLLMENT_KEY  the enrollment key; never printed, never in an argument
#	PANOCRYPT_CA              PEM file of the server's authority; without it: the system's
#
# Arguments go to "panocrypt-bootstrap run" behind --yes --final-reboot. Exit status: that of
# panocrypt-bootstrap, or 1 when it could not be fetched. Everything is in functions, so that a
# script cut off on its way here does nothing.

set -eu

fail() {
	echo "panocrypt install: $*" >&2
	exit 1
}

# fetch URL FILE
fetch() {
	if command -v curl >/dev/null; then
		curl -fsS --proto =https --retry 3 --connect-timeout 10 --max-time 300 \
			${PANOCRYPT_CA:+--cacert "$PANOCRYPT_CA"} -o "$2" "$1"
	elif command -v wget >/dev/null; then
		wget -q --https-only --tries=3 --timeout=30 \
			${PANOCRYPT_CA:+--ca-certificate="$PANOCRYPT_CA"} -O "$2" "$1"
	else
		fail "neither curl nor wget is here: install one of them"
	fi || fail "$1 could not be fetched: check the address, the network and the certificate"
}

check_input() {
	[ "$(id -u)" = 0 ] || fail "only root can do this: use sudo"
	case ${PANOCRYPT_SERVER:-} in
	https://*) PANOCRYPT_SERVER=${PANOCRYPT_SERVER%/} ;;
	*) fail "set PANOCRYPT_SERVER to https://name:port of the unlock server" ;;
	esac
	[ -n "${PANOCRYPT_ENROLLMENT_KEY:-}" ] || fail "set PANOCRYPT_ENROLLMENT_KEY"
	[ -z "${PANOCRYPT_CA:-}" ] || [ -r "$PANOCRYPT_CA" ] ||
		fail "there is no certificate file $PANOCRYPT_CA (PANOCRYPT_CA)"
	export PANOCRYPT_SERVER PANOCRYPT_ENROLLMENT_KEY
	[ -z "${PANOCRYPT_CA:-}" ] || export PANOCRYPT_CA
}

# Is the file what the server meant to send? (The connection said that it is from the server.)
verify() {
	wanted=$(cut -c 1-64 "$folder/sum")
	got=$(sha256sum "$folder/panocrypt-bootstrap" | cut -c 1-64)
	[ "$wanted" = "$got" ] || fail "the program came damaged (sha256 $got): run again"
}

main() {
	check_input
	folder=$(mktemp -d "${TMPDIR:-/tmp}/panocrypt.XXXXXX")
	trap 'rm -rf "$folder"' EXIT
	trap 'exit 1' HUP INT TERM
	url=$PANOCRYPT_SERVER/bootstrap/$(uname -m)
	fetch "$url" "$folder/panocrypt-bootstrap"
	fetch "$url.sha256" "$folder/sum"
	verify
	chmod 755 "$folder/panocrypt-bootstrap"
	"$folder/panocrypt-bootstrap" run --yes --final-reboot "$@"
}

main "$@"
