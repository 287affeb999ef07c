# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: cipher
# purpose: a processor without AES instructions: ciphers are measured; the other one is rehearsed and used, over a power cut
# limit: 3000

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

guest() { vm_sh convert "$@"; }
bootstrap=/usr/lib/panocrypt/panocrypt-bootstrap
fallback=xchacha20,aes-adiantum-plain64
status() { guest "$bootstrap status --json" 60 2>/dev/null | json "$1" 2>/dev/null || echo; }
encrypts() { local now; [ "$(status "v['phase']")" = encrypt ] && now=$(status "v.get('progress', {}).get('done_bytes', 0)") && [ "$now" -gt 67108864 ]; }
segments() { guest 'cryptsetup luksDump --dump-json-metadata "$(lsblk -nrspo NAME,TYPE "$(findmnt -no SOURCE /)" | awk "\$2 == \"part\" { print \$1; exit }")"' 60 |
	json "sorted({s.get('encryption') or s['type'] for s in v['segments'].values()})"; }

vm_machine=("${vm_machine[@]/Haswell-noTSX,/Haswell-noTSX,-aes,}")
convert_server "$vm_home/server"
key=$(ctl enrollment-key create --tag env=test --max-uses 1 --expires-in 1h --json | json "v['key']") || die "no enrollment key"
convert_user_data "$key" "$vm_home/user-data"
# Which one is faster when both are emulated is a matter of luck: here it is told; which one is taken, from what
# was measured, is for tests/unit/test_cipher.c.
sed -i "s/PANOCRYPT_ENROLLMENT_KEY=/PANOCRYPT_CIPHER=$fallback &/" "$vm_home/user-data"
vm_create convert
vm_seed convert "$vm_home/user-data"
convert_start=$SECONDS
vm_start convert

# --- in the middle of it
wait_for 2400 encrypts || vm_fail convert "nothing is encrypted: $(device_progress)"
check "no AES instructions" guest '! grep -qw aes /proc/cpuinfo'
equal "what was intended" "$(guest 'cat /boot/panocrypt/intent.json' | json "v['body']['cipher']")" "$fallback"
check "both were measured" grep -aqE "Measured: aes-xts-plain64 [0-9.]+ [KMG]iB/s, $fallback [0-9.]+ [KMG]iB/s" \
	"$vm_home/convert/serial.log"
# shellcheck disable=SC2178
in_use=$(segments)
case $in_use in *"$fallback"*) ok "the data is under it" ;; *) not_ok "the data is under it: $in_use" ;; esac
before=$(vm_boot_id convert)
vm_cut convert
vm_start convert
vm_boot_after convert "$before" 900
vm_ready convert 300
ok "it boots from the middle"

# --- and to the end
convert_watch convert 2100
vm_ready convert 300
ok "converted in $((SECONDS - convert_start)) s"
equal "all of it" "$(segments)" "['$fallback']"
equal "the kernel uses it" "$(guest 'dmsetup table cryptroot | cut -d" " -f4')" "$fallback"
equal "the server was told" "$(evidence cipher)" "$fallback"
convert_files_same convert
vm_reboot_wait convert 600
vm_ready convert 300
equal "and it unlocks by itself" "$(guest 'findmnt -no SOURCE /')" /dev/mapper/cryptroot
tests_done
