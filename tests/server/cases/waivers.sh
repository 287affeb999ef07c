#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Allow once: what a waiver lifts, that it is spent exactly, that it ends.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlock() { recover "$device_url" "$kid" "$point"; }
allow() { api POST "/v1/devices/$device/allow-once" "$1"; }

api POST "/v1/devices/$device/disable"
unlock
equal "disabled: refused" "$status" 403
allow '{"comment":"ticket 7"}'
expect "allow once" 201
waiver=$(member .waiver)
equal "usable, for all that it may waive" "$(member '"\(.state) \(.waives | join(","))"')" "usable disabled,absence,approval,quarantine"
unlock
equal "now it unlocks" "$status" 200
unlock
unlock
equal "three replies" "$status" 200
unlock
equal "and not a fourth" "$status" 403
api GET "/v1/waivers?device=$device"
equal "it is used up" "$(member '.waivers[0] | "\(.state) \(.replies) \(.comment)"')" "used-up 3 ticket 7"
api GET "/v1/audit?limit=1000"
equal "each is in the audit, with its waiver" \
	"$(member '[.events[] | select(.event == "unlock-allowed" and .reason == "waiver")] | length')" 3
check "by its id" test "$(member "[.events[] | select(.detail | contains(\"$waiver\"))] | length")" -ge 4

allow '{"boots":3,"replies":2}'
recover_at_once 50 "$device_url/rec/$kid"
equal "three boots of two replies" "$statuses" "200 6
403 44"

allow '{}'
waiver=$(member .waiver)
api POST "/v1/waivers/$waiver/cancel"
equal "cancel" "$status $(member .state)" "200 cancelled"
unlock
equal "cancelled: refused" "$status" 403
api POST "/v1/waivers/$waiver/cancel"
expect "cancel twice" 200
allow '{"waives":["approval","absence"]}'
waiver=$(member .waiver)
unlock
equal "one that doesn't name the rule is of no use" "$status" 403
api POST "/v1/waivers/$waiver/cancel"
allow '{"from":"192.0.2.1"}'
unlock
equal "nor one for another address" "$status" 403
allow '{"from":"127.0.0.1","replies":1}'
unlock
equal "but one for this" "$status" 200
allow '{"expires_in_s":1}'
is_over() { [ "$(date +%s)" -gt "$1" ]; }
wait_for 10 is_over "$(member .expires)"
unlock
equal "an expired one" "$status" 403

new_device '{"name":"far","allow_from":["192.0.2.0/24"]}'
kid=$(exchange_thumbprint "$device_url")
allow '{}'
unlock
equal "a wrong source isn't waived silently" "$status" 403
allow '{"any_address":true}'
unlock
equal "but by saying so" "$status" 200
api POST "/v1/devices/$device/revoke"
unlock
equal "revocation is never waived" "$status" 403
allow '{}'
expect "nor can it be asked for" 409 conflict

for text in '{"boots":0}' '{"boots":101}' '{"replies":0}' '{"replies":-1}' '{"window_s":1}' '{"expires_in_s":0}' \
	'{"waives":[]}' '{"waives":["source"]}' '{"waives":["revoked"]}' '{"waives":"all"}' '{"waives":[1]}' \
	'{"any_address":1}' '{"from":"10.0.0.0/8"}' '{"from":"x"}' '{"comment":"a\nb"}' '{"more":1}'; do
	allow "$text"
	expect "invalid: $text" 400 invalid
done
device=$(random_hex 16)
allow '{}'
expect "an unknown device" 404 not-found
api POST "/v1/waivers/$device/cancel"
expect "an unknown waiver" 404 not-found
api GET "/v1/waivers?device=x"
expect "list of nonsense" 400 invalid
new_device
for ((i = 0; i < 16; i++)); do
	allow '{}'
done
expect "sixteen" 201
allow '{}'
expect "too many at once" 409 conflict
tests_done
