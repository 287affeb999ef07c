#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Approval: a request waits for people, is answered by what they say, and by nothing else.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_init
people ada=auditor ann=approver ben=approver eve=admin
server_run
as() { # NAME METHOD PATH…
	local name=$1
	shift
	api_token=$(token_of "$name") api "$@"
}

approval_device() { # JSON: a device that needs approval
	new_device
	kid=$(exchange_thumbprint "$device_url")
	point=$(a_point)
	api POST "/v1/devices/$device/set" "${1-{\"approval\":\"active\"\}}"
}

# agree NAME…: each to the last answer, which is a proposal.
agree() {
	local proposal name
	proposal=$(member .proposal)
	for name; do
		as "$name" POST "/v1/proposals/$proposal/approve"
	done
}

# --- approve
new_device
other_url=$device_url
other_kid=$(exchange_thumbprint "$device_url")
approval_device
asking one
pending
equal "it shows device and address" "$(member '.approvals[0] | "\(.device) \(.source) \(.state) \(.reason)"')" \
	"$device 127.0.0.1 pending approval"
equal "the machine waits" "$(has_answer one && echo answered)" ""
started=$SECONDS
recover "$other_url" "$other_kid" "$point"
equal "others don't wait for it" "$status $((SECONDS - started < 5))" "200 1"
as ada POST "/v1/approvals/$approval/approve"
expect "an auditor doesn't approve" 403 role
as ann POST "/v1/approvals/$approval/approve"
equal "an approver does" "$status $(member '"\(.state) \(.decided_by)"')" "200 approved ann"
equal "the waiting machine comes up" "$(asked one)" 200
recover "$device_url" "$kid" "$point"
equal "it may ask again" "$status" 200
as ann POST "/v1/approvals/$approval/approve"
expect "approve twice" 409 conflict
api GET "/v1/waivers?device=$device"
equal "by a waiver for this address" "$(member '.waivers[0] | "\(.kind) \(.from) \(.replies) \(.waives | join(","))"')" \
	"approval 127.0.0.1 2 absence,approval,quarantine"
fetch --interface 127.0.0.2 -o /dev/null --max-time 1 --data-binary "$point" "$device_url/rec/$kid" 2>/dev/null
pending
equal "another address asks for itself" "$(member '.approvals[0].source')" 127.0.0.2
api POST "/v1/devices/$device/revoke"
check "revoking ends what is pending" is_pending 0

# --- deny is for the pair, and sticks
approval_device
asking one
asking two 127.0.0.2
pending 2
equal "two addresses: a warning" "$(member '.approvals | map(.other_addresses) | join(" ")')" "1 1"
approval=$(member '.approvals[] | select(.source == "127.0.0.1") | .approval')
as ben POST "/v1/approvals/$approval/deny"
equal "deny" "$status $(member .state)" "200 denied"
equal "the waiting machine is refused" "$(asked one)" 403
asking three
equal "and again at once" "$(asked three)" 403
api GET "/v1/denials?device=$device"
equal "for that reason" "$(member '.denials[0].reason')" refused
pending 1
equal "the other address still waits" "$(member '.approvals[0].source')" 127.0.0.2
as ben POST "/v1/approvals/$approval/defer" '{"for_s":600}'
check "defer" test "$(member '.deferred_until > .created')" = true
equal "decides nothing" "$(member .state)" pending
as ben POST "/v1/approvals/$approval/defer" '{"for_s":0}'
expect "defer for nothing" 400 invalid
api POST "/v1/devices/$device/allow-once" '{"from":"127.0.0.1"}'
recover "$device_url" "$kid" "$point"
equal "allow once goes over a denial" "$status" 200
# On a busy machine the 25 s of holding are over by now: it comes again, as Clevis would.
! has_answer two || asking two 127.0.0.2
api POST "/v1/devices/$device/disable"
equal "disabling refuses who waits" "$(asked two)" 403
api GET "/v1/approvals/$approval"
equal "and ends the request" "$(member .state)" ended
as ben POST "/v1/approvals/$approval/approve"
expect "which can't be approved any more" 409 conflict

# --- who went away gets nothing
approval_device
fetch -o /dev/null --max-time 2 --data-binary "$point" "$device_url/rec/$kid" 2>/dev/null
pending
as ann POST "/v1/approvals/$approval/approve"
asking one
equal "a later request is answered" "$(asked one)" 200
api GET "/v1/waivers?device=$device"
equal "the one that went away has spent nothing" "$(member '.waivers[0].replies')" 1

# --- nobody decides; policy changes; folding
approval_device
started=$SECONDS
asking one
asking two
pending
equal "nobody decides: told to come again" "$(asked one) $(asked two)" "503 503"
check "after 20 to 25 seconds" test $((SECONDS - started)) -ge 20 -a $((SECONDS - started)) -le 25
api GET "/v1/approvals/$approval"
equal "one request for both" "$(member .asked)" 2
asking one
is_asked() {
	api GET "/v1/approvals/$approval"
	[ "$(member .asked)" = "$1" ]
}
wait_for 10 is_asked 3
api POST "/v1/devices/$device/set" '{"approval":"none"}'
equal "a changed policy lets it pass" "$(asked one)" 200

