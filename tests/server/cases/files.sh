#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# GET /healthz on both listeners, /ca.pem, /install.sh, /bootstrap/<arch> and its checksum.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

server_init
mkdir -p "$server_dir/assets"
printf '#!/bin/sh\necho hello\n' >"$server_dir/assets/install.sh"
head -c 3000000 /dev/urandom >"$server_dir/assets/bootstrap-x86_64"
server_run

equal "unlock listener is healthy" "$(fetch "$server_url/healthz")" ok
api_token=- api GET /healthz
expect "admin listener is healthy" 200
api_token=- api GET /ca.pem
expect "/ca.pem" 200
check "/ca.pem is the CA" cmp "$server_home/body" "$server_ca"
api_token=- api GET /install.sh
expect "/install.sh" 200
check "/install.sh is the file" cmp "$server_home/body" "$server_dir/assets/install.sh"
api_token=- api GET /bootstrap/x86_64
expect "/bootstrap/x86_64" 200
check "/bootstrap/x86_64 is the file" cmp "$server_home/body" "$server_dir/assets/bootstrap-x86_64"
api_token=- api GET /bootstrap/x86_64.sha256
expect "/bootstrap/x86_64.sha256" 200
check "the checksum is right" sh -c 'cd "$1" && echo "$2" | sha256sum -c' - "$server_dir/assets" "$body"
equal "the header says it too" \
	"$(fetch -o /dev/null -D - "$server_admin_url/bootstrap/x86_64" | tr -d '\r' | sed -n 's/^X-Checksum-SHA256: //p')" \
	"$(sha256sum <"$server_dir/assets/bootstrap-x86_64" | cut -d' ' -f1)"
api_token=- api GET /bootstrap/sparc
expect "unknown architecture" 404 not-found
for path in /bootstrap/../config.json /bootstrap/..%2fkek /bootstrap/ /bootstrap/x86_64/x /kek /v1 /v1/ //healthz; do
	status=$(fetch --path-as-is -o /dev/null -w '%{http_code}' "$server_admin_url$path")
	equal "$path" "$status" 404
done
api_token=- api POST /healthz ''
expect "POST /healthz" 405 method
tests_done
