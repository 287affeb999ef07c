# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: policies
# purpose: one converted machine reboots under each policy in turn, and comes up only where policy says so
# limit: 4500

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

guest() { vm_sh web "$@"; }
is_encrypted() { [ "$(guest 'findmnt -no SOURCE /')" = /dev/mapper/cryptroot ]; }
# refusals REASON: how many were counted for it so far.
refusals() { ctl denials --limit 1000 --json | json "sum(d['count'] for d in v['denials'] if d['reason'] == '$1')"; }
has_more_refusals() { [ "$(refusals "$1")" -gt "$2" ]; }
waits_for_people() { ctl approval list --json | json "' '.join(a['device'] + ' ' + a['source'] for a in v['approvals'])" | grep .; }
policy() { ctl device set "$id" "$@" >/dev/null || die "device set $*"; }

# comes_up WHAT: after a reboot, by itself.
comes_up() {
	vm_reboot_wait web 600
	check "$1: it comes up" is_encrypted
	vm_ready web 300
}

# reboots: leaves the machine at its prompt, asking.
reboots() {
	guest 'systemctl reboot' 10 || :
	vm_wait web 'Please unlock disk' 300
}

# stays_shut WHAT REASON: after a reboot.
stays_shut() {
	local before
	before=$(refusals "$2")
	reboots
	check "$1: it is refused, and the audit says $2" wait_for 180 has_more_refusals "$2" "$before"
	check "$1: it stays shut" eval '! vm_sh web true 5'
}

# shut_for SECONDS: nobody is let in meanwhile. Between two looks it waits for the agent, which doesn't answer.
shut_for() {
	local start=$SECONDS
	while [ $((SECONDS - start)) -lt "$1" ]; do
		! vm_sh web true 5 2>/dev/null || return 1
	done
}

# goes_on WHAT: the machine that waits at its prompt, untouched.
goes_on() {
	vm_up web 300
	check "$1: the waiting machine comes up, untouched" is_encrypted
	vm_ready web 300
}

# renew_leaf: by our CA, past half its life; the server must see to it.
renew_leaf() {
	local work=$vm_home/leaf
	mkdir -p "$work"
	openssl req -new -key "$server_dir/leaf.key" -subj "/CN=$unlock_host" -out "$work/req" &&
		echo "subjectAltName=DNS:$unlock_host" >"$work/ext" &&
		openssl x509 -req -in "$work/req" -CA "$server_dir/ca.pem" -CAkey "$server_dir/ca.key" -days 40 \
			-extfile "$work/ext" -out "$work/leaf" &&
		cat "$work/leaf" "$server_dir/ca.pem" >"$server_dir/leaf.pem" && kill -HUP "$server_pid"
}
leaf_serial() { openssl s_client -connect "127.0.0.1:$unlock_port" </dev/null 2>/dev/null | openssl x509 -noout -serial; }
leaf_is_another() { [ "$(leaf_serial)" != "$1" ]; }

convert_server "$vm_home/server" plain
key=$(ctl enrollment-key create --tag env=test --max-uses 1 --expires-in 1h --json | json "v['key']") || die "no enrollment key"
convert_user_data "$key" "$vm_home/user-data"
vm_create web
vm_seed web "$vm_home/user-data"
convert_start=$SECONDS
vm_start web
convert_watch web 2100
vm_ready web 300
ok "converted in $((SECONDS - convert_start)) s"
id=$(device "['device']")
recovery=$(guest 'cat /root/panocrypt-recovery-passphrase.txt')

# --- where from
policy --allow-from 127.0.0.0/8
comes_up "an allowed range"
policy --allow-from 192.0.2.0/24
stays_shut "another range" source
check "explain names the one change" eval 'ctl policy explain "$id" --from 127.0.0.1 | grep -F -- "--add-from 127.0.0.1"'
policy --add-from 127.0.0.1
goes_on "with the address added"

# --- once
ctl device disable "$id" >/dev/null
ctl device allow-once "$id" --waive disabled >/dev/null || not_ok "allow-once"
comes_up "disabled, allowed once"
stays_shut "the second time" disabled
ctl device enable "$id" >/dev/null
goes_on "enabled again"

# --- people
policy --approval always
reboots
check "approval: it is asked for, with device and address" eval 'wait_for 180 waits_for_people &&
	[ "$(waits_for_people)" = "$id 127.0.0.1" ]'
check "approval: it stays shut for twelve minutes" shut_for 720
check "approval: given" ctl approval approve "$id"
goes_on "approved"
policy --approval none

# --- the server's own changes
serial=$(leaf_serial)
check "a leaf certificate past half its life" renew_leaf
check "is renewed" wait_for 30 leaf_is_another "$serial"
comes_up "another leaf of the same authority"

check "backup" "$test_root/build/panocryptd" backup "$vm_home/backup" --dir "$server_dir"
end_process "$server_pid"
mv "$server_dir" "$vm_home/lost"
mkdir -m 700 "$server_dir"
cp -p "$vm_home/lost/kek" "$server_dir/"
check "restore" "$test_root/build/panocryptd" restore "$vm_home/backup" --dir "$server_dir"
cp -p "$vm_home/lost/admin-token" "$server_dir/"
convert_server_start
reboots
check "restored: every unlock waits for people" wait_for 180 waits_for_people
check "restored: it stays shut" eval '! vm_sh web true 5'
check "restored: a person says yes" ctl approval approve "$id"
goes_on "restored, approved"
check "the gap is accepted" "$test_root/build/panocryptd" quarantine end --accept-gap --dir "$server_dir"
comes_up "out of quarantine"

# --- people say no, which holds for an hour: so it comes after all that they say yes to
policy --approval always
reboots
check "asked again at the next boot" wait_for 180 waits_for_people
check "denied" ctl approval deny "$id"
before=$(refusals refused)
check "denied: so it is answered, and the audit says so" wait_for 180 has_more_refusals refused "$before"
check "denied: it stays shut" eval '! vm_sh web true 5'
policy --approval none
goes_on "no approval wanted any more"

# --- no more
ctl device revoke "$id" >/dev/null || not_ok "revoke"
stays_shut "revoked" revoked
vm_type web "$recovery"
vm_ready web 300
ok "the recovery passphrase opens it"
tests_done
