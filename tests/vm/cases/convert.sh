# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# case: convert
# purpose: a stock machine becomes an encrypted one that unlocks by policy, with every file as it was
# check: yes
# limit: 2400

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

planted=panocrypt-planted-secret-$RANDOM$RANDOM$RANDOM

guest() {
	vm_sh convert "$@"
}

# The same search for everything that must not be found: the guest's plain /boot and ESP on the raw sectors, its
# journal, the server's folder, and the traffic between the two. BYTES as hexadecimal digits. Prints where they are.
find_everywhere() {
	local pattern
	pattern=$(printf %s "$1" | sed 's/../\\x&/g')
	guest "export LC_ALL=C; for d in \$(findmnt -no SOURCE /boot) \$(findmnt -no SOURCE /boot/efi); do
		grep -aqP -- '$pattern' \$d && echo boot; done
		journalctl --no-pager -o export | grep -aqP -- '$pattern' && echo journal; true" 300
	LC_ALL=C grep -raqP -- "$pattern" "$server_dir" && echo server
	LC_ALL=C grep -aqP -- "$pattern" "$server_traffic" && echo traffic
	true
}

hex() {
	od -An -v -tx1 | tr -d ' \n'
}

# What a file of ours would look like: by path, and by content under /etc; but for the harness's own command channel.
ours() {
	guest "{ find / -xdev -path '*panocrypt*'
		find /boot -path '*panocrypt*'
		grep -rlI panocrypt /etc; } | grep -v '^/var/log/\|^/var/lib/cloud/\|panocrypt[-.]test' | sort -u" 300
}

convert_server "$vm_home/server"
key=$(ctl enrollment-key create --tag env=test --max-uses 1 --expires-in 1h --json | json "v['key']") || die "no enrollment key"
convert_user_data "$key" "$vm_home/user-data"

vm_create convert
vm_seed convert "$vm_home/user-data"
convert_start=$SECONDS
vm_start convert
convert_watch convert 2100
vm_ready convert 300
ok "converted in $((SECONDS - convert_start)) s"

# --- files
guest 'cat /var/tmp/before.manifest' 120 >"$vm_home/before"
vm_sh convert "cat >/run/manifest.py <<'PY'
$(cat "$convert_here/manifest.py")
PY
python3 /run/manifest.py" 600 >"$vm_home/after"
guest 'cat /var/lib/dpkg/info/*.list' 120 >"$vm_home/packaged"
check "every file as it was" "$convert_here/compare.py" "$vm_home/before" "$vm_home/after" \
	"$convert_here/exceptions.txt" "$vm_home/packaged"
guest 'cd /boot && find . -xdev -type f -not -path "./grub/*" -not -name "initrd.img*" -exec sha256sum {} +' 120 |
	sed 's| \./| /boot/|' | sort -k 2 >"$vm_home/boot-after"
awk '$6 ~ "^/boot/" && $6 !~ "^/boot/grub/" && $6 !~ "initrd.img" { print $1 "  " $6 }' "$vm_home/before" |
	sort -k 2 >"$vm_home/boot-before"
equal "/boot has the same kernels" "$(cat "$vm_home/boot-after")" "$(cat "$vm_home/boot-before")"

# --- layout
root_device=$(guest 'lsblk -nrspo NAME,TYPE "$(findmnt -no SOURCE /)" | awk "\$2 == \"part\" { print \$1; exit }"')
equal "root is a mapping" "$(guest 'findmnt -no SOURCE /')" /dev/mapper/cryptroot
equal "of dm-crypt" "$(guest 'dmsetup table cryptroot | cut -d " " -f 3')" crypt
check "over LUKS2" guest "cryptsetup isLuks --type luks2 $root_device"
guest "cryptsetup luksDump --dump-json-metadata $root_device" >"$vm_home/luks.json"
equal "two keyslots" "$(json "len(v['keyslots'])" <"$vm_home/luks.json")" 2
equal "one token, of Clevis" "$(json "','.join(t['type'] for t in v['tokens'].values())" <"$vm_home/luks.json")" clevis
equal "nothing left to do" "$(json "v['config'].get('requirements')" <"$vm_home/luks.json")" ""
equal "aes-xts, 4096-byte sectors" "$(json "[(s['encryption'], s['sector_size']) for s in v['segments'].values()]" \
	<"$vm_home/luks.json")" "[('aes-xts-plain64', 4096)]"
