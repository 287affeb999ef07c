#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# panocryptctl: each verb, its exit statuses, tables and JSON.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

private_hosts
server_start

says() { # NAME STATUS WORDS COMMAND…
	local name=$1 wanted=$2 words=$3 got
	shift 3
	"$@" >"$server_home/out" 2>"$server_home/err"
	got=$?
	equal "$name: status" "$got" "$wanted"
	check "$name: says \"$words\"" grep -qF -- "$words" "$server_home/out" "$server_home/err"
}
ctl=$panocryptctl

says "help" 0 "enrollment-key create" "$ctl" help
says "whoami" 0 "owner" "$ctl" whoami
says "create" 0 "shown this once" "$ctl" enrollment-key create --tag env=test --tag role=web --allow-from 127.0.0.0/8 \
	--max-uses 2 --expires-in 2h --description "for tests"
key=$(cat "$server_home/out")
check "standard output is the key alone" grep -Eqx '[0-9A-Z]{4}-[0-9A-Z]{5}-[0-9A-Z]{3}' "$server_home/out"
says "list" 0 "env=test,role=web" "$ctl" enrollment-key list
check "list hides the secret" sh -c '! grep -qF "$1" "$2"' - "${key#*-}" "$server_home/out"
says "revoke" 0 "is revoked" "$ctl" enrollment-key revoke "${key%%-*}"
says "revoke an unknown one" 3 "404" "$ctl" enrollment-key revoke ZZZZ
says "a key for devices to look at first" 0 "" "$ctl" enrollment-key create --hold --ephemeral --absent-after 2h \
	--approval always --environment production --workload db
equal "it says so" "$("$ctl" enrollment-key list --json | jq -r '.enrollment_keys[0] |
	"\(.hold) \(.ephemeral) \(.absence_s) \(.approval) \(.environment) \(.workload)"')" "true true 7200 always production db"
says "compromise" 0 "0 more devices are held" "$ctl" enrollment-key compromise "${key%%-*}"
says "compromise: a wrong time" 2 "duration" "$ctl" enrollment-key compromise "${key%%-*}" --since soon
says "compromise an unknown one" 3 "404" "$ctl" enrollment-key compromise ZZZZ --since 12h
says "revoke nonsense" 2 "ID must be" "$ctl" enrollment-key revoke z
says "no denials" 0 "No denials." "$ctl" denials
says "no devices" 0 "No devices." "$ctl" device list
says "add" 0 "clevis luks bind -d DEVICE tang" "$ctl" device add --name web1 --allow-from 127.0.0.1 --tag a=b
says "add without addresses" 2 "--allow-from" "$ctl" device add --name web2
says "device list" 0 "web1" "$ctl" device list
device=$("$ctl" device list --json | jq -r '.devices[0].device')
says "show by name" 0 "$device" "$ctl" device show web1
says "show by the id's beginning" 0 "web1" "$ctl" device show "${device:0:6}"
says "show by id, as JSON" 0 '"state": "active"' "$ctl" device show "$device" --json
says "show an unknown one" 3 "no device fits" "$ctl" device show nothing
says "disable" 0 "is now disabled" "$ctl" device disable web1
says "disable twice" 3 "409" "$ctl" device disable web1
says "enable" 0 "is now active" "$ctl" device enable web1
says "create a network list" 0 "office is created" "$ctl" network-list create office --range 192.0.2.0/24 --description up
says "a list without ranges" 2 "--range is needed" "$ctl" network-list create empty
says "network lists" 0 "192.0.2.0/24" "$ctl" network-list list
says "set a device" 0 "is changed" "$ctl" device set web1 --network-list office --add-from 2001:db8::/32 --approval active \
	--absent-after 30d --absence ask --environment production --workload db --tag a=c
