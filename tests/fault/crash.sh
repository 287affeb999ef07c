#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The machines that a power cut can leave of the conversion's steps: what the product's own code
# writes and flushes is recorded, each state is rebuilt, the boot step (for `wipe` and the boot
# loader the next run) repairs it, and the filesystem must be the same. Then calls and the disk fail instead, at each
# place once. Then the states with one seeded bug each, which must be seen. A state
# that is lost is printed with what reproduces it. CRASH_STATES: how many different ones at least
# (fewer fail); CRASH_SEED: others.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
# shellcheck source=tests/fault/build.sh
. tests/fault/build.sh
# shellcheck source=tests/fault/journal.sh
. tests/fault/journal.sh
requires mke2fs resize2fs e2fsck debugfs sfdisk cryptsetup grub-fstest patch

payload=$((6 << 20)) # of `place` and `encrypt`; `shrink` chooses its own
shift_bytes=$((1 << 20))
rotating_shift_bytes=$((4 << 20))
room=$((payload + 2 * shift_bytes + (256 << 10)))
uncut=$((24 << 20))
boot_bytes=$((4 << 20))
seed=${CRASH_SEED:-1}
least=${CRASH_STATES:-5000}
states=0
fault_build_program
crash=$PWD/$fault_build/crash
work=$(mktemp -d -p /dev/shm)
cleanup_fn rm -rf "$work"

# --- machines -------------------------------------------------------------------------------------

make_files() {
	local i
	mkdir -p "$work/files/empty"
	for i in 1 2 3 4; do
		head -c $((i * 50001)) /dev/urandom >"$work/files/$i"
	done
	ln -s 1 "$work/files/link"
}

# make_filesystem DEVICE BYTES GROUP: with the files, and so many blocks in a group: small ones, so that a cut
# changes many.
make_filesystem() {
	truncate -s "$2" "$1"
	mke2fs -q -F -t ext4 -b 4096 -g "$3" -N 96 -J size=4 -U 11111111-2222-4333-8444-555555555555 \
		-d "$work/files" "$1" || die "mke2fs"
	e2fsck -fp "$1" >/dev/null || die "e2fsck"
}

# FOLDER [SHIFT]: a shrunk filesystem, the prepared header, the intent.
make_shrunk() {
	local shift=${2:-$shift_bytes}
	local bytes=$((payload + 2 * shift + (256 << 10)))
	mkdir -p "$1"
	make_filesystem "$1/device" "$bytes" 8192
	resize2fs "$1/device" $((payload >> 10))K >/dev/null 2>&1 || die "resize2fs"
	truncate -s "$bytes" "$1/device"
	head -c "$payload" "$1/device" >"$1/filesystem"
	"$crash" setup "$1" "$payload" 0 "$shift" || die "no header"
}

# FOLDER: not shrunk yet; the files lie behind a gap, and are moved.
make_unshrunk() {
	mkdir -p "$1"
	head -c $((10 << 20)) /dev/urandom >"$work/files/0"
	make_filesystem "$1/device" "$uncut" 1024
	rm "$work/files/0"
	debugfs -w -R "rm 0" "$1/device" 2>/dev/null
	e2fsck -fp "$1/device" >/dev/null || die "e2fsck"
	"$crash" setup "$1" 0 0 || die "no header"
}

# FOLDER: a disk whose only partition is the root, and no partition for /boot yet.
make_uncarved() {
	mkdir -p "$1"
	make_filesystem "$1/device" "$uncut" 1024
	truncate -s $((uncut + (2 << 20))) "$1/disk"
	printf 'label: gpt\nstart=2048, size=%s, uuid=bbbbbbbb-cccc-4ddd-8eee-ffffffffffff\n' $((uncut / 512)) |
		sfdisk -q "$1/disk" || die "sfdisk"
	"$crash" setup "$1" 0 "$boot_bytes" || die "no header"
}

# FOLDER: encrypted to its end, and behind that old plaintext.
make_encrypted() {
	cp -r "$work/placed" "$1"
	"$crash" encrypt "$1" || die "no encryption"
	head -c $((room - payload - shift_bytes)) /dev/urandom |
		dd of="$1/device" bs=64K seek=$(((payload + shift_bytes) >> 16)) conv=notrunc status=none
}

