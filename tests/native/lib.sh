# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # who sources it has $work, a folder, and $convert, the driver
#
# Sourced by the native tests after build.sh: a tang server of their own, and a second cut in what follows a first.

# tang_start: the distribution's tangd on a port of its own. Sets url; its advertisement is $work/adv.
tang_start() {
	PATH=$PATH:/usr/libexec # where Debian keeps tangd
	requires tangd tangd-keygen socat curl
	mkdir "$work/keys"
	tangd-keygen "$work/keys"
	socat -dd TCP-LISTEN:0,bind=127.0.0.1,fork EXEC:"tangd $work/keys" 2>"$work/socat" &
	cleanup_fn end_process $!
	wait_for 10 tang_listens || die "tangd didn't start: $(cat "$work/socat")"
	url=http://127.0.0.1:$tang_port
	curl -sf "$url/adv" -o "$work/adv" || die "no advertisement"
}
tang_listens() {
	tang_port=$(sed -n 's/.*listening on AF=2 127.0.0.1:\([0-9]*\).*/\1/p' "$work/socat")
	[ -n "$tang_port" ]
}

look_says() { "$convert" look "$work/device" | grep -qw -- "$1"; }
has_old_head() { cmp -s -n $((16 << 20)) "$work/device" "$1"; }

# cut_chunks START OFFSET BYTES COMMAND…: cuts COMMAND before its flushes, from a device START that lacks one chunk, the last,
# to be written at OFFSET. Leaves in $work: cut.none, where nothing of the chunk is written; cut.all; cut.half.
cut_chunks() {
	local start=$1 offset=$2 bytes=$3 n
	shift 3
	rm -f "$work"/cut.*
	for ((n = 1; ; n++)); do
		cp --sparse=always "$start" "$work/device"
		CUT_AT_FLUSH=$n "$@" "$work/device" >"$work/said" 2>&1
		[ $? = 42 ] || break
		look_says hot=1 || continue
		[ -e "$work/cut.none" ] || cp --sparse=always "$work/device" "$work/cut.none"
		mv "$work/device" "$work/cut.all"
	done
	[ -e "$work/cut.none" ] && ! cmp -s -i "$offset" -n "$bytes" "$work/cut.none" "$work/cut.all" || return 1
	cp --sparse=always "$work/cut.none" "$work/cut.half"
	dd if="$work/cut.all" of="$work/cut.half" bs=4k skip=$((offset >> 12)) seek=$((offset >> 12)) \
		count=$((bytes >> 13)) conv=notrunc status=none
}

# cut_again ALIVE FINISHES: each of these chunks is finished as the boot step does it, cut before every flush. Behind each cut
# ALIVE must hold; done again to the end, ALIVE and FINISHES. Nothing of the header may be written before the first flush,
# which is the chunk's own. Each that is lost is a failure; sets cuts and lost.
cut_again() {
	local alive=$1 finishes=$2 from m status=0
	cuts=0 lost=0
	for from in "$work"/cut.{none,half,all}; do
		for ((m = 1; ; m++)); do
			cp --sparse=always "$from" "$work/device"
			CUT_AT_FLUSH=$m "$convert" finish-chunk "$work/device" >"$work/said" 2>&1
			status=$?
			[ $m != 1 ] || has_old_head "$from" || cut_is_lost "the header doesn't wait for the chunk"
			"$alive" || cut_is_lost "it doesn't open"
			[ $status = 42 ] || break
			cuts=$((cuts + 1))
			"$convert" finish-chunk "$work/device" >"$work/said" 2>&1
			status=$?
			if [ $status != 0 ] || look_says hot=1 || ! "$alive" || ! "$finishes"; then
				cut_is_lost "it isn't finished: $(cat "$work/said")"
			fi
		done
		if [ $status != 0 ] || look_says hot=1 || ! "$finishes"; then
			cut_is_lost "nor without a second cut: $(cat "$work/said")"
		fi
	done
}
cut_is_lost() {
	lost=$((lost + 1))
	not_ok "${from##*/}, cut again before flush $m: $1"
}
