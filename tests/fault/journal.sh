# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by crash.sh: an ext4 whose newest changes are in its journal alone, as they are after a flush and before a freeze.
# What GRUB sees of it, on which the states of the scenario "grub" rest; and one whose last commit was torn, for the scenario
# "mend".

# journal_split FOLDER NAME BYTES: of the images "before" and "after" makes "flushed", in which the content of the file NAME
# is in its place. What else differs, in blocks of so many bytes, is in the file "blocks"; prints their numbers.
journal_split() {
	local data n size=$3 names=()
	cp "$1/before" "$1/flushed"
	data=" $(debugfs -R "blocks $2" "$1/after" 2>/dev/null) "
	for n in $(cmp -l "$1/before" "$1/after" | awk -v size="$size" '{ print int(($1 - 1) / size) }' | sort -nu); do
		case $data in
		*" $n "*) dd if="$1/after" of="$1/flushed" bs="$size" skip="$n" seek="$n" count=1 conv=notrunc status=none ;;
		*)
			names+=("$n")
			dd if="$1/after" bs="$size" skip="$n" count=1 status=none >>"$1/blocks"
			;;
		esac
	done
	(
		IFS=,
		echo "${names[*]}"
	)
}

# journal_make FOLDER: images "before", "after" (with a file "new.mod" more), and "flushed": as "after", but of what
# differs only the file's content is in its place, the rest in the journal.
journal_make() {
	local before=$1/before after=$1/after flushed=$1/flushed names
	mkdir -p "$1/boot"
	yes module | head -c 20000 >"$1/boot/normal.mod"
	truncate -s 16M "$before"
	mke2fs -q -F -t ext4 -b 4096 -J size=4 -d "$1/boot" "$before" || return 1
	cp "$before" "$after"
	debugfs -w -R "write $1/boot/normal.mod new.mod" "$after" 2>/dev/null
	names=$(journal_split "$1" new.mod 4096)
	printf 'jo\njw -b %s %s\njc\n' "$names" "$1/blocks" |
		debugfs -w -f - "$flushed" >/dev/null 2>&1
	cp "$flushed" "$1/replayed"
	e2fsck -fy "$1/replayed" >/dev/null 2>&1
}

# journal_shows IMAGE FOLDER: does GRUB's own code find the file there?
journal_shows() { grub-fstest "$1" cat /new.mod 2>/dev/null | cmp -s - "$2/boot/normal.mod"; }

# Not before the journal was replayed, which it doesn't do.
journal_hides() {
	journal_make "$1" && dumpe2fs -h "$1/flushed" 2>/dev/null | grep -q needs_recovery &&
		journal_shows "$1/after" "$1" && ! journal_shows "$1/flushed" "$1" && journal_shows "$1/replayed" "$1"
}

# journal_tear FOLDER: of "before", a filesystem of 1 KiB blocks with the files in "files", makes "device": a file "new" is in
# its journal, and a second transaction behind it whose commit block is torn. "files" is what a check must find. Leaves
# "after", too.
journal_tear() {
	local names last at
	cp "$1/before" "$1/after"
	head -c 30000 /dev/urandom >"$1/files/new"
	debugfs -w -R "write $1/files/new new" "$1/after" 2>/dev/null
	debugfs -w -R 'feature needs_recovery' "$1/after" >/dev/null 2>&1 # as the kernel's own copies of the superblock have it
	names=$(journal_split "$1" new 1024)
	yes noise | head -c 2048 >"$1/noise"
	printf 'jo -c -v 3\njw -b %s %s\njw -b 2,3000 %s\njc\n' "$names" "$1/blocks" "$1/noise" |
		debugfs -w -f - "$1/flushed" >/dev/null 2>&1
	last=$(debugfs -R 'logdump -S' "$1/flushed" 2>/dev/null |
		sed -n 's/.*sequence 2, type 2 (commit block) at block \([0-9]*\).*/\1/p')
	at=$(debugfs -R "bmap <8> ${last:-none}" "$1/flushed" 2>/dev/null)
	[ "${at:-0}" -gt 0 ] || return 1
	printf torn | dd of="$1/flushed" bs=1 seek=$((at * 1024 + 500)) conv=notrunc status=none
	mv "$1/flushed" "$1/device"
}