check "clevis lists our binding" guest "clevis luks list -d $root_device | grep -qF '$unlock_host'"
check "/boot is separate and plain" guest '[ "$(findmnt -no FSTYPE /boot)" = ext4 ] &&
	[ "$(lsblk -no TYPE "$(findmnt -no SOURCE /boot)")" = part ]'
equal "the mapping fills the device" "$(guest "echo \$((\$(blockdev --getsize64 $root_device) - 16777216))")" \
	"$(guest 'blockdev --getsize64 /dev/mapper/cryptroot')"
check "the filesystem fills the mapping" guest '[ $(($(blockdev --getsize64 /dev/mapper/cryptroot) / 4096 -
	$(dumpe2fs -h /dev/mapper/cryptroot 2>/dev/null | sed -n "s/^Block count: *//p"))) -lt 32768 ]'
equal "the system is well" "$(guest 'systemctl is-system-running')" running

# --- what stays of us
sed -n '/<!-- stays -->/,/<!-- end -->/s/^| `\([^`]*\)`.*/\1/p' "$test_root/docs/on-disk.md" | sort -u >"$vm_home/allowed"
ours >"$vm_home/ours"
equal "what stays of us is the list in docs/on-disk.md" "$(cat "$vm_home/ours")" "$(cat "$vm_home/allowed")"
check "the initramfs holds no step of ours" guest '! lsinitramfs /initrd.img | grep -E "panocrypt-bootstrap|boot-step"'

# --- recovery
recovery=$(guest 'cat /root/panocrypt-recovery-passphrase.txt')
check "the recovery passphrase is for root alone" guest '[ "$(stat -c %a:%U /root/panocrypt-recovery-passphrase.txt)" = 600:root ]'
check "it opens the disk" guest "cryptsetup open --test-passphrase --key-file /dev/stdin $root_device <<'K'
$recovery
K
printf %s '$recovery' | cryptsetup open --test-passphrase --key-file - $root_device"

# --- two more boots, unattended
for boot in first second; do
	vm_reboot_wait convert 600
	vm_ready convert 300
	check "the $boot reboot unlocked by itself" guest "[ \"\$(findmnt -no SOURCE /)\" = /dev/mapper/cryptroot ]"
done
check "the server saw them" test "$(ctl audit list --json | json "sum(1 for e in v['events'] if e['event'] == 'unlock-allowed')")" -ge 3

# --- secrets
equal "the recovery passphrase is nowhere else" "$(find_everywhere "$(printf %s "$recovery" | hex)")" ""
slot_secret=$(guest "clevis luks pass -d $root_device -s 1" 120)
check "the Clevis slot's secret can be had on the host" test "${#slot_secret}" -ge 40
equal "it is nowhere else" "$(find_everywhere "$(printf %s "$slot_secret" | hex)")" ""
volume_key=$(guest "printf %s '$recovery' >/run/k && cryptsetup luksDump --batch-mode --dump-volume-key --key-file /run/k \
	--volume-key-file /run/vk $root_device >/dev/null && od -An -v -tx1 /run/vk | tr -d ' \n'; rm -f /run/k /run/vk" 120)
equal "the volume key can be had on the host" "${#volume_key}" 128
equal "it is nowhere else" "$(find_everywhere "$volume_key")" ""
guest "echo '$planted' >/boot/planted && sync -f /boot && logger '$planted' && journalctl --sync"
echo "$planted" >"$server_dir/planted"
echo "$planted" >>"$server_traffic"
equal "the search finds a planted secret" "$(find_everywhere "$(printf %s "$planted" | hex)" | tr '\n' ' ')" \
	"boot journal server traffic "
guest 'rm /boot/planted'

# --- no means no
ctl device revoke "$(device "['device']")" >/dev/null || not_ok "revoke"
guest 'systemctl reboot' 10 || :
vm_wait convert 'Please unlock disk|Enter passphrase|unlock' 300
wait_for 120 eval '[ "$(ctl denials --json | json "len(v[\"denials\"])")" -gt 0 ]' && ok "the refusal is in the audit" || not_ok "the refusal is in the audit"
equal "refused because it is revoked" "$(ctl denials --json | json "v['denials'][0]['reason']")" revoked
check "it stays locked" eval '! vm_sh convert true 5'
vm_type convert "$recovery"
vm_ready convert 300
ok "the recovery passphrase opens it at the console"
tests_done
