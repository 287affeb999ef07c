#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# docs/openapi.json and the route table in the code are the same list.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

check "each route is described, with its role" python3 "$server_tests/openapi.py" --routes "$test_root/server/admin/routes.c"
requires jq
server_init
printf 'ROUTE(GET, "/v1/secret", BY_USER, ADMIN, AUDIT_READS, PEOPLE, secret),\n' >"$server_home/routes.c"
check "the comparison can fail" sh -c '! python3 "$1" --routes "$2"' - "$server_tests/openapi.py" "$server_home/routes.c"
echo '{"user":"root","role":"emperor","organization":"x"}' >"$server_home/body"
check "the validator can fail" sh -c '! python3 "$1" GET /v1/whoami 200 application/json "$2"' - \
	"$server_tests/openapi.py" "$server_home/body"

# A row without one of its declarations must not compile.
row='ROUTE(GET, "/healthz", NO_DATA, ANYBODY, AUDIT_READS, PUBLIC, health)'
compiles() {
	sed "s|ROUTE(GET,  *\"/healthz\".*,\$|$1,|" "$test_root/server/admin/routes.c" >"$server_home/routes.c"
	grep -qF "$1" "$server_home/routes.c" || return 2
	cc -fsyntax-only -std=gnu11 -D_GNU_SOURCE -I"$test_root" "$server_home/routes.c"
}
check "the whole row compiles" compiles "$row"
for piece in ' NO_DATA,' ' ANYBODY,' ' AUDIT_READS,' ' PUBLIC,'; do
	compiles "${row/$piece/}" >/dev/null 2>&1
	equal "without$piece it doesn't" $? 1
	compiles "${row/$piece/,}" >/dev/null 2>&1
	equal "with an empty$piece it doesn't" $? 1
done
tests_done