# FOLDER PROGRAM: the same, about to get another volume key. Four slots need a larger header.
make_rotating() {
	make_shrunk "$1" "$rotating_shift_bytes"
	: >"$1/boot"
	"$crash" boot place "$1" && "$crash" encrypt "$1" && "$2" rotate "$1" || die "no second key"
}

# FOLDER SCENARIO FROM OFFSET: the power went while the chunk at this offset was written.
make_hot() {
	local cut
	cut=$("$crash" show "$2" "$3" 1 1 | sed -n "s/^\([0-9]*\) write device $4+.*/\1/p" | head -n 1)
	cp -r "$3" "$1"
	"$crash" cut "$2" "$1" 1 1 $((cut + 1)) || die "no cut chunk"
}

# FOLDER: the same, but the filesystem is larger than the intent says.
make_grown() {
	cp -r "$work/encrypted" "$1"
	rm -r "$1/run"
	"$crash" setup "$1" $((payload - shift_bytes)) 0 || die "no header"
}

# FOLDER: the kernel refuses to mount it, for the last commit of its journal is torn. Of small blocks, so that e2fsck knows
# where the second superblock is.
make_torn() {
	mkdir -p "$1/files"
	cp -a "$work/files/." "$1/files"
	truncate -s "$uncut" "$1/before"
	mke2fs -q -F -t ext4 -b 1024 -N 96 -J size=1 -U 11111111-2222-4333-8444-555555555555 -d "$work/files" "$1/before" || die "mke2fs"
	journal_tear "$1" || die "no torn commit"
}

# FOLDER: of its superblock, too: one sector is new, the other old.
make_torn_superblock() {
	cp -r "$work/torn" "$1"
	dd if="$1/after" of="$1/device" bs=512 skip=2 seek=2 count=1 conv=notrunc status=none
	! dumpe2fs -h "$1/device" >/dev/null 2>&1 || die "the superblock isn't torn"
}

# FOLDER: a disk whose GRUB is the old one.
make_grub() {
	mkdir -p "$1"
	truncate -s 2M "$1/disk"
	printf '%s\n' 'label: gpt' 'first-lba: 64' 'start=64, size=600, type=21686148-6449-6E6F-744E-656564454649' |
		sfdisk -q "$1/disk" || die "sfdisk"
	"$crash" setup-grub "$1" || die "no GRUB"
}

# holds_the_files DEVICE: a sound filesystem, smaller than it was, and each file as it was.
holds_the_files() {
	rm -rf "$work/out"
	mkdir "$work/out"
	e2fsck -fn "$1" >/dev/null 2>&1 &&
		[ "$(dumpe2fs -h "$1" 2>/dev/null | sed -n 's/^Block count: *//p')" -lt $((uncut >> 12)) ] &&
		debugfs -R "rdump / $work/out" "$1" >/dev/null 2>&1 &&
		diff -r --no-dereference -x lost+found "$work/files" "$work/out"
}

# ends_well SCENARIO FOLDER: an uncut boot does what it should; the cut ones are compared with it.
ends_well() {
	cp -r "$2" "$2.uncut"
	: >"$2.uncut/boot"
	"$crash" boot "$1" "$2.uncut" && holds_the_files "$2.uncut/device"
}

# --- states ---------------------------------------------------------------------------------------

# survives NAME COMMAND…: no state may be lost; the counts are shown.
survives() {
	local name=$1 said count
	shift
	if said=$("$@"); then
		ok "$name"
	else
		not_ok "$name"
	fi
	printf '%s\n' "$said" | sed 's/^/#   /'
	count=$(sed -n 's/.* events, \([0-9]*\) states.*/\1/p' <<<"$said")
	states=$((states + ${count:-0}))
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
	lost_at=$(sed -n '1s/^lost: .* cut=\([0-9]*\) .*/\1/p' <<<"$said")
}

