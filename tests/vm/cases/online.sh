# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: online
# purpose: the encryption under way can be watched, slowed, paused over a reboot, and survives its worker's death
# limit: 2400

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

guest() { vm_sh convert "$@"; }
bootstrap=/usr/lib/panocrypt/panocrypt-bootstrap
# status EXPRESSION: of the JSON that status prints in the guest; "" while it can't be had.
status() { guest "$bootstrap status --json" 60 2>/dev/null | json "$1" 2>/dev/null || echo; }
progress() { status "v.get('progress', {}).get('$1', '')"; }
says() { [ "$(device ".get('$1')" 2>/dev/null)" = "$2" ]; }
waits_for() { [ "$(status "v['waiting']")" = "$1" ]; }
done_is_beyond() { local now; now=$(progress done_bytes); [ -n "$now" ] && [ "$now" -gt "$1" ]; }

convert_server "$vm_home/server"
key=$(ctl enrollment-key create --tag env=test --max-uses 1 --expires-in 1h --json | json "v['key']") || die "no enrollment key"
convert_user_data "$key" "$vm_home/user-data"
sed -i 's/PANOCRYPT_ENROLLMENT_KEY=/PANOCRYPT_MAX_RATE=4M &/' "$vm_home/user-data"
vm_create convert
vm_seed convert "$vm_home/user-data"
convert_start=$SECONDS
vm_start convert

# --- watched: by the server and on the machine
wait_for 1800 eval 'says phase encrypt && done_is_beyond 16777216' || vm_fail convert "no encryption has begun"
ok "encryption runs after $((SECONDS - convert_start)) s"
check "the server shows bytes" test "$(device "['total_bytes']")" -gt 100000000
wait_for 60 eval '[ "$(progress bytes_per_s)" -gt 0 ]' && ok "status has a rate" || not_ok "status has a rate"
check "not above the limit by more than a chunk's worth" test "$(progress bytes_per_s)" -le $((6 << 20))
check "and the time left" test "$(progress eta_s)" -gt 0
check "the server has a rate" test "$(device "['bytes_per_s']")" -gt 0
check "a watch that isn't on a terminal prints plain lines" guest \
	"timeout -s INT 3 $bootstrap status --watch >/run/watch; ! grep -q \$'\\033' /run/watch && grep -qE '^encrypt: [0-9.]+ %' /run/watch"
check "the worker is a process of its own, from memory" guest \
	'readlink /proc/$(pgrep -x panocrypt-step)/exe | grep -q memfd:panocrypt-worker'
check "all of its memory is locked" guest \
	'[ "$(awk "/VmLck/ { print \$2 }" /proc/$(pgrep -x panocrypt-step)/status)" -gt 16384 ]'

# --- paused, over a reboot
guest "$bootstrap pause" 60
wait_for 120 waits_for resume && ok "it stands still" || not_ok "it stands still"
stood=$(progress done_bytes)
wait_for 60 says waiting resume && ok "the server knows" || not_ok "the server knows"
equal "nothing has moved meanwhile" "$(progress done_bytes)" "$stood"
vm_reboot_wait convert 600
vm_ready convert 300
wait_for 120 waits_for resume && ok "still paused after a reboot" || not_ok "still paused after a reboot"
equal "where it stood" "$(progress done_bytes)" "$stood"
check "the device is whole: nothing is suspended" guest '! dmsetup info -c --noheadings -o suspended | grep -q Suspended'

# --- the worker killed inside a chunk: with its device suspended, only a boot helps, and it comes by itself
before=$(vm_boot_id convert)
guest "$bootstrap resume --max-rate 0" 60
wait_for 120 done_is_beyond "$stood" && ok "it goes on" || not_ok "it goes on"
guest 'cat >/run/kill-worker <<"K"
worker=$(pgrep -x panocrypt-step)
while kill -STOP $worker; do
	dmsetup info -c --noheadings -o suspended | grep -q Suspended && break
	kill -CONT $worker
	sleep 0.01
done
kill -KILL $worker
K
nohup sh /run/kill-worker >/dev/null 2>&1 &' 60
vm_wait convert 'rebooting, which repeats the chunk' 300
ok "the guard says why it reboots"
vm_boot_after convert "$before" 600

# --- and to the end
convert_watch convert 2100
vm_ready convert 300
ok "converted in $((SECONDS - convert_start)) s"
convert_files_same convert
equal "root is a mapping" "$(guest 'findmnt -no SOURCE /')" /dev/mapper/cryptroot
tests_done
