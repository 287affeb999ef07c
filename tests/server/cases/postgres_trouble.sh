#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: postgresql
# A database that stops, stands still, is locked, drops connections or has no room, under load: 503, never a hang, never an
# unaudited answer, and all is well by itself once the database is.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose pgrep
unset TEST_POSTGRES # it is stopped here
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
children() { pgrep -P "$server_pid" | sort | tr '\n' ' '; }
born=$(children)
check "unlocks" unlocks
check "is well" is_well

# --- stopped under load
load 400 "$server_home/stopped" &
loading=$!
wait_for 20 test -e "$server_home/stopped"
wait_for 20 grep -q "^200" "$server_home/stopped"
postgres_stop immediate
timed try
equal "stopped: 503" "$status" 503
check "stopped: at once" test "$seconds" -le 4
check "stopped: both listeners say it" wait_for 10 is_unwell
api GET /v1/whoami
equal "stopped: the API says it" "$status" 503
wait "$loading"
postgres_start
check "started: unlocks by itself" wait_for 15 unlocks
check "started: is well" wait_for 15 is_well
equal "started: by the same processes" "$(children)" "$born"
every_answer_has_its_row stopped "$server_home/stopped"
check "stopped: some were refused" grep -q "^503" "$server_home/stopped"

# --- connections dropped in the middle of transactions
load 400 "$server_home/dropped" &
loading=$!
drops=0
while kill -0 "$loading" 2>/dev/null; do
	store_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
		WHERE usename = '$store_database' AND state <> 'idle'" >/dev/null && drops=$((drops + 1))
done
wait "$loading"
check "dropped: goes on" wait_for 15 unlocks
check "dropped: is well" wait_for 15 is_well
check "dropped: often" test "$drops" -ge 3
every_answer_has_its_row dropped "$server_home/dropped"

# --- locked
locked() { # SQL
	store_sql "BEGIN; $1; SELECT 'locked'; SELECT pg_sleep(20)" >"$server_home/locked" 2>/dev/null &
	holder=$!
	wait_for 10 grep -q locked "$server_home/locked"
	timed try
	equal "$1: 503" "$status" 503
	check "$1: within 8 s" test "$seconds" -le "$(stretch 8)"
	store_sql "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(20)%'
		AND pid <> pg_backend_pid()" >/dev/null
	wait "$holder"
	check "$1: unlocks afterwards" wait_for 15 unlocks
}
locked "SELECT pg_advisory_xact_lock(5787236413518766081)"
locked "LOCK TABLE audit"
check "locked: is well" wait_for 15 is_well

# --- stands still
tree() { postgres_pid; pgrep -P "$(postgres_pid)"; }
# shellcheck disable=SC2046 # a list
kill -STOP $(tree)
timed try
equal "silent: 503" "$status" 503
check "silent: within 8 s" test "$seconds" -le "$(stretch 8)"
check "silent: both listeners say it" wait_for 20 is_unwell
# shellcheck disable=SC2046
kill -CONT $(tree)
check "silent: unlocks afterwards" wait_for 20 unlocks
check "silent: is well" wait_for 15 is_well

# --- core is killed while the database is away
kill -KILL "$(server_child core)"
check "core alone: comes back" wait_for 20 unlocks
postgres_stop
kill -KILL "$(server_child core)"
check "core and database: 503 or no answer" test "$(try; echo "$status")" != 200
mkdir "$server_home/second"
cp "$server_dir"/* "$server_home/second/"
timeout 20 "$panocryptd" serve --dir "$server_home/second" --listen "127.0.0.1:$(free_port)" \
	--admin-listen "127.0.0.1:$(free_port)" >"$server_home/away.log" 2>&1
equal "a server doesn't start without its database" "$?" 1
check "it says so" grep -q "can't be reached" "$server_home/away.log"
postgres_start
check "core and database: unlocks" wait_for 40 unlocks

# --- a newer schema
no_lane_has_a_gap
store_sql "UPDATE panocrypt_version SET version = 99"
server_stop
timeout 20 "$panocryptd" serve --dir "$server_dir" >"$server_home/newer.log" 2>&1
equal "a newer schema is refused" "$?" 1
check "it says so" grep -q "newer panocryptd" "$server_home/newer.log"
tests_done
