#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Changes that weaken what decides about a device under a group with a quorum: nothing changes before others agree.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

private_hosts
requires jose
server_start
people alice=admin bob=approver carol=approver dave=admin eve=admin
as() { # NAME COMMAND…
	local api_token
	api_token=$(token_of "$1")
	shift
	"$@"
}
proposed() { # NAME: the last answer is a new proposal, into proposal
	expect "$1: kept as a proposal" 202
	equal "$1: pending, of two" "$(member '.state + " " + (.quorum | tostring) + " " + (.votes | tostring)')" "pending 2 0"
	proposal=$(member .proposal)
}
agreed() { # NAME [STATUS]: by bob and carol
	as bob api POST "/v1/proposals/$proposal/approve"
	expect "$1: one of two" 200
	equal "$1: still pending" "$(member .state)" pending
	as carol api POST "/v1/proposals/$proposal/approve"
	expect "$1: two of two, and it is made" "${2-200}"
	api GET "/v1/proposals/$proposal"
	equal "$1: it is over" "$(member '.state + " " + .decided_by')" "agreed carol"
}
device_is() { # JQ
	api GET "/v1/devices/$device"
	member "$1"
}

new_device '{"name":"web","allow_from":["127.0.0.0/8"],"tags":["env=prod"]}'
other=$device
new_device '{"name":"db","allow_from":["192.0.2.0/24"],"tags":["env=prod","role=db"]}'
api POST /v1/network-lists '{"name":"office","ranges":["198.51.100.0/24"]}'
api POST /v1/network-lists '{"name":"unused","ranges":["198.51.100.0/24"]}'
api POST "/v1/devices/$device/set" '{"network_lists":["office"]}'
expect "without a group, a change is made at once" 200
api POST /v1/approval-groups '{"name":"two","tags":["role=db"],"approvers":["bob","carol","dave"],"quorum":2}'
expect "a group of three with a quorum of two" 201
api POST /v1/approval-groups '{"name":"one","tags":["env=prod"],"quorum":1}'

# --- what needs no quorum
as alice api POST "/v1/devices/$other/set" '{"add_from":["192.0.2.1"]}'
expect "a device under a quorum of one" 200
as alice api POST "/v1/devices/$device/set" '{"name":"database","environment":"live"}'
expect "words for people" 200
as alice api POST /v1/network-lists/unused/set '{"ranges":["203.0.113.0/24"]}'
expect "a list that no such device names" 200
as alice api POST /v1/network-lists/office/set '{"description":"the office"}'
expect "a list's description" 200
as alice api POST "/v1/devices/$device/disable"
expect "disabling" 200

# --- what does
as alice api POST "/v1/devices/$device/enable"
proposed "enable"
equal "enable: the device is still disabled" "$(device_is .state)" disabled
agreed "enable"
equal "enable: now it isn't" "$(device_is .state)" active
as alice api POST "/v1/devices/$device/set" '{"add_from":["127.0.0.1"]}'
proposed "source"
equal "source: not yet" "$(device_is '.allow_from | join(" ")')" 192.0.2.0/24
point=$(a_point)
recover "$device_url" "$(exchange_thumbprint "$device_url")" "$point"
equal "source: the address is denied" "$status" 403
agreed "source"
equal "source: now" "$(device_is '.allow_from | join(" ")')" "192.0.2.0/24 127.0.0.1"
as alice api POST "/v1/devices/$device/set" '{"tags":[]}'
proposed "tag"
agreed "tag"
equal "tag: it is under no group now" "$(device_is '.tags | length')" 0
as alice api POST "/v1/devices/$device/set" '{"tags":["role=db"]}'
expect "putting it back under a group needs nobody" 200
as alice api POST /v1/network-lists/office/set '{"ranges":["0.0.0.0/0"]}'
proposed "list"
api GET /v1/network-lists/office
equal "list: not yet" "$(member '.ranges[0]')" 198.51.100.0/24
agreed "list"
api GET /v1/network-lists/office
equal "list: now" "$(member '.ranges[0]')" 0.0.0.0/0
as alice api POST /v1/approval-groups/two/set '{"tags":["role=db"],"approvers":["bob","carol","dave"],"quorum":1}'
proposed "group"
group_proposal=$proposal
as alice api POST /v1/approval-groups/two/delete
proposed "group's end"

api POST "/v1/proposals/$group_proposal/deny"

