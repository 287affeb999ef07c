# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# case: convert
# purpose: a stock machine becomes an encrypted one that unlocks by policy, with every file as it was
# check: yes
# limit: 2400

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"
. "$(dirname "$0")/../../powercut/lib.sh"

planted=panocrypt-planted-secret-$RANDOM$RANDOM$RANDOM
marker=marker-$RANDOM-$RANDOM-$RANDOM

guest() {
	vm_sh convert "$@"
}

# The same search for everything that must not be found: the guest's plain /boot and ESP on the raw sectors, its
# journal, the server's folder, and the traffic between the two. BYTES as hexadecimal digits. Prints where they are.
find_everywhere() {
	local pattern
	pattern=$(printf %s "$1" | sed 's/../\\x&/g')
	# What an earlier search has read of a mounted device stays in the page cache as it was then.
	guest "export LC_ALL=C; sync; echo 1 >/proc/sys/vm/drop_caches; for d in \$(findmnt -no SOURCE /boot) \$(findmnt -no SOURCE /boot/efi); do
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

# Old plaintext, as a server in use has it: on the host's side the disk behind the image, which the root grows over (but for
# its end, where no partition need reach); in the machine files that stay, that are moved, copied and deleted. The marker
# is put together there, so it isn't in the user-data.
mark_disk() {
	local at image_bytes disk_bytes step=$((256 << 20))
	image_bytes=$(stat -L -c %s "$vm_image/disk.raw") disk_bytes=$(((4 << 30) - (2 << 20)))
	for ((at = image_bytes; at < disk_bytes; at += step)); do
		[ $((at + step)) -le "$disk_bytes" ] || step=$((disk_bytes - at))
		echo "write -s $vm_home/marker $at $step"
	done | qemu-io -f qcow2 "$vm_home/convert/disk.qcow2" >"$vm_home/mark.log" 2>&1
	[ "$(grep -c 'wrote ' "$vm_home/mark.log")" -ge 2 ] || die "the disk wasn't marked: $(tail -n 1 "$vm_home/mark.log")"
}
mark_files="m=\$(printf panocrypt-%s $marker); for f in stays moves copied goes; do yes \$m | head -c 20000000 >/var/tmp/\$f-marked; done
    sync; mv /var/tmp/moves-marked /srv/moved-marked; cp /var/tmp/copied-marked /srv/copy-marked; rm /var/tmp/copied-marked /var/tmp/goes-marked; sync"

# raw_search SKIP-START SKIP-END: of hexadecimal patterns on standard input, on the disk as the host has it.
raw_search() { "$convert_here/raw_search.py" "$vm_home/raw" "$@" 2>>"$vm_home/raw.log"; }

# keep_half PROGRESS: where make check asks for it, what its power cuts begin from, before the second boot into the boot step.
keep_half() {
	local dir=${CUT_KEEP:-}
	case $dir:$1 in
	/*:converting\ header\ done* | /*:converting\ initramfs\ *)
		[ ! -e "$dir/before" ] || return 0
		mkdir -p "$dir"
		convert_files_before convert "$dir"
		;;
	/*:converting\ bootpart\ done*)
		[ -s "$dir/packaged" ] && cut_keep convert "$dir" shrink && touch "$dir/ready"
		;;
	esac
}

convert_server "$vm_home/server"
cut_unlock_port=$unlock_port cut_admin_port=$admin_port
cut_forward "$unlock_port" "$admin_port"
key=$(ctl enrollment-key create --tag env=test --max-uses 1 --expires-in 1h --json | json "v['key']") || die "no enrollment key"
convert_user_data "$key" "$vm_home/user-data"
python3 - "$vm_home/user-data" "$mark_files" <<'PY'
import sys

path, commands = sys.argv[1:]
text = open(path, encoding="utf-8").read()
assert "\nruncmd:\n" in text
open(path, "w", encoding="utf-8").write(text.replace("\nruncmd:\n", f"\nruncmd:\n  - |\n    {commands}\n"))
PY

vm_create convert
yes "panocrypt-$marker" | head -c 1048576 >"$vm_home/marker"
mark_disk
vm_seed convert "$vm_home/user-data"
convert_start=$SECONDS
vm_start convert
convert_watch convert 2100 keep_half
vm_ready convert 300
ok "converted in $((SECONDS - convert_start)) s"
converted_boots=$(convert_boots convert)

# --- files
convert_files_same convert
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
convert_figures convert "$converted_boots" || echo "# no figures of this machine for make bench"
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

# --- the raw disk
check "marked files are there" guest 'for f in /var/tmp/stays /srv/moved /srv/copy; do [ "$(stat -c %s $f-marked)" = 20000000 ] || exit 1; done'
root_start=$(($(guest "cat /sys/class/block/${root_device##*/}/start") * 512))
vm_poweroff convert
qemu-img convert -O raw "$vm_home/convert/disk.qcow2" "$vm_home/raw" || die "no raw disk"
cleanup_fn rm -f "$vm_home/raw"
printf 'panocrypt-%s' "$marker" | hex >"$vm_home/marker.hex"
equal "no old plaintext is left anywhere" "$(raw_search <"$vm_home/marker.hex" | head -n 3)" ""
python3 - "$vm_home/luks.json" "$vm_home/raw" "$root_start" >"$vm_home/header.hex" <<'PY'
import json
import sys

header = json.load(open(sys.argv[1], encoding="utf-8"))
disk = open(sys.argv[2], "rb")
for slot in header["keyslots"].values():
    print(slot["kdf"]["salt"].encode().hex())
    disk.seek(int(sys.argv[3]) + int(slot["area"]["offset"]))
    print(disk.read(64).hex())
for digest in header["digests"].values():
    print(digest["salt"].encode().hex())
PY
equal "salts and keyslots are in the header" "$(raw_search <"$vm_home/header.hex" | cut -d ' ' -f 2 | sort -u)" \
	"$(sort -u "$vm_home/header.hex")"
equal "and nowhere else" "$(raw_search "$root_start" $((root_start + (16 << 20))) <"$vm_home/header.hex")" ""
{ cat "$vm_home/marker.hex"; echo; head -n 2 "$vm_home/header.hex"; } >"$vm_home/planted.hex"
python3 - "$vm_home/planted.hex" "$vm_home/raw" $((root_start + (20 << 20) + 77)) <<'PY'
import sys

planted = b"".join(bytes.fromhex(line) for line in open(sys.argv[1], encoding="ascii"))
with open(sys.argv[2], "r+b") as disk:
    disk.seek(int(sys.argv[3]))
    disk.write(planted)
PY
equal "the search finds what is planted in the clear" \
	"$(raw_search "$root_start" $((root_start + (16 << 20))) <"$vm_home/planted.hex" | wc -l)" 3
tests_done
