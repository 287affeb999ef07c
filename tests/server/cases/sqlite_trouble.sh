#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: sqlite
# A store that is full, locked, damaged, of another version, or whose clock was set back: 503 and no answer unaudited, never a
# hang; all is well by itself once the store is.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose faketime
if [ -z "${OWN_MOUNTS-}" ]; then
	[ "$(id -u)" = 0 ] || skip "needs root, for a small file system of its own"
	OWN_MOUNTS=1 exec unshare -m --propagation private "$0"
fi
server_init
small=$server_home/small
mkdir "$small"
mount -t tmpfs -o size=8m,mode=700 none "$small" || skip "can't mount a tmpfs here"
cleanup_fn umount "$small"
cp -a "$server_dir/." "$small/"
server_dir=$small
server_run
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
# refuses NAME SENTENCE: a start, with status 1.
refuses() {
	timeout 20 "$panocryptd" serve --dir "$server_dir" >"$server_home/refused.log" 2>&1
	equal "$1: the server doesn't start" "$?" 1
	check "$1: it says so" grep -q -- "$2" "$server_home/refused.log"
}
check "unlocks" unlocks
check "is well" is_well

# --- full
dd if=/dev/zero of="$small/filler" bs=4k status=none 2>/dev/null
truncate -s -200k "$small/filler" # the first ones still fit
load 400 "$server_home/full" 4
check "full: some are answered" grep -q "^200" "$server_home/full"
check "full: then it is noticed" grep -q "^503" "$server_home/full"
check "full: the log says what to do" grep -q "the disk with the store is full: free some space" "$server_home/log"
timed try
equal "full: 503" "$status" 503
check "full: at once" test "$seconds" -le "$(stretch 4)"
check "full: health says so" wait_for 15 is_unwell
rm "$small/filler"
check "room again: unlocks by itself" wait_for 15 unlocks
check "room again: is well" wait_for 15 is_well
every_answer_has_its_row full "$server_home/full"

# --- locked
mkfifo "$server_home/hold"
{ echo "BEGIN EXCLUSIVE; SELECT 'locked';"; cat "$server_home/hold"; } | sqlite3 "$server_dir/panocrypt.db" >"$server_home/locked" &
holder=$!
exec 9>"$server_home/hold"
check "locked: by somebody else" wait_for 10 grep -q locked "$server_home/locked"
timed try
equal "locked: 503" "$status" 503
check "locked: within 8 s" test "$seconds" -le "$(stretch 8)"
exec 9>&-
wait "$holder"
check "locked: unlocks afterwards" wait_for 15 unlocks
check "locked: is well" wait_for 15 is_well
no_lane_has_a_gap

# --- a clock that is a day back after a start, and right again after the next
server_stop
before=$(store_sql "SELECT count(*) FROM audit WHERE event = 'unlock-allowed'")
(
	export FAKETIME=-1d
	LD_PRELOAD=$(faketime -f +0 printenv LD_PRELOAD) exec "$panocryptd" serve --dir "$server_dir" \
		--ready-file "$server_home/ready"
) >>"$server_home/log" 2>&1 &
server_pid=$!
cleanup_fn end_process "$server_pid"
check "a day back: it starts" wait_for 30 test -s "$server_home/ready"
check "a day back: unlocks" unlocks
newest=$(store_sql "SELECT time_s FROM audit ORDER BY seq DESC LIMIT 1")
check "a day back: its clock is" test "$newest" -lt $(($(date +%s) - 80000))
server_stop
server_run
check "right again: unlocks" unlocks
equal "each has its row" "$(store_sql "SELECT count(*) FROM audit WHERE event = 'unlock-allowed'")" $((before + 2))
check "and the audit is whole" "$panocryptd" audit verify --dir "$server_dir"

# --- damaged, of another version
server_stop
store_sql "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
cp "$server_dir/panocrypt.db" "$server_home/good.db"
version=$(store_sql "PRAGMA user_version")
store_sql "PRAGMA user_version = 99"
refuses "newer" "newer panocryptd"
store_sql "PRAGMA user_version = $version"
dd if=/dev/urandom of="$server_dir/panocrypt.db" bs=4096 seek=1 count=1000 conv=notrunc status=none
refuses "damaged" "damaged"
head -c 8192 "$server_home/good.db" >"$server_dir/panocrypt.db"
refuses "cut off" "damaged"
printf 'this is no database, whatever its name' >"$server_dir/panocrypt.db"
refuses "something else" "damaged"
rm "$server_dir"/panocrypt.db*
cp "$server_home/good.db" "$server_dir/panocrypt.db"
server_run
check "the good one again: unlocks" unlocks
# One page only, which a start may not look at.
page=$(store_sql "SELECT rootpage FROM sqlite_master WHERE tbl_name = 'device' AND type = 'table'")
server_stop
store_sql "PRAGMA wal_checkpoint(TRUNCATE)" >/dev/null
dd if=/dev/urandom of="$server_dir/panocrypt.db" bs=4096 seek=$((page - 1)) count=1 conv=notrunc status=none
if server_try; then
	try
	check "a damaged table of devices: never an answer" test "$status" != 200
else
	check "a damaged table of devices: the server doesn't start" grep -q damaged "$server_home/log"
fi
tests_done
