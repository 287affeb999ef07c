#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What a key's devices begin with: network lists, approval, being held until people have looked, absence, words for people.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
api POST /v1/network-lists '{"name":"office","ranges":["192.0.2.0/24"]}'
new_key '{"network_lists":["office"],"approval":"active","hold":true,"ephemeral":true,"environment":"production","workload":"db"}'
words='"\(.network_lists | join(",")) \(.approval) \(.ephemeral) \(.absence_s) \(.environment) \(.workload)"'
equal "the key says so" "$(member "$words") $(member .hold)" "office active true 86400 production db true"
enroll "$key"
expect "enrolled" 201
device=$(member .device) device_url=$(member .url)
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlock() { recover "$device_url" "$kid" "$point"; }
api GET "/v1/devices/$device"
equal "the device has it from the key" "$(member "$words")" "office active true 86400 production db"
equal "and is held" "$(member '"\(.state) \(.held)"')" "held new"
unlock
equal "so it unlocks nothing" "$status" 403
api GET "/v1/denials?device=$device"
equal "the denial says why" "$(member '.denials[0].reason')" held
api POST "/v1/devices/$device/release"
expect "released" 200
unlock
equal "by the list, which doesn't have this address" "$status" 403
api POST /v1/network-lists/office/set '{"ranges":["127.0.0.0/8"]}'
unlock
equal "nor waits a converting one for approval" "$status" 200
store_sql "UPDATE device SET converting_until_s = 0, left_s = 1 WHERE id = x'$device'"
asking active
pending
equal "an active one does" "$(member '.approvals[0] | "\(.device) \(.reason)"')" "$device approval"
api POST "/v1/approvals/$approval/approve"
equal "approved" "$(asked active)" 200
api POST /v1/network-lists/office/delete
expect "the list is in use" 409 conflict

new_key '{"ephemeral":true,"absence_s":3600}'
equal "an absence of its own" "$(member .absence_s)" 3600
new_key
equal "nothing of it, if it isn't asked for" "$(member "$words")$(member .hold)" " none false 0  false"
enroll "$key"
api GET "/v1/devices/$(member .device)"
equal "nor is it held" "$(member '.state')" converting
for text in '{"network_lists":["nowhere"]}' '{"network_lists":"office"}' '{"network_lists":["a b"]}' '{"approval":"maybe"}' \
	'{"hold":1}' '{"ephemeral":"yes"}' '{"absence_s":-1}' '{"absence_s":400000000}' "{\"environment\":\"$(random_hex 40)\"}" \
	'{"workload":7}'; do
	api POST /v1/enrollment-keys "$text"
	expect "invalid: ${text:0:50}" 400 invalid
done
tests_done
