#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A device's policy and network lists: each change holds for the very next request.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlocks() { # NAME STATUS
	recover "$device_url" "$kid" "$point"
	equal "$1" "$status" "$2"
}
set_device() { api POST "/v1/devices/$device/set" "$1"; }
set_list() { api POST "/v1/network-lists/$1/set" "$2"; }

unlocks "from its own range" 200
set_device '{"allow_from":["192.0.2.0/24"]}'
expect "other addresses" 200
unlocks "refused" 403
set_device '{"add_from":["127.0.0.0/8","2001:db8::/32"]}'
equal "added" "$(member '.allow_from | join(" ")')" "192.0.2.0/24 127.0.0.0/8 2001:db8::/32"
unlocks "allowed again" 200
set_device '{"add_from":["127.0.0.0/8"],"remove_from":["2001:db8::/32"]}'
equal "none twice" "$(member '.allow_from | join(" ")')" "192.0.2.0/24 127.0.0.0/8"
set_device '{"allow_from":["192.0.2.0/24"],"name":"web2","tags":["a=b"],"environment":"production","workload":"db"}'
equal "words" "$(member '"\(.name) \(.tags[0]) \(.environment) \(.workload)"')" "web2 a=b production db"

api POST /v1/network-lists '{"name":"office","ranges":["198.51.100.0/24"],"description":"upstairs"}'
expect "a network list" 201
api POST /v1/network-lists '{"name":"office","ranges":[]}'
expect "its name is taken" 409 conflict
set_device '{"network_lists":["nowhere"]}'
expect "an unknown list" 400 invalid
set_device '{"network_lists":["office"]}'
expect "a device names it" 200
unlocks "not in it" 403
set_list office '{"ranges":["198.51.100.0/24","127.0.0.1"]}'
equal "change it" "$status $(member '.ranges | length') $(member .description)" "200 2 upstairs"
unlocks "in it" 200
api POST /v1/network-lists '{"name":"office-2","ranges":["127.0.0.1"]}'
set_device '{"network_lists":["office-2"]}'
set_list office '{"ranges":[]}'
unlocks "a list whose name begins alike doesn't matter" 200
set_device '{"network_lists":["office"],"allow_from":[]}'
unlocks "an empty list allows nothing" 403
api POST /v1/network-lists/office/delete
expect "delete one that is named" 409 conflict
api POST /v1/network-lists/office-2/delete
expect "delete another" 200
api GET /v1/network-lists/office-2
expect "it is gone" 404 not-found
set_list office-2 '{"ranges":[]}'
expect "nor can it be changed" 404 not-found
api POST /v1/network-lists/office-2/delete
expect "nor deleted" 404 not-found
api GET /v1/network-lists
equal "list" "$(member '.network_lists | map(.name) | join(" ")')" office
set_device '{"network_lists":[]}'
unlocks "neither list nor address: closed" 403
set_device '{"add_from":["127.0.0.1"]}'
equal "a single address joins the registered ones" "$(member '"\(.allow_from | length) \(.registered_addresses | join(" "))"')" \
	"0 127.0.0.1"
unlocks "and opens" 200
set_device '{"remove_from":["127.0.0.1"]}'
unlocks "and is taken away" 403

set_device '{"allow_from":["127.0.0.0/8"],"absence_s":1,"absence":"deny"}'
equal "absence" "$(member '"\(.absence_s) \(.absence)"')" "1 deny"
is_over() { [ "$(date +%s)" -gt "$1" ]; }
wait_for 10 is_over "$(($(date +%s) + 1))"
unlocks "away for too long" 403
api GET "/v1/denials?device=$device&limit=1"
equal "for that reason" "$(member '.denials[0].reason')" absence
set_device '{"absence_s":3600}'
unlocks "seen lately enough" 200
set_device '{"approval":"always"}'
equal "approval" "$(member .approval)" always

# --- explain: the same as a request would get, without one
explain() { api GET "/v1/devices/$device/explain?from=$1"; }
set_device '{"approval":"none","absence_s":0,"allow_from":["127.0.0.0/8","127.0.0.0/24","192.0.2.0/24"],"network_lists":["office"]}'
set_list office '{"ranges":["127.0.0.0/16"]}'
explain 127.0.0.1
equal "allowed, by the longest range" "$(member '"\(.verdict) \(.reason) \(.matched) \(.matched_by)"')" \
	"allow policy 127.0.0.0/24 allow_from"
