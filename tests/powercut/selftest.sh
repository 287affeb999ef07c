#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck disable=SC1091,SC2016,SC2154
#
# The disk that loses what nobody flushed must lose it: a writer that commits with a flush before and behind the commit
# survives every cut, and one that leaves out either flush is caught. No machine: qemu-io is the one that is cut.

. "$(dirname "$0")/../lib.sh"
requires nbdkit qemu-io python3
plugin=$test_root/build/tests/powercut/disk.so
[ -e "$plugin" ] || die "no $plugin: make test-programs"
home=$(mktemp -d)
cleanup_fn rm -rf "$home"
rounds=12 cuts=24

# writer KIND: round i fills 64 KiB with i, then says so in sector i.
writer() {
	local i
	for ((i = 1; i <= rounds; i++)); do
		echo "write -q -P $i $((i * 65536)) 65536"
		[ "$1" = no-flush-before ] || echo flush
		echo "write -q -P $i $((i * 512)) 512"
		[ "$1" = no-flush-behind ] || echo flush
	done
}

# power_cut KIND OPS SEED: leaves disk and report.
power_cut() {
	rm -f "$home"/*
	truncate -s 2M "$home/disk"
	echo '[    1.0] panocrypt: write: starting' >"$home/console"
	writer "$1" >"$home/commands"
	nbdkit -f -U "$home/socket" "$plugin" file="$home/disk" console="$home/console" from=0 phases=write phase=write \
		ops="$2" seed="$3" victim="$home/pid" report="$home/report" 2>"$home/nbdkit.log" &
	local nbdkit=$!
	wait_for 20 test -S "$home/socket" || die "nbdkit: $(cat "$home/nbdkit.log")"
	{
		sh -c 'echo $$ >"$1"; exec qemu-io -f raw -t writeback "nbd+unix:///?socket=$2" <"$3"' \
			sh "$home/pid" "$home/socket" "$home/commands" >"$home/qemu-io.log" 2>&1
	} 2>/dev/null # the shell's word about it
	wait_for 20 test -e "$home/report" || die "no report: $(cat "$home/nbdkit.log" "$home/qemu-io.log")"
	kill -KILL "$nbdkit"
	wait "$nbdkit" 2>/dev/null
}

# judge KIND OPS: "lost" when a commit is there without its data, or one isn't there that was said to be.
judge() {
	python3 - "$home/disk" "$1" "$2" "$rounds" <<'PY'
import sys

path, kind, ops, rounds = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
disk = open(path, "rb").read()
said = (ops - 1) // (4 if kind == "right" else 3)
for i in range(1, rounds + 1):
    is_there = disk[i * 512 : (i + 1) * 512] == bytes([i]) * 512
    is_whole = disk[i * 65536 : (i + 1) * 65536] == bytes([i]) * 65536
    if is_there and not is_whole or i <= said and not is_there:
        print("lost")
        break
PY
}

# lost_by KIND STEP FIRST: cuts at the operations FIRST, FIRST + STEP, …; how many lose something.
lost_by() {
	local seed lost=0 ops
	for ((seed = 1; seed <= cuts; seed++)); do
		ops=$((seed * $2 % (3 * rounds) + $3))
		power_cut "$1" "$ops" "$seed"
		[ -z "$(judge "$1" "$ops")" ] || lost=$((lost + 1))
	done
	echo "$lost"
}

equal "a writer with both flushes loses nothing in $cuts cuts" "$(lost_by right 1 1)" 0
lost=$(lost_by no-flush-before 3 3) # when both writes are under way
check "one without a flush before its commit is caught ($lost of $cuts)" test "$lost" -gt 0
lost=$(lost_by no-flush-behind 1 1)
check "one that says done without a flush is caught ($lost of $cuts)" test "$lost" -gt 0

power_cut no-flush-behind 23 5
first=$(sha256sum <"$home/disk") report=$(cat "$home/report")
power_cut no-flush-behind 23 5
equal "the same seed loses the same" "$(sha256sum <"$home/disk")" "$first"
equal "and says the same" "$(cat "$home/report")" "$report"

# --- the plan
plan=$test_root/tests/powercut/plan
"$plan" 60 1 "$home/a" && "$plan" 60 1 "$home/b" && "$plan" 60 2 "$home/c"
equal "60 cuts are 60 cuts" "$(cat "$home"/a/* | wc -l)" 60
equal "8 to 12 a conversion" "$(for f in "$home"/a/*; do wc -l <"$f"; done | awk '$1 < 8 || $1 > 12')" ""
equal "each phase from carve to leave at least 3 times" "$(cut -d ' ' -f 1 "$home"/a/* | sort | uniq -c |
	awk '$1 >= 3 { n++ } END { print n }')" 11
check "the same seed deals the same" diff -r "$home/a" "$home/b"
check "another seed deals others" eval '! diff -rq "$home/a" "$home/c" >/dev/null'
tests_done