make_files
make_uncarved "$work/uncarved"
make_unshrunk "$work/unshrunk"
make_shrunk "$work/shrunk"
cp -r "$work/shrunk" "$work/placed"
: >"$work/placed/boot"
check "a boot carves" ends_well carve "$work/uncarved"
check "a boot shrinks" ends_well shrink "$work/unshrunk"
check "a boot places the header and opens" "$crash" boot place "$work/placed"
check "what is in a journal alone isn't there for GRUB" journal_hides "$work/journal"
make_encrypted "$work/encrypted"
make_grown "$work/grown"
make_rotating "$work/rotating" "$crash"
make_hot "$work/hot" encrypt "$work/placed" $((3 * shift_bytes))
make_hot "$work/hot-last" encrypt "$work/placed" "$shift_bytes"
make_hot "$work/hot-rotating" rotate "$work/rotating" "$rotating_shift_bytes"
make_hot "$work/hot-rotating-last" rotate "$work/rotating" $((payload + 2 * rotating_shift_bytes))
make_torn "$work/torn"
make_torn_superblock "$work/torn-superblock"
make_grub "$work/grub"

# Name, machine, percent of all states.
while read -r name machine percent; do
	survives "$name ($machine)" "$crash" enumerate "$name" "$work/$machine" $((least * percent / 100)) "$seed"
done <<-'EOF'
	carve uncarved 18
	shrink unshrunk 30
	grub grub 2
	mend torn 3
	mend torn-superblock 3
	place shrunk 20
	encrypt placed 16
	rotate rotating 6
	finish hot 2
	finish hot-last 2
	finish hot-rotating 2
	finish hot-rotating-last 2
	wipe encrypted 2
	wipe-grown grown 1
EOF
check "at least $least different states ($states)" [ "$states" -ge "$least" ]
survives "place on a disk that forgets a write" "$crash" forgetful place "$work/shrunk" 1 "$seed"

# --- what fails instead of being cut --------------------------------------------------------------

# Each call of the boot step's files, with and without a reason; each reading, writing and flushing of disk and state
# folder, once or from there on; under carve and shrink, where programs read, a part of them.
fault_build_failing || die "the program whose calls fail doesn't build"
while read -r name machine how; do
	survives "$name, each failure of: $how" "$fault_build/crash-failing" failing "$name" "$work/$machine" "$how"
done <<-'EOF'
	carve uncarved calls
	carve uncarved memory
	carve uncarved disk
	carve uncarved disk-dead
	shrink unshrunk calls
	shrink unshrunk memory
	shrink unshrunk disk
	shrink unshrunk disk-dead
	place shrunk calls
	place shrunk memory
	place shrunk disk
	place shrunk disk-dead
	encrypt placed disk
	encrypt placed disk-dead
	wipe encrypted disk
	wipe encrypted disk-dead
EOF

# --- seeded bugs ----------------------------------------------------------------------------------

while read -r bug name machine; do
	fault_build_bug "$bug" || die "$bug doesn't build"
	sees "$bug" "$fault_build/crash-$bug" enumerate "$name" "$work/$machine" 600 "$seed"
done <<-'EOF'
	primary-first place shrunk
	no-flush-before-header place shrunk
	marker-after-chunk place shrunk
	no-zeroing place shrunk
	table-at-once carve uncarved
	no-freeze grub grub
	no-replay mend torn
	wipe-from-stored wipe-grown grown
EOF
fault_build_bug marker-before-compare || die "marker-before-compare doesn't build"
sees marker-before-compare "$fault_build/crash-marker-before-compare" \
	forgetful place "$work/shrunk" 1 "$seed"
fault_build_bug checksums || die "checksums doesn't build"
make_rotating "$work/rotating-checksums" "$fault_build/crash-checksums"
sees checksums "$crash" enumerate rotate "$work/rotating-checksums" 600 "$seed"
sees "unpatched recovery" "$crash" enumerate finish-unpatched "$work/hot-last" 100 "$seed"
# The distribution's library finishes all but what was cut behind the last chunk's write. One job: it has one lock for
# the UUID.
sees "unpatched library" env CRASH_JOBS=1 "$crash" enumerate encrypt-unpatched "$work/placed" 100 "$seed"
last=$("$crash" show encrypt "$work/placed" 1 "$seed" |
	sed -n "s/^\([0-9]*\) write device $shift_bytes+$shift_bytes .*/\1/p" | tail -n 1)
check "behind the last chunk (cut $lost_at, chunk $last)" [ "$lost_at" -gt "$last" ]

tests_done
