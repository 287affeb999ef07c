#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A real ext4 on a file becomes LUKS2 by the code of bootstrap/, from the header to the wiped tail.
# Then the same with the power cut at every named point of `place` and before every flush: finished
# again, each must give the same payload, byte for byte. Needs no root and no device-mapper.
# (A killed process leaves what it wrote: writes lost from a volatile cache are for later tests.)
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
# shellcheck source=tests/native/build.sh
. tests/native/build.sh
# shellcheck source=tests/native/lib.sh
. tests/native/lib.sh
requires mke2fs resize2fs e2fsck cryptsetup

native_build
convert=$PWD/$native_convert
payload=$((48 << 20))
room=$((96 << 20))
passphrase='correct horse battery staple'
work=$(mktemp -d)
cleanup_fn rm -rf "$work"
printf %s "$passphrase" >"$work/key"

# A filesystem with files, an empty folder and a link, shrunk; behind it, something that looks like
# old plaintext.
make_device() {
	local i
	mkdir -p "$work/files/empty"
	for i in 1 2 3 4 5 6 7 8; do
		head -c $((i * 700001)) /dev/urandom >"$work/files/$i"
	done
	ln -s 1 "$work/files/link"
	truncate -s "$room" "$work/pristine.device"
	mke2fs -q -F -t ext4 -b 4096 -d "$work/files" "$work/pristine.device" || die "mke2fs"
	e2fsck -fp "$work/pristine.device" >/dev/null || die "e2fsck"
	resize2fs "$work/pristine.device" $((payload >> 10))K >/dev/null 2>&1 || die "resize2fs"
	truncate -s "$room" "$work/pristine.device"
	yes 'an old secret' | dd of="$work/pristine.device" bs=1M seek=$((payload >> 20)) count=48 \
		iflag=fullblock conv=notrunc status=none
	mkdir "$work/pristine"
	"$convert" header "$work/pristine" "$work/pristine.device" || die "no header"
}

# A new copy of device and state; "fresh placed": as they stand after place.
fresh() {
	local from=${1:-pristine}
	rm -rf "$work/state"
	cp -r "$work/$from" "$work/state"
	cp --sparse=always "$work/$from.device" "$work/device"
}

keep_placed() {
	cp -r "$work/state" "$work/placed"
	cp --sparse=always "$work/device" "$work/placed.device"
}

place() {
	"$convert" place "$work/state" "$work/device" "$payload" "$@"
}

run_to_end() {
	[ "$("$convert" run "$work/device")" = finished ]
}

payload_is_same() {
	"$convert" decrypt "$work/device" "$payload" /dev/stdout |
		cmp -s -n "$payload" - "$work/pristine.device"
}

fsck_is_clean() {
	"$convert" decrypt "$work/device" "$payload" "$work/out" && e2fsck -fn "$work/out"
}

# place and run, as often as it takes after a cut; the result is judged.
finishes() {
	place && run_to_end && payload_is_same
}

stock_opens() {
	printf %s "$passphrase" | cryptsetup open --test-passphrase --key-file - "$work/device"
}

stock_says_luks() {
	cryptsetup isLuks --type luks2 "$work/device"
}

is_zero_behind_payload() {
	[ "$(tail -c $((room - payload - (16 << 20))) "$work/device" | tr -d '\0' | wc -c)" = 0 ]
}

# --- without a cut --------------------------------------------------------------------------------

make_device
fresh
check "place" place
keep_placed
check "one chunk is encrypted, not more" look_says encrypted=$((16 << 20))
check "place once more changes nothing" place
check "still one chunk" look_says encrypted=$((16 << 20))
check "the distribution's cryptsetup opens a volume in conversion" stock_opens
equal "a run stops between chunks when told to" "$("$convert" run "$work/device" 1)" stopped
check "the run ends" run_to_end
check "no flag is left" look_says reencrypting=0
check "both slots are there" look_says slots=2
check "the payload is the same" payload_is_same
check "e2fsck finds nothing" fsck_is_clean
check "the distribution's cryptsetup opens it" stock_opens
check "a run of a finished volume is nothing" run_to_end
check "the header says unwiped" look_says unwiped=1
check "wipe" "$convert" wipe "$work/device" "$payload"
check "the tail is zero" is_zero_behind_payload
check "the header says it" look_says unwiped=0
check "the payload is the same after it" payload_is_same
check "the recovery passphrase comes out" "$convert" recovery "$work/device" "$work/recovery"
equal "it is the one that went in" "$(cat "$work/recovery")" "$passphrase"
equal "for root alone" "$(stat -c %a "$work/recovery")" 600
check "only the Clevis token is left" look_says tokens=1

# --- refusals -------------------------------------------------------------------------------------

refuses() {
	! "$@" 2>"$work/said" && [ -s "$work/said" ]
}

fresh
check "a device too small for payload and twice the shift is refused" \
	refuses "$convert" place "$work/state" "$work/device" $((room - (31 << 20)))
