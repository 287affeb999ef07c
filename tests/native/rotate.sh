#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A converted volume on a file changes to its next volume key: by the code of bootstrap/, with the power cut before every
# flush. At each cut the distribution's Clevis and cryptsetup must open it, by both passphrases and with both keys where
# both are in use; finished again, with or without the distribution's own recovery before, every byte must be the same.
# (A killed process leaves what it wrote: nothing is lost here from a volatile cache.)
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
# shellcheck source=tests/native/build.sh
. tests/native/build.sh
# shellcheck source=tests/native/lib.sh
. tests/native/lib.sh
requires clevis cryptsetup mke2fs resize2fs strace

native_build
convert=$PWD/$native_convert
payload=$((24 << 20))
room=$((68 << 20)) # chunks of 8 MiB, and one of 4
data=$((room - (16 << 20))) # all that is behind the header
passphrase='correct horse battery staple'
work=$(mktemp -d)
cleanup_fn rm -rf "$work"
if [ "$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1)" -gt 600 ] 2>/dev/null; then
	rmdir "$work" # a flush costs nothing there, and many follow
	work=$(mktemp -d -p /dev/shm)
	cleanup_fn rm -rf "$work"
fi
printf %s "$passphrase" >"$work/recovery"

# --- a converted volume with a real binding -------------------------------------------------------

tang_start
mkdir "$work/state"

truncate -s "$room" "$work/device"
mke2fs -q -F -t ext4 -b 4096 "$work/device" || die "mke2fs"
resize2fs "$work/device" $((payload >> 10))K >/dev/null 2>&1 || die "resize2fs"
truncate -s "$room" "$work/device"
yes 'something of the filesystem' | dd of="$work/device" bs=1M seek=20 count=4 iflag=fullblock conv=notrunc status=none
NEXT_KEY=1 "$convert" header "$work/state" "$work/device" "$url" "$work/adv" || die "no header"
"$convert" place "$work/state" "$work/device" "$payload" || die "place"

# What clevis-initramfs does: each used slot's token, until one gives a passphrase.
clevis_opens() {
	# shellcheck disable=SC1091
	(. clevis-luks-common-functions && clevis_luks_unlock_device "$work/device") >"$work/clevis" &&
		[ -s "$work/clevis" ] && stock_opens "$work/clevis"
}
stock_opens() { cryptsetup open --test-passphrase --key-file "$1" "$work/device"; }
everything() { "$convert" decrypt "$work/device" "$data" /dev/stdout; }
is_the_same() { everything | cmp -s - "$work/before"; }
keys_of() { cryptsetup luksDump "$1" | awk '/^Digests:/ { on = 1 } on && /Salt:/ { print $2 $3 $4 $5 }' | sort; }

check "with a second key in the header, Clevis opens a volume in its first conversion" clevis_opens
check "  the recovery passphrase does" stock_opens "$work/recovery"
check "  and it is converted to the end" [ "$("$convert" run "$work/device")" = finished ]
check "Clevis opens the converted volume" clevis_opens
everything >"$work/before"
cp --sparse=always "$work/device" "$work/converted"
fresh() { cp --sparse=always "$work/converted" "$work/device"; }
equal "before, there are slots of two keys" "$("$convert" look "$work/device" | grep -o 'slots=[0-9]*')" slots=4
old_key=$(cryptsetup luksDump --dump-volume-key --batch-mode --key-file "$work/recovery" "$work/device" | sed -n '/MK dump/,$p')

# --- without a cut --------------------------------------------------------------------------------

is_over() {
	look_says key=1 && look_says rotating=0 && look_says slots=2 &&
		[ "$(cryptsetup luksDump "$work/device" | grep -c ': clevis$')" = 1 ] && clevis_opens && stock_opens "$work/recovery"
}
equal "it stops between chunks when told to" "$("$convert" rotate "$work/device" 1)" stopped
check "under both keys: Clevis opens it" clevis_opens
check "  the recovery passphrase does" stock_opens "$work/recovery"
check "  the header says so" look_says rotating=1
equal "it goes on to the end" "$("$convert" rotate "$work/device")" finished
check "under the new key: two slots, one token, which open" is_over
check "every byte is the same" is_the_same
check "the ciphertext is another" [ "$(cmp -s -i 16777216 "$work/device" "$work/converted"; echo $?)" = 1 ]
differs_from_old() {
	local now
	now=$(cryptsetup luksDump --dump-volume-key --batch-mode --key-file "$work/recovery" "$work/device" | sed -n '/MK dump/,$p')
	[ -n "$old_key" ] && [ -n "$now" ] && [ "$now" != "$old_key" ]
}
check "the volume key is another" differs_from_old
equal "the old key's digest is gone" "$(keys_of "$work/device")" "$(keys_of "$work/converted" | grep -Fx "$(keys_of "$work/device")")"
equal "which leaves one" "$(keys_of "$work/device" | wc -l)" 1
equal "once more is nothing" "$("$convert" rotate "$work/device")" finished

# --- what it refuses ------------------------------------------------------------------------------

