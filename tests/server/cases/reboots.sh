#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Announced reboots, and the alert when a device unlocks without one; devices that are about to be absent.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

private_hosts
requires jose
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlocks() { recover "$device_url" "$kid" "$point"; equal "$1: unlocks" "$status" 200; }
alerts() { store_sql "SELECT count(*) FROM audit WHERE event = 'unlock-unexpected'"; }
# later SECONDS: as if what is known of the last alert were so much older.
later() { store_sql "UPDATE device SET surprised_s = surprised_s - $1"; }
set_device() { api POST "/v1/devices/$device/set" "$1"; }

# --- the alert
unlocks "any reboot is fine"
equal "no alert" "$(alerts)" 0
set_device '{"reboots":"announced"}'
expect "from now on they are announced" 200
equal "it says so" "$(member .reboots)" announced
unlocks "unannounced"
equal "unannounced: an alert" "$(alerts)" 1
unlocks "the same boot"
equal "the same boot: no other alert" "$(alerts)" 1
api GET "/v1/devices/$device"
check "the device shows when" test "$(member .surprised)" -gt $(($(date +%s) - 60))
later 121
unlocks "another boot"
equal "another boot: another alert" "$(alerts)" 2
api GET "/v1/audit?limit=10"
equal "the alert says which and from where" \
	"$(member "[.events[] | select(.event == \"unlock-unexpected\") | .device + \" \" + .source] | unique | join(\",\")")" "$device 127.0.0.1"
later 1000
api POST "/v1/devices/$device/expect-reboot" '{"for_s":600}'
expect "announced" 200
unlocks "announced"
equal "announced: no alert" "$(alerts)" 2
api POST "/v1/devices/$device/expect-reboot" '{"in_s":3600}'
unlocks "announced for later"
equal "announced for later: an alert" "$(alerts)" 3
store_sql "UPDATE device SET reboot_from_s = reboot_from_s - 7300, reboot_until_s = reboot_until_s - 7300"
later 1000
unlocks "the window is over"
equal "the window is over: an alert" "$(alerts)" 4
later 1000
set_device '{"approval":"always"}'
api POST "/v1/devices/$device/allow-once" '{}'
unlocks "allowed once by a person"
equal "allowed once by a person: no alert" "$(alerts)" 4
api POST "/v1/devices/$device/revoke"
api POST "/v1/devices/$device/expect-reboot" '{}'
expect "for a revoked device" 409 conflict
api POST "/v1/devices/00000000000000000000000000000000/expect-reboot" '{}'
expect "for none" 404 not-found
new_device
for body in '{"for_s":0}' '{"for_s":"x"}' '{"in_s":-1}' '{"at":1}'; do
	api POST "/v1/devices/$device/expect-reboot" "$body"
	expect "invalid: $body" 400 invalid
done
set_device '{"reboots":"never"}'
expect "an unknown word" 400 invalid

# --- while converting, reboots are expected
new_key '{"allow_from":["127.0.0.0/8"]}'
enroll "$key"
device=$(member .device)
device_url=$(member .url)
kid=$(exchange_thumbprint "$device_url")
set_device '{"reboots":"announced"}'
unlocks "converting"
equal "converting: no alert" "$(alerts)" 4

# --- about to be absent
new_device '{"name":"absent-soon","allow_from":["127.0.0.0/8"]}'
set_device '{"absence_s":3600}'
soon=$device
equal "absent in an hour" "$(member '(.absent_at - .created) | tostring')" 3600
new_device '{"name":"absent-late","allow_from":["127.0.0.0/8"]}'
set_device '{"absence_s":360000}'
api GET "/v1/devices?absent_within_s=7200"
equal "one is absent within two hours" "$(member '[.devices[].device] | join(" ")')" "$soon"
api GET "/v1/devices?absent_within_s=x"
expect "no number" 400 invalid
check "ctl: the same" test "$("$panocryptctl" device list --absent-within 2h --json | jq '.devices | length')" = 1
check "ctl: expect-reboot" grep -q Announced <<<"$("$panocryptctl" device expect-reboot absent-soon --for 2h)"
check "ctl: set" grep -q "is changed" <<<"$("$panocryptctl" device set absent-soon --reboots announced)"
tests_done
