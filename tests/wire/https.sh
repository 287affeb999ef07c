#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Whom common/http_client.c trusts, against openssl s_server. tests/wire/https.sh [HTTP_TOOL]
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tool=$(realpath "${1:-build/tests/wire/http_tool}")
requires openssl

work=$(mktemp -d)
cleanup_fn rm -rf "$work"
cd "$work" || exit 1

# ca NAME: an own CA. leaf CA NAME ALTNAME DAYS: a server certificate by it, DAYS may be in the past.
ca()
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$1.key" -out "$1.pem" 2>/dev/null
}

leaf()
{
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$2" \
		-keyout "$2.key" -out "$2.csr" 2>/dev/null
	openssl x509 -req -in "$2.csr" -CA "$1.pem" -CAkey "$1.key" -CAcreateserial -days "$4" \
		-extfile <(echo "subjectAltName=$3") -out "$2.pem" 2>/dev/null
}

# serve NAME [OPTION…]: sets url to a TLS server with this certificate, on a port that the kernel chose.
serve()
{
	local name=$1
	shift
	openssl s_server -accept 127.0.0.1:0 -cert "$name.pem" -key "$name.key" -www "$@" >"$name.out" 2>&1 </dev/null &
	cleanup_fn end_process $!
	wait_for 10 grep -q '^ACCEPT' "$name.out" || die "s_server: $(cat "$name.out")"
	url=https://127.0.0.1:$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$name.out")/
}

says()
{
	"$tool" "$2" "$3" | grep -F "$1"
}

ca right
ca wrong
leaf right good IP:127.0.0.1 1
leaf right other DNS:other.example 1
leaf right expired IP:127.0.0.1 -1
leaf wrong foreign IP:127.0.0.1 1

serve good
check "the right CA" says 200 "$url" right.pem
check "another CA" says "not trusted" "$url" wrong.pem
check "no such CA file" says "CA file can't be read" "$url" missing.pem
check "plain HTTP to a TLS port is refused before it starts" says "only https" "http${url#https}" right.pem
serve other
check "another name" says "another name" "$url" right.pem
serve expired
check "an expired certificate" says "not trusted" "$url" right.pem
serve foreign
check "another CA's certificate" says "not trusted" "$url" right.pem
serve good -tls1_1 -cipher DEFAULT@SECLEVEL=0
check "TLS 1.1" says "TLS failed" "$url" right.pem
tests_done
