# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
# shellcheck disable=SC2154 # who sources it has $work, a folder, and $convert, the driver
#
# Sourced by the native tests after build.sh: a tang server of their own.

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
