#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What becomes of old plaintext: a disk full of a marker is encrypted by used space and wiped in each way, stopped,
# and cut; then encrypted in full. The search for the marker is shown to find one in the clear.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
# shellcheck source=tests/native/build.sh
. tests/native/build.sh
requires mke2fs resize2fs e2fsck

native_build
convert=$PWD/$native_convert
shift_bytes=$((16 << 20))
payload=$((48 << 20))
room=$((256 << 20))
marker='an old secret'
# In memory where there is room: the disk is written many times.
work=$(mktemp -d -p "$([ "$(df --output=avail -B1M /dev/shm 2>/dev/null | tail -n 1)" -gt 1500 ] 2>/dev/null && echo /dev/shm || echo /tmp)")
cleanup_fn rm -rf "$work"

# make_device NAME BYTES: a filesystem of that size, in it a file; the marker all around it and in its free space.
make_device() {
	local image=$work/$1.device
	rm -rf "$work/files"
	mkdir "$work/files"
	head -c 3000001 /dev/urandom >"$work/files/kept"
	yes "$marker" | head -c "$room" >"$image"
	# -E discard off: the marker must stay in the blocks that the filesystem doesn't use
	mke2fs -q -F -t ext4 -b 4096 -E nodiscard,lazy_itable_init=0 -d "$work/files" "$image" || die "mke2fs"
	e2fsck -fp "$image" >/dev/null || die "e2fsck"
	resize2fs "$image" $(($2 >> 10))K >/dev/null 2>&1 || die "resize2fs"
	[ "$(stat -c %s "$image")" = "$room" ] || truncate -s "$room" "$image"
	# resize2fs may have cut the file: what lay behind it is old plaintext again
	yes "$marker" | head -c $((room - $2)) | dd of="$image" bs=1M seek=$(($2 >> 20)) conv=notrunc iflag=fullblock status=none
	mkdir "$work/$1"
	"$convert" header "$work/$1" "$image" || die "no header"
	"$convert" place "$work/$1" "$image" "$2" || die "place"
	[ "$("$convert" run "$image")" = finished ] || die "run"
	head -c "$2" "$image" >/dev/null
}

fresh() { cp "$work/$1.device" "$work/device"; }
wipe() { "$convert" wipe "$work/device" "${bytes:-$payload}" "$@"; }
look_says() { "$convert" look "$work/device" | grep -qw -- "$1"; }
markers() { grep -aoF "$marker" "$work/device" | wc -l; }
holds_the_file() {
	"$convert" decrypt "$work/device" "${bytes:-$payload}" "$work/out" && e2fsck -fn "$work/out" >/dev/null 2>&1 &&
		debugfs -R "dump kept $work/kept" "$work/out" 2>/dev/null && cmp -s "$work/kept" "$work/files/kept"
}
# Bytes behind the filesystem that are not zero.
tail_bytes() { tail -c $((room - shift_bytes - ${bytes:-$payload})) "$work/device" | tr -d '\0' | wc -c; }
finishes() { wipe zero && look_says unwiped=0 && [ "$(tail_bytes)" = 0 ] && holds_the_file; }

# --- by used space --------------------------------------------------------------------------------

make_device used "$payload"
fresh used
check "before the wipe the marker is found" [ "$(markers)" -gt 1000000 ]
check "and the header says unwiped" look_says unwiped=1
check "zero" wipe zero
equal "no marker is left" "$(markers)" 0
equal "behind the filesystem there is nothing" "$(tail_bytes)" 0
check "the header says it" look_says unwiped=0
check "the filesystem is whole" holds_the_file
printf %s "$marker" | dd of="$work/device" bs=1 seek=$((room - 5000)) conv=notrunc status=none
equal "one planted in the clear is found" "$(markers)" 1

fresh used
check "random" wipe random
equal "no marker is left" "$(markers)" 0
check "nearly no byte is zero" [ "$(tail_bytes)" -gt $(((room - shift_bytes - payload) * 99 / 100)) ]
check "the filesystem is whole" holds_the_file

fresh used
check "discard" wipe discard
equal "a file forgets: no marker" "$(markers)" 0
check "the filesystem is whole" holds_the_file

fresh used
check "keep" wipe keep
check "the markers are still there" [ "$(markers)" -gt 1000000 ]
check "the header says that this is wanted" look_says unwiped=0

# --- stopped and cut ------------------------------------------------------------------------------

fresh used
equal "stopped behind a step" "$(wipe zero 1)" stopped
check "the header still says unwiped" look_says unwiped=1
check "a part is still there" [ "$(markers)" -gt 1000000 ]
check "the next run ends it" finishes

cuts=0
for ((n = 1; ; n++)); do
	fresh used
	CUT_AT_FLUSH=$n wipe zero 2 >/dev/null 2>&1
	status=$?
	[ $status = 42 ] || break
	cuts=$((cuts + 1))
	check "cut before flush $n: the next run ends it" finishes
done
equal "without a cut it ends well" "$status" 0
check "there were flushes to cut at" [ "$cuts" -ge 3 ]

# --- everything -----------------------------------------------------------------------------------

bytes=$((room - 2 * shift_bytes))
rm "$work/used.device"
make_device full "$bytes"
fresh full
check "coverage full: no marker in the filesystem's own free space, before any wipe" \
	[ "$(head -c $((shift_bytes + bytes)) "$work/device" | grep -aoF "$marker" | wc -l)" = 0 ]
check "what is left to wipe is one shift" wipe zero
equal "no marker is left" "$(markers)" 0
check "the filesystem is whole" holds_the_file

tests_done