refuses() { ! "$@" 2>"$work/said" && [ -s "$work/said" ]; }
fresh
printf 'a passphrase of somebody' >"$work/another"
cryptsetup luksAddKey --batch-mode --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --key-file "$work/recovery" "$work/device" \
	"$work/another" || die "luksAddKey"
check "a slot that somebody has added since would be lost: refused" refuses "$convert" rotate "$work/device"
check "  and it says which" grep -q 'keyslot 4' "$work/said"
fresh
cryptsetup luksKillSlot --batch-mode "$work/device" 3 2>"$work/said" || die "luksKillSlot: $(cat "$work/said")"
check "a slot of the next key is missing: refused" refuses "$convert" rotate "$work/device"
check "  and nothing has begun" look_says rotating=0

# --- cut before every flush -----------------------------------------------------------------------

# As at the next boot: the distribution opens it, which finishes a chunk that was cut.
stock_recovers() { cryptsetup repair --batch-mode --key-file "$work/recovery" "$work/device" >/dev/null 2>&1; }
finishes() { [ "$("$convert" rotate "$work/device")" = finished ] && is_the_same; }

fresh
"$convert" rotate "$work/device" cut-at-end
equal "cut after the last chunk, before the end" $? 42
check "  Clevis opens it" clevis_opens
check "  the flag is set, and all is under the new key" look_says rotating=1
check "  finished again: every byte is the same" finishes
check "  two slots, one token, which open" is_over

# The token that Clevis's scripts take, without asking the server each time; the secret is known by now.
finds_token() {
	# shellcheck disable=SC1091,SC2034
	(. clevis-luks-common-functions
	for slot in $(clevis_luks_used_slots "$work/device"); do
		clevis_luks_read_slot "$work/device" "$slot" 2>/dev/null && exit 0
	done
	exit 1) >"$work/token" && cmp -s "$work/token" "$work/known-token"
}
opens() { finds_token && stock_opens "$work/clevis" && stock_opens "$work/recovery"; }
still_opens() { # asked again only where the header is another than the last time
	local header
	header=$(head -c 2M "$work/device" | sha256sum)
	[ "$header" = "$looked_at" ] || { opens && looked_at=$header; }
}

fresh
check "Clevis's secret and token are known" clevis_opens
# shellcheck disable=SC1091
(. clevis-luks-common-functions && clevis_luks_read_slot "$work/device" 1) >"$work/known-token" || die "no token in slot 1"
cuts=0 lost=0 looked_at=
for ((n = 1; ; n++)); do
	fresh
	CUT_AT_FLUSH=$n "$convert" rotate "$work/device" >"$work/said" 2>&1
	status=$?
	[ $status = 42 ] || break
	cuts=$((cuts + 1))
	cp --sparse=always "$work/device" "$work/cut"
	still_opens || { lost=$((lost + 1)); not_ok "cut before flush $n: it doesn't open"; }
	for way in ours stock; do
		cp --sparse=always "$work/cut" "$work/device"
		[ $way = ours ] || stock_recovers
		if ! finishes >"$work/said" 2>&1 || ! look_says slots=2; then
			lost=$((lost + 1))
			not_ok "cut before flush $n, $way: $(cat "$work/said")"
		fi
	done
done
equal "without a cut it ends well" "$status" 0
equal "cut before each of $cuts flushes: none lost" "$lost" 0
check "there were flushes to cut at" [ "$cuts" -gt 20 ]

# --- the last chunk is cut, and again what finishes it ----------------------------------------------

fresh
check "a run stops before the last chunk" [ "$("$convert" rotate "$work/device" 3)" = stopped ]
cp --sparse=always "$work/device" "$work/nearly"
check "the last chunk is cut" cut_chunks "$work/nearly" $((64 << 20)) $((4 << 20)) "$convert" rotate
looked_at=
cut_again still_opens finishes
equal "cut again before each of $cuts flushes of the boot step: opened by both passphrases, none lost" "$lost" 0
check "there were flushes to cut at" [ "$cuts" -gt 30 ]
fresh
equal "where no chunk was cut it does nothing" "$("$convert" finish-chunk "$work/device")" nothing
check "  not a byte" cmp "$work/device" "$work/converted"

# --- by the worker, watched -----------------------------------------------------------------------

fresh
strace -f -y -o "$work/trace" "$convert" rotate "$work/device" work >"$work/said" 2>&1 || die "strace: $(tail -n 3 "$work/said")"
equal "the worker does it, too" "$(cat "$work/said")" finished
check "every byte is the same" is_the_same
worker=$(sed -n 's/^\([0-9]*\) .*PR_SET_NAME, "panocrypt-step".*/\1/p' "$work/trace")
foreign() {
	awk -v worker="$worker" -v device="$work/device" '
	$1 != worker { next }
	/PR_SET_NAME, "panocrypt-step"/ { on = 1; next }
	on && $2 ~ /^open(at)?\(/ { path = $0; sub(/^[^"]*"/, "", path); sub(/".*/, "", path)
		if (path != device && path !~ /^\/(dev|proc|run|sys)\//) print }' "$work/trace"
}
check "it is a process of its own" [ -n "$worker" ]
equal "and opens nothing but the device and memory from its first step on" "$(foreign | head -n 3)" ""

tests_done
