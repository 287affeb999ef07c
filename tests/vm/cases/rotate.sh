# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: rotate
# purpose: with --rotate-after the disk ends under another volume key, over a power cut and a boot through stock Clevis alone
# limit: 3000

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

guest() { vm_sh convert "$@"; }
bootstrap=/usr/lib/panocrypt/panocrypt-bootstrap
root_device() { guest 'lsblk -nrspo NAME,TYPE "$(findmnt -no SOURCE /)" | awk "\$2 == \"part\" { print \$1; exit }"'; }
# status EXPRESSION: of the JSON that status prints in the guest; "" while it can't be had.
status() { guest "$bootstrap status --json" 60 2>/dev/null | json "$1" 2>/dev/null || echo; }
progress() { status "v.get('progress', {}).get('$1', '')"; }
waits_for() { [ "$(status "v['waiting']")" = "$1" ]; }
rotates() { local now; [ "$(status "v['phase']")" = rotate ] && now=$(progress done_bytes) && [ -n "$now" ] && [ "$now" -gt 16777216 ]; }
dump() { guest "cryptsetup luksDump --dump-json-metadata $device_name" 60 >"$vm_home/$1.json"; }
of() { json "$2" <"$vm_home/$1.json"; }
# The digests, by salt, of the keys that are in the header.
salts='sorted(d["salt"] for d in v["digests"].values())'

convert_server "$vm_home/server"
key=$(ctl enrollment-key create --tag env=test --max-uses 1 --expires-in 1h --json | json "v['key']") || die "no enrollment key"
convert_user_data "$key" "$vm_home/user-data"
sed -i 's/PANOCRYPT_ENROLLMENT_KEY=/PANOCRYPT_ROTATE_AFTER=yes &/' "$vm_home/user-data"
vm_create convert
vm_seed convert "$vm_home/user-data"
convert_start=$SECONDS
vm_start convert

# --- in the middle of it: the power is cut inside a chunk
wait_for 2400 rotates || vm_fail convert "no rotation has begun: $(device_progress)"
ok "the rotation runs after $((SECONDS - convert_start)) s"
guest "$bootstrap pause" 60
wait_for 120 waits_for resume && ok "it stands still when told to" || not_ok "it stands still when told to"
device_name=$(root_device)
dump middle
equal "four keyslots" "$(of middle "sum(s['type'] == 'luks2' for s in v['keyslots'].values())")" 4
equal "by libcryptsetup's own reencryption" "$(of middle "[s['mode'] for s in v['keyslots'].values() if s['type'] == 'reencrypt']")" \
	"['reencrypt']"
first_salt=$(of middle "v['digests']['0']['salt']")
next_salt=$(of middle "v['digests']['1']['salt']")
stood=$(progress done_bytes)
# The next boot gets by without our step: the distribution opens the disk by itself.
guest 'sed -i "/^[[:space:]]*linux/s/\$/ panocrypt.skip/" /boot/grub/grub.cfg && sync -f /boot/grub/grub.cfg && fsfreeze -f /boot && fsfreeze -u /boot' 60
before=$(vm_boot_id convert)
guest "$bootstrap resume" 60
beyond() { local now; now=$(progress done_bytes); [ -n "$now" ] && [ "$now" -gt "$stood" ]; }
wait_for 120 beyond && ok "it goes on" || not_ok "it goes on"
vm_cut convert
vm_start convert
vm_boot_after convert "$before" 900
vm_ready convert 300
check "the boot step stood aside" guest "grep -q panocrypt.skip /run/panocrypt/result.json"
equal "stock Clevis opened the disk under both keys" "$(guest 'findmnt -no SOURCE /')" /dev/mapper/cryptroot
dump after-cut
equal "nothing is taken back" "$(of after-cut "v['digests']['1']['salt']")" "$next_salt"
guest 'sed -i "s/ panocrypt\.skip\$//" /boot/grub/grub.cfg && sync -f /boot/grub/grub.cfg && fsfreeze -f /boot && fsfreeze -u /boot' 60

# --- and to the end
convert_watch convert 2100
vm_ready convert 300
ok "converted in $((SECONDS - convert_start)) s"
dump end
equal "the first key is gone, the next one stays" "$(of end "$salts")" "['$next_salt']"
check "they are two" [ "$first_salt" != "$next_salt" ]
equal "two keyslots" "$(of end "sorted(v['keyslots'])")" "['2', '3']"
equal "one token, of Clevis" "$(of end "[(t['type'], t['keyslots']) for t in v['tokens'].values()]")" "[('clevis', ['3'])]"
equal "nothing left to do" "$(of end "v['config'].get('requirements')")" ""
equal "it takes the device as large as it is" "$(of end "[s['size'] for s in v['segments'].values()]")" "['dynamic']"
check "its pass opens the disk" guest \
	"clevis luks pass -d $device_name -s 3 | cryptsetup open --test-passphrase --key-slot 3 --key-file - $device_name" 120
check "the recovery passphrase opens it" guest \
	"head -n 1 /root/panocrypt-recovery-passphrase.txt | tr -d '\n' | cryptsetup open --test-passphrase --key-file - $device_name" 120
equal "the server was told" "$(evidence rotated)" true
convert_files_same convert
vm_reboot_wait convert 600
vm_ready convert 300
equal "and it unlocks by itself" "$(guest 'findmnt -no SOURCE /')" /dev/mapper/cryptroot
tests_done