check "and left alone" cmp "$work/device" "$work/pristine.device"
place superblock-zeroed
rm "$work/state/header.post"
check "a head that is parked already is not parked again" refuses place
fresh
place post-durable
printf x | dd of="$work/device" bs=1 seek=5000 conv=notrunc status=none
rm -f "$work/state/header.work"
cp "$work/state/header.img" "$work/state/header.post"
check "a header.post that isn't one is not written" refuses place
check "nothing of it" cmp -n 4096 "$work/device" "$work/pristine.device"

# --- other hands in mid-conversion ----------------------------------------------------------------

printf %s 'another passphrase' >"$work/another"
fresh placed
cp --sparse=always "$work/device" "$work/before"
check "the distribution's cryptsetup refuses a new key in mid-conversion" \
	refuses cryptsetup luksAddKey --batch-mode --pbkdf pbkdf2 --key-file "$work/key" "$work/device" "$work/another"
check "  and changes nothing" cmp "$work/device" "$work/before"
check "it takes the recovery slot away when it is told to" \
	cryptsetup luksKillSlot --batch-mode "$work/device" 0
check "  the run goes on to its end with Clevis's" run_to_end
check "  the payload is the same" payload_is_same
equal "  which is the only slot" "$("$convert" look "$work/device" | grep -o 'slots=[0-9]*')" slots=1
fresh placed
truncate -s +8M "$work/device"
check "a partition that has grown in mid-conversion: the run goes on" run_to_end
check "  the payload is the same" payload_is_same
fresh placed
truncate -s +8M "$work/device"
check "  and so does the boot step, which finds the marker" finishes

# --- in memory from here on, if there is room: a flush costs nothing there, and many follow --------

if [ "$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1)" -gt 600 ] 2>/dev/null; then
	memory=$(mktemp -d -p /dev/shm)
	cleanup_fn rm -rf "$memory"
	mv "$work"/pristine* "$work"/placed* "$memory"
	work=$memory
fi

# --- cut at every point ---------------------------------------------------------------------------

for point in $("$convert" points); do
	fresh
	place "$point"
	equal "cut at $point" $? 42
	case $point in
	work-copied | head-parked | park-flushed | post-durable)
		check "  the filesystem is untouched" \
			cmp -n "$payload" "$work/device" "$work/pristine.device"
		;;
	superblock-zeroed | copy-zeroed | slots-written | secondary-text-written)
		equal "  nothing recognises it" "$(blkid -p -o value -s TYPE "$work/device")" ""
		;;
	*)
		check "  it is LUKS2, and its slots are whole" stock_says_luks
		check "  the distribution's cryptsetup opens it" stock_opens
		;;
	esac
	check "  finished again: the same payload" finishes
done

fresh placed
"$convert" run "$work/device" cut-at-end
equal "cut after the last chunk, before the teardown" $? 42
check "  nothing is left to encrypt, and the flag is set" look_says reencrypting=1
check "  finished again: the same payload" finishes
check "  the flag is gone" look_says reencrypting=0

# --- cut before every flush -----------------------------------------------------------------------

# The two halves are cut each by its own count; a half that ends without a cut has no more flushes.
cuts=0
lost=0
for ((n = 1; ; n++)); do
	fresh
	CUT_AT_FLUSH=$n place 2>"$work/said"
	status=$?
	[ $status = 42 ] || break
	cuts=$((cuts + 1))
	finishes >"$work/said" 2>&1 || { lost=$((lost + 1)); not_ok "place, cut before flush $n"; }
done
equal "place without a cut ends well" "$status" 0
for ((n = 1; ; n++)); do
	fresh placed
	CUT_AT_FLUSH=$n "$convert" run "$work/device" >"$work/said" 2>&1
	status=$?
	[ $status = 42 ] || break
	cuts=$((cuts + 1))
	finishes >"$work/said" 2>&1 || { lost=$((lost + 1)); not_ok "run, cut before flush $n"; }
done
equal "run without a cut ends well" "$status" 0
equal "cut before each of $cuts flushes: none lost" "$lost" 0
check "there were flushes to cut at" [ "$cuts" -gt 25 ]

# --- the last chunk is cut, and again what finishes it ----------------------------------------------

# Made of the parked head, which is overwritten when all is done: not before the header says so.
ends() { run_to_end && payload_is_same; }
fresh placed
check "a run stops before the last chunk" [ "$("$convert" run "$work/device" 2)" = stopped ]
cp --sparse=always "$work/device" "$work/nearly"
check "the last chunk is cut" cut_chunks "$work/nearly" $((16 << 20)) $((16 << 20)) "$convert" run
cut_again stock_opens ends
equal "cut again before each of $cuts flushes of the boot step: none lost" "$lost" 0
check "there were flushes to cut at" [ "$cuts" -gt 20 ]

tests_done