# --- the external authorizer, which says no where a group can't say yes
authorizer_of() { # HOST
	jq -nc --arg url "https://$1/" --arg x "$(head -c 32 /dev/zero | basenc --base64url | tr -d =)" \
		'{$url, key: {kty: "EC", crv: "P-256", $x, y: $x}}'
}
api POST /v1/authorizer/set "$(authorizer_of first.example.com)"
expect "authorizer: the first one only denies more" 200
api POST /v1/authorizer/set "$(authorizer_of second.example.com)"
proposed "another authorizer"
equal "another authorizer: what it is about" "$(member '.subject + "/" + .name + "/" + .body.url')" \
	"authorizer//https://second.example.com/"
agreed "another authorizer"
api GET /v1/authorizer
equal "another authorizer: now" "$(member .authorizer.url)" https://second.example.com/
api POST /v1/authorizer/remove
proposed "no authorizer"
api GET /v1/authorizer
equal "no authorizer: not yet" "$(member .authorizer.url)" https://second.example.com/
agreed "no authorizer"
api GET /v1/authorizer
equal "no authorizer: now" "$(member .authorizer)" null
as alice api POST /v1/approval-groups/two/set '{"tags":["role=db"],"approvers":["bob","carol","dave"],"quorum":1}'
proposed "group again"
group_proposal=$proposal
as alice api POST /v1/approval-groups/two/delete
proposed "group's end again"

# --- who counts
as alice api POST "/v1/proposals/$proposal/approve"
expect "who proposed it has no vote" 403 approver
as eve api POST "/v1/proposals/$proposal/approve"
expect "nor has an admin who isn't among the approvers" 403 approver
as bob api POST "/v1/proposals/$proposal/approve"
as bob api POST "/v1/proposals/$proposal/approve"
expect "one person twice" 200
equal "is one vote" "$(member '.state + " " + (.votes | tostring)')" "pending 1"
role_is bob auditor
as carol api POST "/v1/proposals/$proposal/approve"
equal "who may no longer vote doesn't count" "$(member '.state + " " + (.votes | tostring)')" "pending 1"
role_is bob approver
for verb in approve deny; do
	as dave api POST "/v1/proposals/no-id/$verb"
	expect "$verb of what is no id" 404 not-found
done
as dave api POST "/v1/proposals/$proposal/deny"
expect "one no" 200
equal "ends it" "$(member '.state + " " + .decided_by')" "denied dave"
as carol api POST "/v1/proposals/$proposal/approve"
expect "a yes afterwards" 409 conflict
api GET /v1/approval-groups
equal "the group is still there" "$(member '[.approval_groups[].name] | join(" ")')" "one two"
as dave api POST /v1/approval-groups/two/delete
proposed "by an approver"
as dave api POST "/v1/proposals/$proposal/deny"
expect "may be taken back by who made it" 200

# --- the same twice, and what is over
as alice api POST "/v1/devices/$device/set" '{"approval":"none"}'
proposed "the same"
first=$proposal
as alice api POST "/v1/devices/$device/set" '{"approval":"none"}'
proposed "the same again"
equal "is the same proposal" "$proposal" "$first"
as eve api POST "/v1/devices/$device/set" '{"approval":"none"}'
proposed "by another person"
check "it is another" test "$proposal" != "$first"
store_sql "UPDATE proposal SET until_s = 1 WHERE id = x'$proposal'"
as bob api POST "/v1/proposals/$proposal/approve"
expect "an expired one" 409 conflict
api GET "/v1/proposals/$proposal"
equal "is called so" "$(member .state)" expired
api GET /v1/proposals
equal "the list has the pending ones" "$(member '[.proposals[].proposal] | sort | join(" ")')" \
	"$(printf '%s\n' "$first" "$group_proposal" | sort | tr '\n' ' ' | sed 's/ $//')"
api GET "/v1/proposals?state=all"
check "or all" test "$(member '.proposals | length')" -gt 5

# --- the change itself fails when its time has come: the proposal stays
as alice api POST "/v1/devices/$device/set" '{"network_lists":["unused"]}'
proposed "a list that goes"
as bob api POST "/v1/proposals/$proposal/approve"
api POST /v1/network-lists/unused/delete
as carol api POST "/v1/proposals/$proposal/approve"
expect "says what is wrong" 400 invalid
api GET "/v1/proposals/$proposal"
equal "and stays pending" "$(member .state)" pending
api POST "/v1/devices/$device/revoke"
expect "revoking needs nobody" 200
as dave api POST "/v1/proposals/$first/approve"
as carol api POST "/v1/proposals/$first/approve"
expect "for a revoked device" 409 conflict

