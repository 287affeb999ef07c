#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# POST /v1/device/progress and /evidence, by report token.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

private_hosts
server_start
new_key '{"allow_from":["127.0.0.0/8"]}'
enroll "$key"
device=$(member .device)
token=$(member .report_token)

report() { api_token=$token api POST "/v1/device/$1" "$2"; }
report progress '{"phase":"encrypt","state":"running","percent":42.5,"boot":3,"message":"half way"}'
expect "progress" 204
report evidence '{"root":"dm-crypt","plain":[]}'
expect "evidence" 204
api GET "/v1/devices/$device"
equal "the device shows it" "$(member '"\(.phase) \(.phase_state) \(.percent) \(.boot) \(.message)"')" \
	"encrypt running 42.5 3 half way"
equal "figures that weren't sent are none" \
	"$(member '"\(.done_bytes) \(.total_bytes) \(.bytes_per_s) \(.eta_s) <\(.waiting)>"')" "0 0 0 0 <>"
equal "and the evidence" "$(member .evidence.root)" dm-crypt
equal "its state" "$(member .state)" converting

report progress '{"phase":"encrypt","state":"running","percent":50,"done_bytes":1073741824,"total_bytes":2147483648,
	"bytes_per_s":67108864,"eta_s":16,"waiting":"key"}'
expect "progress with figures" 204
api GET "/v1/devices/$device"
equal "the device shows them" "$(member '"\(.done_bytes) \(.total_bytes) \(.bytes_per_s) \(.eta_s) \(.waiting)"')" \
	"1073741824 2147483648 67108864 16 key"
api GET /v1/devices
equal "the list too" "$(member '.devices[0] | "\(.bytes_per_s) \(.eta_s) \(.waiting)"')" "67108864 16 key"
out=$("$panocryptctl" device show "$device")
check "panocryptctl says them" grep -qE '^rate +64 MiB/s$' <<<"$out"
check "and the time left" grep -qE '^time left +16 s$' <<<"$out"
check "and the wait" grep -qE '^waiting for +key$' <<<"$out"
report progress '{"phase":"encrypt","state":"done","percent":100}'
api GET "/v1/devices/$device"
equal "a report without figures takes them away" "$(member '"\(.bytes_per_s) \(.eta_s) <\(.waiting)>"')" "0 0 <>"

for text in '{"phase":"encrypt"}' '{"phase":"dance","state":"running"}' '{"phase":"encrypt","state":"dancing"}' \
	'{"phase":"encrypt","state":"done","percent":101}' '{"phase":"encrypt","state":"done","percent":-1}' \
	'{"phase":"encrypt","state":"done","percent":"1"}' \
	'{"phase":"encrypt","state":"running","waiting":"godot"}' '{"phase":"encrypt","state":"running","eta_s":-1}' \
	'{"phase":"encrypt","state":"running","bytes_per_s":"fast"}' '{"phase":"encrypt","state":"running","done_bytes":1.5}' '{"phase":"encrypt","state":"done","boot":-1}' \
	"{\"phase\":\"encrypt\",\"state\":\"done\",\"message\":\"$(random_hex 300)\"}" '[]' '' '{'; do
	report progress "$text"
	expect "invalid: ${text:0:50}" 400 invalid
done
report evidence "{\"a\":\"$(random_hex 17000)\"}"
expect "too much evidence" 400 invalid
report evidence "{\"a\":\"$(random_hex 40000)\"}"
expect "far too much evidence" 413 too-large

for wrong in - x "$server_token" "$(random_hex 21)x" "$(random_hex 40)"; do
	api_token=$wrong api POST /v1/device/progress '{"phase":"encrypt","state":"running"}'
	expect "token ${wrong:0:3}…" 401 token-unknown
done
api_token=$token api GET /v1/whoami
expect "a report token is no API token" 401 token-unknown

report progress '{"phase":"leave","state":"done","percent":100}'
expect "leave" 204
api GET "/v1/devices/$device"
equal "the device is active" "$(member .state)" active
report progress '{"phase":"leave","state":"done"}'
expect "the token is dead" 401 token-unknown
report evidence '{}'
expect "for evidence too" 401 token-unknown

# One whose window ends before it has left: its disk may be encrypted, so it unlocks by policy; its token is dead.
new_key '{"allow_from":["127.0.0.0/8"]}'
enroll "$key"
device=$(member .device) token=$(member .report_token) device_url=$(member .url)
kid=$(exchange_thumbprint "$device_url")
store_sql "UPDATE device SET converting_until_s = $(date +%s) WHERE converting_until_s > $(date +%s) AND left_s = 0"
api GET "/v1/devices/$device"
equal "the window is over: abandoned" "$(member .state)" abandoned
report progress '{"phase":"encrypt","state":"running"}'
expect "abandoned: the token is dead" 401 token-unknown
recover "$device_url" "$kid" "$(a_point)"
equal "abandoned: unlocks by policy" "$status" 200
api POST "/v1/devices/$device/set" '{"allow_from":["192.0.2.0/24"]}'
recover "$device_url" "$kid" "$(a_point)"
equal "abandoned: and only by policy" "$status" 403
api POST "/v1/devices/$device/disable"
api POST "/v1/devices/$device/enable"
api GET "/v1/devices/$device"
equal "abandoned: enabled again, it is what it was" "$(member .state)" abandoned
tests_done
