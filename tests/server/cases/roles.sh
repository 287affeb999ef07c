#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Roles and organizations: an auditor only reads, and nobody sees or touches another organization.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

server_init
now=$(date +%s)
mine=$(store_sql "SELECT lower(hex(id)) FROM organization")
theirs=$(random_hex 16)
store_sql "INSERT INTO organization (id, name, created_s) VALUES (x'$theirs', 'other', $now)"
people ada=auditor app=approver adm=admin
person "$theirs" eve owner $((now + 3600))
person "$mine" old owner $((now - 1))
server_run
new_key
new_device
api POST /v1/network-lists '{"name":"office","ranges":["192.0.2.0/24"]}'
api POST /v1/approval-groups '{"name":"prod","tags":["env=prod"]}'
api POST "/v1/devices/$device/allow-once" '{}'
waiver=$(member .waiver)

for name in ada app; do
	api_token=$(token_of $name)
	for path in /v1/whoami /v1/enrollment-keys /v1/devices "/v1/devices/$device" /v1/denials /v1/audit /v1/status; do
		api GET "$path"
		expect "$name reads $path" 200
	done
	api POST /v1/enrollment-keys '{}'
	expect "$name creates no key" 403 role
	api POST "/v1/enrollment-keys/$key_id/revoke"
	expect "$name revokes no key" 403 role
	api POST "/v1/enrollment-keys/$key_id/compromise"
	expect "$name says of no key that it is compromised" 403 role
	api POST /v1/devices '{"name":"x","allow_from":["10.0.0.0/8"]}'
	expect "$name adds no device" 403 role
	for word in disable enable revoke release set allow-once destroy rotate drop-old-keys; do
		api POST "/v1/devices/$device/$word"
		expect "$name doesn't $word" 403 role
	done
	for path in /v1/network-lists /v1/network-lists/office/set /v1/network-lists/office/delete /v1/approval-groups \
		/v1/approval-groups/prod/set /v1/approval-groups/prod/delete "/v1/waivers/$device/cancel"; do
		api POST "$path" '{}'
		expect "$name doesn't change $path" 403 role
	done
	for path in /v1/waivers /v1/network-lists /v1/network-lists/office /v1/approval-groups /v1/approvals \
		"/v1/devices/$device/explain?from=127.0.0.1"; do
		api GET "$path"
		expect "$name reads $path" 200
	done
done
api_token=$(token_of ada)
for word in approve deny defer; do
	api POST "/v1/approvals/$device/$word"
	expect "an auditor doesn't $word" 403 role
done
api_token=$(token_of adm)
api POST "/v1/devices/$device/disable"
expect "an admin does" 200

api_token=$(token_of eve)
api GET /v1/whoami
equal "eve is of another organization" "$(member .organization)" other
api GET /v1/devices
equal "she sees no device" "$(member '.devices | length')" 0
api GET /v1/enrollment-keys
equal "no key" "$(member '.enrollment_keys | length')" 0
api GET "/v1/audit?limit=1000"
equal "no event" "$(member '[.events[] | select(.device != "")] | length')" 0
api GET /v1/denials
equal "no denial" "$(member '.denials | length')" 0
api GET "/v1/devices/$device"
expect "shows none" 404 not-found
for word in disable enable revoke release set allow-once destroy rotate drop-old-keys; do
	api POST "/v1/devices/$device/$word"
	expect "and doesn't $word it" 404 not-found
done
for list in waivers network_lists approval_groups approvals; do
	api GET "/v1/${list/_/-}"
	equal "no $list" "$(member ".$list | length")" 0
done
api GET /v1/network-lists/office
expect "nor one by its name" 404 not-found
for path in network-lists/office/set network-lists/office/delete approval-groups/prod/delete "waivers/$waiver/cancel"; do
	api POST "/v1/$path" '{}'
	expect "and doesn't change /v1/$path" 404 not-found
done
api GET "/v1/devices/$device/explain?from=127.0.0.1"
expect "nor gets it explained" 404 not-found
api POST "/v1/enrollment-keys/$key_id/revoke"
expect "nor revokes the key" 404 not-found
api POST "/v1/enrollment-keys/$key_id/compromise"
expect "nor says that it is compromised" 404 not-found

api_token=$(token_of old)
api GET /v1/whoami
expect "an expired token" 401 token-unknown
unset api_token
api GET "/v1/devices/$device"
equal "nothing of that has changed the device" "$(member .state)" disabled
api GET "/v1/audit?limit=1000"
check "what was refused for its role is in the audit" \
	test "$(member '[.events[] | select(.event == "api-refused" and .reason == "role") | .count] | add')" -ge 12
tests_done