explain 127.0.7.1
equal "or that of a list" "$(member '"\(.matched) \(.matched_by)"')" "127.0.0.0/16 office"
explain ::ffff:127.0.0.1
equal "v4-mapped is v4" "$(member '"\(.from) \(.verdict)"')" "127.0.0.1 allow"
explain 2001:db8::1
equal "another family" "$(member '"\(.verdict) \(.reason) \(.command)"')" \
	"deny source panocryptctl device set $device --add-from 2001:db8::1"
set_device '{"approval":"always"}'
explain 127.0.0.1
equal "asks" "$(member '"\(.verdict) \(.reason) \(.rules[] | select(.rule == "approval") | .outcome)"')" "ask approval asks"
api POST "/v1/devices/$device/disable"
api POST "/v1/devices/$device/allow-once" '{}'
waiver=$(member .waiver)
explain 127.0.0.1
equal "by a waiver" "$(member '"\(.verdict) \(.reason) \(.waiver)"')" "allow waiver $waiver"
equal "rule by rule" "$(member '[.rules[] | select(.outcome != "passes") | "\(.rule) \(.outcome)"] | join(" ")')" \
	"disabled waived approval waived"
explain 203.0.113.1
equal "everything that stands against it" "$(member '[.rules[] | select(.outcome == "denies") | .rule] | join(" ")')" source
api GET "/v1/waivers?device=$device"
equal "nothing was spent" "$(member '.waivers[0].replies')" 0
api GET "/v1/approvals"
equal "nor raised" "$(member '.approvals | length')" 0
api POST "/v1/waivers/$waiver/cancel"
explain x
expect "from nonsense" 400 invalid
api GET "/v1/devices/$device/explain"
expect "from nowhere" 400 invalid
api GET "/v1/devices/$(random_hex 16)/explain?from=127.0.0.1"
expect "an unknown device" 404 not-found
api GET /v1/devices/x/explain?from=127.0.0.1
expect "nonsense" 404 not-found
unlocks "a denial" 403
api GET "/v1/denials?device=$device&limit=1"
equal "has its command" "$(member '.denials[0].command')" "panocryptctl device enable $device"
api POST "/v1/devices/$device/enable"

for text in '{"name":""}' '{"name":1}' '{"tags":"x"}' '{"allow_from":["10.0.0.1/8"]}' '{"add_from":"10.0.0.1"}' \
	'{"network_lists":["a b"]}' '{"network_lists":["office","office"]}' '{"network_lists":[1]}' '{"approval":"maybe"}' \
	'{"absence_s":-1}' '{"absence":"never"}' '{"environment":"a\nb"}' '{"state":"active"}' \
	'{"network_lists":["a","b","c","d","e","f","g","h","i"]}'; do
	set_device "$text"
	expect "invalid: $text" 400 invalid
done
for text in '{}' '{"name":"x"}' '{"name":"a/b","ranges":[]}' '{"name":"","ranges":[]}' '{"name":"x","ranges":["x"]}' '{"name":"none","ranges":[]}' \
	'{"name":"x","ranges":[],"more":1}'; do
	api POST /v1/network-lists "$text"
	expect "invalid list: $text" 400 invalid
done

# --- a rule that only newer nodes know
set_device '{"network_lists":[],"allow_from":["127.0.0.0/8"],"approval":"none"}'
unlocks "rules that this node knows" 200
store_sql "UPDATE organization SET needs_rules = needs_rules + 1"
unlocks "a rule that it doesn't" 503
api GET "/v1/denials?device=$device"
equal "is why, in the audit" "$(member '.denials[0].reason')" outdated
store_sql "UPDATE organization SET needs_rules = needs_rules - 1"
unlocks "known again" 200

api POST "/v1/devices/$device/release"
expect "release what isn't held" 409 conflict
api POST "/v1/devices/$device/revoke"
set_device '{"name":"x"}'
expect "a revoked one" 409 conflict
device=$(random_hex 16)
set_device '{"name":"x"}'
expect "an unknown one" 404 not-found
api GET "/v1/audit?limit=1000"
check "each change is in the audit" test "$(member '[.events[] | select(.event == "device-policy-changed")] | length')" -ge 12
check "of lists too" test "$(member '[.events[] | select(.event | startswith("network-list-"))] | length')" = 6
tests_done