says "it shows" 0 "office" "$ctl" device show web1
says "set nothing" 2 "nothing to set" "$ctl" device set web1
says "delete a list that is named" 3 "409" "$ctl" network-list delete office
says "no lists any more" 0 "is changed" "$ctl" device set web1 --network-list none --approval none
says "change a list" 0 "is changed" "$ctl" network-list set office --range 192.0.2.0/25
says "show a list" 0 "192.0.2.0/25" "$ctl" network-list show office
says "delete it" 0 "is deleted" "$ctl" network-list delete office
says "release what isn't held" 3 "409" "$ctl" device release web1
says "nothing to approve" 0 "Nothing waits" "$ctl" approval list
says "approve nothing" 3 "nothing pending fits" "$ctl" approval approve web1
says "create a group" 0 "prod is created" "$ctl" approval-group create prod --tag a=c --quorum 1
says "a group without tags" 2 "--tag is needed" "$ctl" approval-group create empty
says "groups" 0 "a=c" "$ctl" approval-group list
requires jose
url=$("$ctl" device show web1 --json | jq -r .url)
ask() {
	recover "$url" "$(exchange_thumbprint "$url")" "$(a_point)"
	echo "$status" >"$server_home/asked"
}
says "from here" 0 "is changed" "$ctl" device set web1 --add-from 127.0.0.0/8
ask &
asking=$!
waits() { "$ctl" approval list | grep -q web1; }
wait_for 20 waits
says "it waits" 0 "127.0.0.1" "$ctl" approval list
says "show the request" 0 "times" "$ctl" approval show web1
says "defer it" 0 "is pending" "$ctl" approval defer web1 --for 5m
says "approve it" 0 "is approved (1 of 1 votes)" "$ctl" approval approve web1
wait "$asking"
equal "it is answered" "$(cat "$server_home/asked")" 200
says "decided ones" 0 "approved" "$ctl" approval list --all
says "deny what is decided" 3 "409" "$ctl" approval deny "$("$ctl" approval list --all --json | jq -r '.approvals[0].approval')"
says "change a group" 0 "is changed" "$ctl" approval-group set prod --tag a=d --approver root
says "delete a group" 0 "is deleted" "$ctl" approval-group delete prod
says "explain" 0 "--add-from 203.0.113.9" "$ctl" policy explain web1 --from 203.0.113.9
says "explain without an address" 2 "--from is needed" "$ctl" policy explain web1
says "explain an allowed one" 0 "allow" "$ctl" policy explain web1 --from 127.0.0.1
says "denials of a device, by name" 0 "panocryptctl approval approve" "$ctl" denials --device web1
says "allow once" 0 "is usable" "$ctl" device allow-once web1 --boots 2 --window 1m --expires-in 1h --waive disabled \
	--from 127.0.0.1 --comment "ticket 7"
says "allow once: a wrong time" 2 "duration" "$ctl" device allow-once web1 --window soon
says "allow once: a wrong rule" 3 "400" "$ctl" device allow-once web1 --waive revoked
says "waivers" 0 "ticket 7" "$ctl" waiver list --device web1
waiver=$("$ctl" waiver list --json | jq -r '.waivers[0].waiver')
says "cancel a waiver" 0 "is cancelled" "$ctl" waiver cancel "$waiver"
says "cancel nonsense" 3 "404" "$ctl" waiver cancel nothing
says "cancel what can't be a word" 2 "a name or an id" "$ctl" waiver cancel a/b
says "revoke a device" 0 "is now revoked" "$ctl" device revoke web1
says "denials show what had to wait" 0 "approval" "$ctl" denials
says "denials from nonsense" 3 "400" "$ctl" denials --from "x y&z"
says "audit" 0 "device-revoked" "$ctl" audit list --limit 5
check "no colour outside a terminal" sh -c '! grep -q "$(printf "\033")" "$1"' - "$server_home/out"
says "audit as JSON" 0 '"events"' "$ctl" audit list --json
says "no verb" 2 "verb is missing" "$ctl"
says "an unknown verb" 2 "no verb" "$ctl" device dance
says "an unknown option" 2 "--dance" "$ctl" whoami --dance
says "a word too many" 2 "extra" "$ctl" whoami extra
says "no URL" 2 "PANOCRYPT_ADMIN_URL" env -u PANOCRYPT_ADMIN_URL "$ctl" whoami
says "no token file" 1 "token file" "$ctl" whoami --token-file /nonexistent
says "a wrong token" 3 "401" "$ctl" whoami --token-file <(echo wrong)
cp "$PANOCRYPT_TOKEN_FILE" "$server_home/open" && chmod 644 "$server_home/open"
says "a token that others can read" 1 "token file" "$ctl" whoami --token-file "$server_home/open"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=other \
	-keyout "$server_home/other.key" -out "$server_home/other.pem" 2>/dev/null
says "another CA" 1 "certificate" "$ctl" whoami --ca "$server_home/other.pem"
server_stop
says "no server" 1 "no connection" "$ctl" whoami
tests_done
