#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Every machine that a power cut can leave of the conversion's offline steps: what the product's own
# code writes and flushes is recorded, each state is rebuilt, the boot step repairs it, and the
# filesystem must be the same. Then the same with one seeded bug each, which must be seen. A state
# that is lost is printed with what reproduces it. CRASH_STATES, CRASH_SEED: more, others.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
# shellcheck source=tests/fault/build.sh
. tests/fault/build.sh
requires mke2fs resize2fs e2fsck cryptsetup patch

payload=$((20 << 20))
room=$((52 << 20))
seed=${CRASH_SEED:-1}
states=${CRASH_STATES:-600}
fault_build_program
crash=$PWD/$fault_build/crash
work=$(mktemp -d -p /dev/shm)
cleanup_fn rm -rf "$work"

# FOLDER: a shrunk filesystem full of files, the prepared header, the intent.
make_machine() {
	local folder=$1 i
	mkdir -p "$work/files/empty" "$folder"
	for i in 1 2 3 4 5 6; do
		head -c $((i * 500001)) /dev/urandom >"$work/files/$i"
	done
	ln -s 1 "$work/files/link"
	truncate -s "$room" "$folder/device"
	mke2fs -q -F -t ext4 -b 4096 -J size=4 -U 11111111-2222-4333-8444-555555555555 \
		-d "$work/files" "$folder/device" || die "mke2fs"
	e2fsck -fp "$folder/device" >/dev/null || die "e2fsck"
	resize2fs "$folder/device" $((payload >> 10))K >/dev/null 2>&1 || die "resize2fs"
	truncate -s "$room" "$folder/device"
	head -c "$payload" "$folder/device" >"$folder/filesystem"
	"$crash" setup "$folder" "$payload" || die "no header"
}

# survives NAME COMMAND…: no state may be lost; the counts are shown.
survives() {
	local name=$1 said
	shift
	if said=$("$@"); then
		ok "$name"
	else
		not_ok "$name"
	fi
	printf '%s\n' "$said" | sed 's/^/#   /'
}

# sees BUG COMMAND…: at least one state must be lost.
sees() {
	local name=$1 said status
	shift
	said=$(CRASH_FIRST=1 "$@")
	status=$?
	if [ "$status" = 1 ] && grep -q '^lost: ' <<<"$said"; then
		ok "the bug $name is seen"
	else
		not_ok "the bug $name is not seen (status $status)"
	fi
	printf '%s\n' "$said" | sed 's/^/#   /'
}

make_machine "$work/plain"
cp -r "$work/plain" "$work/placed"
: >"$work/placed/boot"
check "a boot places the header and opens" "$crash" boot "$work/placed"

survives "place" "$crash" enumerate place "$work/plain" "$states" "$seed"
survives "place on a disk that forgets a write" "$crash" forgetful place "$work/plain" 1 "$seed"
survives "encrypt, through the last chunk and the teardown" \
	"$crash" enumerate encrypt "$work/placed" "$states" "$seed"

for bug in primary-first no-flush-before-header marker-after-chunk no-zeroing; do
	fault_build_bug $bug || die "$bug doesn't build"
	sees $bug "$fault_build/crash-$bug" enumerate place "$work/plain" 600 "$seed"
done
fault_build_bug marker-before-compare || die "marker-before-compare doesn't build"
sees marker-before-compare "$fault_build/crash-marker-before-compare" \
	forgetful place "$work/plain" 1 "$seed"
# One job: the distribution's library has one lock for the UUID.
sees "unpatched library" env CRASH_JOBS=1 "$crash" enumerate encrypt-unpatched "$work/placed" 100 "$seed"

tests_done
