# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by crash.sh: what GRUB sees of an ext4 whose newest changes are in its journal alone, as they are after a flush
# and before a freeze. The states of the scenario "grub" rest on it.

# journal_make FOLDER: images "before", "after" (with a file "new.mod" more), and "flushed": as "after", but of what
# differs only the file's content is in its place, the rest in the journal.
journal_make() {
	local before=$1/before after=$1/after flushed=$1/flushed data n names=()
	mkdir -p "$1/boot"
	yes module | head -c 20000 >"$1/boot/normal.mod"
	truncate -s 16M "$before"
	mke2fs -q -F -t ext4 -b 4096 -J size=4 -d "$1/boot" "$before" || return 1
	cp "$before" "$after"
	debugfs -w -R "write $1/boot/normal.mod new.mod" "$after" 2>/dev/null
	cp "$before" "$flushed"
	data=" $(debugfs -R 'blocks new.mod' "$after" 2>/dev/null) "
	for n in $(cmp -l "$before" "$after" | awk '{ print int(($1 - 1) / 4096) }' | sort -nu); do
		case $data in
		*" $n "*) dd if="$after" of="$flushed" bs=4096 skip="$n" seek="$n" count=1 conv=notrunc status=none ;;
		*)
			names+=("$n")
			dd if="$after" bs=4096 skip="$n" count=1 status=none >>"$1/blocks"
			;;
		esac
	done
	printf 'jo\njw -b %s %s\njc\n' "$(IFS=,; echo "${names[*]}")" "$1/blocks" |
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
