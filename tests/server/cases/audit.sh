#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# /v1/denials, /v1/audit, /v1/whoami: what they show, their queries.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
api GET /v1/whoami
equal "whoami" "$(member '"\(.user) \(.role) \(.organization)"')" "root owner example"

new_device '{"name":"far","allow_from":["192.0.2.0/24"]}'
kid=$(exchange_thumbprint "$device_url")
recover "$device_url" "$kid" "$(a_point)"
equal "a wrong source is refused" "$status" 403
api GET "/v1/denials?from=127.0.0.1"
equal "and listed" "$(member '.denials[0] | "\(.device) \(.source) \(.reason)"')" "$device 127.0.0.1 source"
check "with advice" test -n "$(member '.denials[0].advice')"
api GET "/v1/denials?from=192.0.2.1"
equal "not for another address" "$(member '.denials | length')" 0
api GET "/v1/denials?device=$device&limit=1"
equal "by device" "$(member '.denials | length')" 1
for query in 'from=x' 'from=192.0.2.0/24' 'device=x' 'limit=0' 'limit=1001' 'limit=x' 'limit=-1'; do
	api GET "/v1/denials?$query"
	expect "denials?$query" 400 invalid
done

api GET "/v1/audit?limit=1000"
expect "audit" 200
check "it has the denial" test "$(member '[.events[] | select(.event == "unlock-denied")] | length')" -ge 1
newest=$(member '.events[0].seq')
oldest=$(member '.events[-1].seq')
check "newest first" test "$newest" -gt "$oldest"
api GET "/v1/audit?after=$oldest&limit=2"
equal "after: oldest first" "$(member '.events[0].seq > '"$oldest"' and .events[0].seq < .events[1].seq')" true
for query in 'after=x' 'limit=0' 'limit='; do
	api GET "/v1/audit?$query"
	expect "audit?$query" 400 invalid
done
for path in /v1/whoami /v1/denials /v1/audit; do
	api_token=- api GET $path
	expect "$path without a token" 401 token-unknown
	api_token=$(random_hex 21) api GET $path
	expect "$path with a wrong one" 401 token-unknown
done
tests_done
