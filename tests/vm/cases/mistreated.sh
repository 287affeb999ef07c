# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: mistreated
# purpose: 512 MiB of memory, and in mid-conversion: other tools, another disk name, no server, a full disk, a wrong clock, none
# limit: 3600

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

VM_MEMORY=512
guest() { vm_sh convert "$@"; }
bootstrap=/usr/lib/panocrypt/panocrypt-bootstrap
recovery=correct-horse-battery-staple-$RANDOM$RANDOM
# status EXPRESSION: of the JSON that status prints in the guest; "" while it can't be had.
status() { guest "$bootstrap status --json" 60 2>/dev/null | json "$1" 2>/dev/null || echo; }
progress() { status "v.get('progress', {}).get('$1', '')"; }
says() { [ "$(device ".get('$1')" 2>/dev/null)" = "$2" ]; }
waits_for() { [ "$(status "v['waiting']")" = "$1" ]; }
done_is_beyond() { local now; now=$(progress done_bytes); [ -n "$now" ] && [ "$now" -gt "$1" ]; }
# goes_on NAME: some chunks more are done, now.
goes_on() {
	local now
	now=$(progress done_bytes)
	wait_for 300 done_is_beyond $((${now:-0} + (24 << 20))) && ok "$1: it goes on" || not_ok "$1: it goes on, from ${now:-?}"
}

convert_server "$vm_home/server" plain
key=$(ctl enrollment-key create --tag env=test --max-uses 1 --expires-in 1h --json | json "v['key']") || die "no enrollment key"
convert_user_data "$key" "$vm_home/user-data"
sed -i "s/PANOCRYPT_ENROLLMENT_KEY=/PANOCRYPT_MAX_RATE=4M PANOCRYPT_RECOVERY_PASSPHRASE_FILE=\/run\/recovery &/
	s/^runcmd:\$/&\n  - umask 077 \&\& printf %s $recovery >\/run\/recovery/" "$vm_home/user-data"
vm_create convert
vm_seed convert "$vm_home/user-data"
vm_start convert
wait_for 2400 eval 'says phase encrypt && done_is_beyond 16777216' || vm_fail convert "no encryption has begun"
ok "with 512 MiB of memory encryption has begun"
check "the machine has no more" guest '[ "$(awk "/MemTotal/ { print \$2 }" /proc/meminfo)" -lt 524288 ]'
guest "$bootstrap pause" 60
wait_for 120 waits_for resume && ok "it stands still" || not_ok "it stands still"
root=$(guest 'lsblk -nrspo NAME,TYPE "$(findmnt -no SOURCE /)" | awk "\$2 == \"part\" { print \$1; exit }"')

# --- other tools
check "the images are made anew" guest 'update-initramfs -u -k all' 900
check "a kernel's package is installed again" guest \
	'DEBIAN_FRONTEND=noninteractive dpkg-reconfigure "linux-image-$(uname -r)"' 900
guest "printf %s $recovery >/run/k; printf another >/run/new" 30
check "a keyslot can't be added now, and cryptsetup says so" guest \
	"! cryptsetup luksAddKey --batch-mode --key-file /run/k $root /run/new"
before=$(guest "dumpe2fs -h /dev/mapper/cryptroot 2>/dev/null | grep '^Block count'")
guest "growpart /dev/vda 1; resize2fs /dev/mapper/cryptroot; true" 120 >"$vm_home/grown" 2>&1
equal "growpart and resize2fs find nothing to grow into" \
	"$(guest "dumpe2fs -h /dev/mapper/cryptroot 2>/dev/null | grep '^Block count'")" "$before"

# --- another name for the disk, and no server: a person types the passphrase
vm_poweroff convert 300
end_process "$server_pid"
VM_DISK_DEVICE=nvme vm_start convert
vm_wait convert 'Please unlock disk|Enter passphrase|passphrase' 600
vm_type convert "$recovery"
vm_up convert 600
check "it came up on the same disk under another name" guest \
	'lsblk -nrspo NAME "$(findmnt -no SOURCE /)" | grep -q nvme'
check "it waits for the key, and says so" wait_for 120 waits_for key
guest "umask 077; printf wrong-$recovery >/run/wrong" 30
check "a wrong passphrase is refused" guest "! $bootstrap resume --recovery-passphrase-file /run/wrong 2>&1 | grep -q 'at hand'"
guest "umask 077; printf %s $recovery >/run/k2; $bootstrap resume --max-rate 2M --recovery-passphrase-file /run/k2" 120
goes_on "without its server"

# --- memory: the pages of a program, a swap file and the caches, all of them beyond what there is
guest 'fallocate -l 96M /swapfile && chmod 600 /swapfile && mkswap -q /swapfile && swapon /swapfile
	cat >/run/hog.py <<"PY"
import time
memory = dict(line.split(":") for line in open("/proc/meminfo"))
held = bytearray((int(memory["MemAvailable"].split()[0]) << 10) + (72 << 20))
end = time.monotonic() + 120
while time.monotonic() < end:
    for at in range(0, len(held), 4096):
        held[at] = (held[at] + 1) & 255
PY
	nohup python3 /run/hog.py >/dev/null 2>&1 & echo $! >/run/hog
	# The sleep waits for nothing: once a second the caches are to be emptied again while the run goes on.
	nohup sh -c "while kill -0 \$(cat /run/hog); do echo 3 >/proc/sys/vm/drop_caches; sleep 1; done" >/dev/null 2>&1 &' 120
check "the swap file is in use" wait_for 120 guest '[ "$(awk "/^\/swapfile/ { print \$4 }" /proc/swaps)" -gt 10000 ]'
goes_on "with no memory to spare"
guest 'kill $(cat /run/hog); swapoff /swapfile; rm /swapfile' 300

# --- the clock, a day forward and two back
guest 'systemctl stop systemd-timesyncd; date -s "+1 day"' 30
goes_on "a day later"
guest 'date -s "-2 days"' 30
goes_on "a day before"
guest 'date -s "+1 day"; systemctl start systemd-timesyncd' 30

# --- a full disk
guest 'head -c 8G /dev/zero >/fill; sync; [ "$(stat -f -c %f /)" = 0 ]' 600 || :
goes_on "with a full disk"
check "the disk was full" guest '[ "$(stat -c %s /fill)" -gt 20000000 ]; status=$?; rm /fill; exit $status'

# --- a machine without a clock: 1970, at this boot and all that follow; the server is there again
convert_server_start
vm_poweroff convert 300
vm_machine=("${vm_machine[@]/base=utc/base=1970-01-01}")
vm_start convert
vm_ready convert 900
check "the kernel began in 1970" guest 'journalctl -kb --no-pager | grep -q "setting system clock to 1970"'
equal "the server let it in all the same" \
	"$(guest 'cat /run/panocrypt/result.json' | json "(v['action'], v['ok'])")" "('unlock', True)"
goes_on "from 1970"

# --- and to the end
guest "$bootstrap resume --max-rate 0" 60
convert_start=$SECONDS
convert_watch convert 2400
vm_ready convert 300
convert_files_same convert
equal "root is a mapping" "$(guest 'findmnt -no SOURCE /')" /dev/mapper/cryptroot
vm_reboot_wait convert 600
vm_ready convert 300
check "and boots by itself" guest '[ "$(findmnt -no SOURCE /)" = /dev/mapper/cryptroot ]'
convert_figures convert 0
tests_done