# --- absence asks
approval_device '{"absence_s":1}'
is_over() { [ "$(date +%s)" -gt "$1" ]; }
wait_for 10 is_over "$(($(date +%s) + 1))"
asking one
pending
equal "absence asks" "$(member '.approvals[0].reason')" absence
as ann POST "/v1/approvals/$approval/approve"
equal "and is approved" "$(asked one)" 200

# --- groups and quorum
api POST /v1/approval-groups '{"name":"prod","tags":["env=prod"],"approvers":["root","ann"],"quorum":2}'
expect "a group of two" 201
api POST /v1/approval-groups '{"name":"prod","tags":["x"]}'
expect "its name is taken" 409 conflict
approval_device '{"tags":["env=prod"]}'
asking one
pending
as ben POST "/v1/approvals/$approval/approve"
expect "who isn't of the group" 403 approver
as ann POST "/v1/approvals/$approval/approve"
equal "one of two" "$(member '"\(.state) \(.votes)/\(.quorum)"')" "pending 1/2"
as ann POST "/v1/approvals/$approval/approve"
equal "the same again" "$(member '"\(.state) \(.votes)/\(.quorum)"')" "pending 1/2"
role_is ann auditor
api POST "/v1/approvals/$approval/approve"
equal "who may no longer vote doesn't count" "$(member '"\(.state) \(.votes)/\(.quorum)"')" "pending 1/2"
role_is ann approver
api POST "/v1/approvals/$approval/approve"
equal "two of two" "$(member .state)" approved
equal "and the machine comes up" "$(asked one)" 200
recover "$device_url" "$kid" "$point"
recover "$device_url" "$kid" "$point"
equal "three replies are used" "$status" 200
api POST "/v1/devices/$device/allow-once" '{}'
equal "one alone can't allow once" "$status $(member .state)" "201 proposed"
waiver=$(member .waiver)
asking one
pending 2
approval=$(member '.approvals[] | select(.kind == "waiver") | .approval')
api POST "/v1/approvals/$approval/approve"
expect "nor approve their own" 403 approver
as eve POST /v1/approval-groups/prod/set '{"tags":["env=prod"],"quorum":2}'
agree ann
api POST "/v1/proposals/$(member .proposal)/approve"
expect "anybody may, of the role" 200
as ann POST "/v1/approvals/$approval/approve"
equal "one other" "$(member .state)" pending
as ben POST "/v1/approvals/$approval/approve"
equal "two others" "$(member '"\(.state) \(.waiver)"')" "approved $waiver"
equal "the waiting machine comes up" "$(asked one)" 200
api POST "/v1/devices/$device/allow-once" '{}'
waiver=$(member .waiver)
api GET /v1/approvals
approval=$(member '.approvals[] | select(.kind == "waiver") | .approval')
api POST "/v1/waivers/$waiver/cancel"
as ann POST "/v1/approvals/$approval/approve"
expect "a cancelled proposal" 409 conflict
api GET /v1/approval-groups
equal "list" "$(member '.approval_groups | map("\(.name) \(.quorum)") | join(" ")')" "prod 2"
api POST /v1/approval-groups/prod/delete
agree ann ben
expect "delete" 200
api POST /v1/approval-groups/prod/delete
expect "delete twice" 404 not-found
api POST /v1/approval-groups/prod/set '{"tags":["a"]}'
expect "change what is gone" 404 not-found
api POST "/v1/waivers/$waiver/cancel"
recover "$device_url" "$kid" "$point"
equal "nobody is asked any more" "$status" 200

for text in '{}' '{"name":"g"}' '{"name":"g","tags":[]}' '{"name":"g","tags":["a,b"]}' '{"name":"g","tags":["a\"b"]}' \
	'{"name":"g","tags":["a","a"]}' '{"name":"g","tags":["a"],"quorum":0}' '{"name":"g","tags":["a"],"quorum":17}' \
	'{"name":"g","tags":["a"],"approvers":["x"],"quorum":2}' '{"name":"g","tags":["a"],"approvers":[1]}' \
	'{"name":"a b","tags":["a"]}'; do
	api POST /v1/approval-groups "$text"
	expect "invalid: $text" 400 invalid
done
approval=$(random_hex 16)
for word in approve deny defer; do
	as ann POST "/v1/approvals/$approval/$word"
	expect "$word an unknown one" 404 not-found
done
api GET "/v1/approvals/$approval"
expect "show an unknown one" 404 not-found
api GET "/v1/approvals?state=x"
expect "a list of nonsense" 400 invalid
api GET "/v1/approvals?state=all"
check "all of them" test "$(member '.approvals | length')" -ge 8
api GET "/v1/audit?limit=1000"
for event in approval-requested approval-voted approval-approved approval-denied approval-deferred unlock-pending; do
	check "the audit has $event" test "$(member "[.events[] | select(.event == \"$event\")] | length")" -ge 1
done
tests_done