# --- at once
as alice api POST /v1/approval-groups/two/set '{"tags":["role=db"],"approvers":["bob","carol","dave"],"quorum":3}'
proposed "another group change"
for name in bob carol dave; do
	fetch -o /dev/null -w '%{http_code}\n' --data-binary '' -H "Authorization: Bearer $(token_of $name)" \
		"$server_admin_url/v1/proposals/$proposal/approve" >"$server_home/vote-$name" &
	votes+=("$!")
done
wait "${votes[@]}"
equal "three at once: each is heard, or comes too late" \
	"$(cat "$server_home"/vote-* | grep -vcE '^(200|409)$')" 0
api GET "/v1/audit?limit=200"
equal "three at once: it is made once" "$(member '[.events[] | select(.event == "approval-group-changed"
	and (.detail | test("quorum 3")))] | length')" 1
equal "its row says who had proposed what" "$(member '[.events[] | select(.event == "proposal-made"
	and (.detail | test("approval-groups/two/set")))] | length > 0')" true

# --- where a group says that time may stand for it
new_device '{"name":"late","allow_from":["192.0.2.0/24"],"tags":["role=late"]}'
late='{"name":"late","tags":["role=late"],"approvers":["bob","carol"],"quorum":2,"change_delay_s":'
api POST /v1/approval-groups "${late}600000}"
expect "a delay that no proposal lives to see" 400 invalid
api POST /v1/approval-groups "${late}3600}"
equal "a group with a delay" "$status $(member .change_delay_s)" "201 3600"
as alice api POST "/v1/devices/$device/set" '{"add_from":["127.0.0.1"]}'
proposed "time"
equal "time: due in an hour" "$(member '.due - .created')" 3600
as alice api POST "/v1/proposals/$proposal/approve"
expect "time: not yet" 403 approver
store_sql "UPDATE proposal SET created_s = created_s - 3601 WHERE id = x'$proposal'"
as eve api POST "/v1/proposals/$proposal/approve"
expect "time: due, but not for somebody else" 403 approver
equal "time: it isn't made by itself" "$(device_is '.allow_from | join(" ")')" 192.0.2.0/24
as alice api POST "/v1/proposals/$proposal/approve"
expect "time: due, and made by who proposed it" 200
equal "time: now" "$(device_is '.allow_from | join(" ")')" "192.0.2.0/24 127.0.0.1"
api GET "/v1/audit?limit=20"
equal "time: the audit doesn't say that anybody agreed" "$(member "[.events[] | select(.detail | contains(\"$proposal\")) | .event] | sort | join(\" \")")" \
	"proposal-due proposal-made"
as alice api POST "/v1/devices/$device/set" '{"tags":[]}'
proposed "a no in time"
as bob api POST "/v1/proposals/$proposal/deny"
store_sql "UPDATE proposal SET created_s = created_s - 3601 WHERE id = x'$proposal'"
as alice api POST "/v1/proposals/$proposal/approve"
expect "a no in time: stays a no" 409 conflict
check "ctl: a delay" grep -q created <<<"$("$panocryptctl" approval-group create slow --tag role=slow --quorum 2 --change-delay 24h)"
api GET /v1/approval-groups
equal "ctl: is a day" "$(member '.approval_groups[] | select(.name == "slow") | .change_delay_s')" 86400

api GET /v1/proposals/00000000000000000000000000000000
expect "no such proposal" 404 not-found

# --- panocryptctl
output=$("$panocryptctl" approval-group set two --tag role=db --quorum 1 2>&1)
equal "ctl: a change that waits ends with 5" "$? $(grep -c 'panocryptctl proposal approve' <<<"$output")" "5 1"
id=$("$panocryptctl" proposal list --json | jq -r '.proposals[0].proposal')
check "ctl: list" grep -q "approval-groups/two/set" <<<"$("$panocryptctl" proposal list)"
check "ctl: show" grep -q '"quorum":1' <<<"$("$panocryptctl" proposal show "${id:0:8}")"
check "ctl: deny" grep -q denied <<<"$("$panocryptctl" proposal deny "${id:0:8}")"
tests_done
