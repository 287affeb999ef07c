#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# POST /v1/enroll: right keys, wrong ones, repetition, clones.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

server_start

new_key '{"tags":["env=test"],"allow_from":["127.0.0.0/8"],"max_uses":2}'
nonce=$(random_hex 16)
fingerprint=$(random_hex 32)
enroll "$key" "$nonce" "$fingerprint"
expect "a new device" 201
device=$(member .device)
token=$(member .report_token)
equal "its tags come from the key" "$(member '.tags | join(",")')" env=test
equal "its URL" "$(member .url)" "$server_url/d/$device"
until_s=$(member .converting_until)
check "its window is at most 72 h" test $((until_s - $(date +%s))) -le $((72 * 3600))

enroll "$(tr 'A-Z0' 'a-zo' <<<"$key")" "$nonce" "$fingerprint"
expect "the same again, typed differently" 200
equal "the same device" "$(member .device)" "$device"
check "a new report token" test "$(member .report_token)" != "$token"
equal "the window isn't lengthened" "$(member .converting_until)" "$until_s"
enroll "$key" "$nonce"
expect "same nonce, other machine" 409 clone
api GET /v1/enrollment-keys
equal "one use was counted" "$(member ".enrollment_keys[] | select(.id == \"$key_id\") | .uses")" 1
enroll "$key"
expect "the second use" 201
enroll "$key"
expect "used up" 403 key-used-up

# --- how many live, how fast
new_key '{"max_uses":100,"live_max":2}'
enroll "$key"
first=$(member .device)
enroll "$key"
expect "two of at most two" 201
enroll "$key"
expect "a third" 403 key-full
api POST "/v1/devices/$first/revoke"
enroll "$key"
expect "in the place of a revoked one" 201
new_key '{"max_uses":100,"rate_per_hour":2}'
enroll "$key"
enroll "$key"
expect "two within an hour" 201
again=$(enroll_body "$key")
enroll "$key"
expect "a third within the hour" 429 key-too-fast
store_sql "UPDATE device SET created_s = created_s - 3601 WHERE enrollment_key = '$key_id'"
api_token=- api POST /v1/enroll "$again"
expect "an hour later" 201
api_token=- api POST /v1/enroll "$again"
expect "the same machine again isn't counted" 200
new_key '{"max_uses":100,"rate_per_hour":1}'
again=$(enroll_body "$key")
api_token=- api POST /v1/enroll "$again"
api_token=- api POST /v1/enroll "$again"
expect "nor where the rate is used up by itself" 200
new_key '{"max_uses":100,"live_max":5}'
statuses=$(for ((i = 0; i < 20; i++)); do
	fetch -o /dev/null -w '%{http_code}\n' -H 'Content-Type: application/json' --data-binary "$(enroll_body "$key")" \
		"$server_admin_url/v1/enroll" &
done | sort | uniq -c | awk '{ print $2, $1 }')
equal "of twenty at once five" "$(grep '^201' <<<"$statuses")" "201 5"
api POST /v1/enrollment-keys '{"live_max":-1}'
expect "no number" 400 invalid

new_key '{"expires_in_s":1}'
expired() {
	api GET /v1/enrollment-keys
	[ "$(member ".enrollment_keys[] | select(.id == \"$key_id\") | .state")" = expired ]
}
check "the key expires" wait_for 10 expired
enroll "$key"
expect "expired" 403 key-expired

new_key
api POST "/v1/enrollment-keys/$key_id/revoke"
expect "revoke" 200
equal "its state" "$(member .state)" revoked
enroll "$key"
expect "revoked" 403 key-revoked

new_key '{"redeem_from":["192.0.2.0/24"]}'
enroll "$key"
expect "from elsewhere" 403 source-denied

new_key
for change in 'del(.key)' '.key = 1' '.key = "ABCD"' '.key = ""' 'del(.nonce)' '.nonce = "xyz"' '.nonce += "00"' \
	'.nonce = null' '.fingerprint = "00"' '.hostname = ("x" * 300)' '.hostname = "a\u001b[2J"' '.hostname = 5' \
	'.platform = "linux"' 'del(.platform)' '.platform.x = ("y" * 600)' '.version = ("v" * 100)'; do
	api_token=- api POST /v1/enroll "$(enroll_body "$key" | jq -c "$change")"
	expect "invalid: $change" 400 invalid
done
for text in '' '[]' 'null' '{' '{}' '{"key":"a","key":"b"}' "$(enroll_body "$key")x" "$(enroll_body "$key" | tr '{' '[')"; do
	api_token=- api POST /v1/enroll "$text"
	expect "invalid: ${text:0:20}" 400 invalid
done
enroll "$key"
expect "none of that used the key up" 201

# Guessing comes last: it slows this address down.
wrong=$(sed 's/...$/000/' <<<"$key")
[ "$wrong" != "$key" ] || wrong=$(sed 's/...$/111/' <<<"$key")
enroll "$wrong"
expect "a wrong secret" 401 key-unknown
enroll ZZZZ-ZZZZZ-ZZZ
expect "an unknown key" 401 key-unknown
for ((i = 0; i < 30 && status != 429; i++)); do
	enroll ZZZZ-ZZZZZ-ZZZ
done
expect "guessing is slowed" 429 slow-down
api GET /v1/whoami
expect "people aren't" 200
api GET /v1/audit?limit=1000
check "the audit has no key in it" test -z "$(grep -F "${key#*-}" <<<"$body")"
check "nor the log" test -z "$(grep -F "${key#*-}" "$server_home/log")"
tests_done
