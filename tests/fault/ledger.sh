#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The client's ledger: REQUESTS unlocks, each from an address of its own (its request id), while each process of the server,
# and PostgreSQL, is killed by SIGKILL in turn. What the client was answered is then joined with the audit: no answer is
# without its row. TEST_STORE: sqlite or postgresql. Prints its counts.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../server/lib.sh"

requests=${REQUESTS:-100000}
requires jose pgrep
unset TEST_POSTGRES # it is killed here
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
answers=$server_home/answers

# 127.1.0.1 and on: up to 254 * 255 * 255 requests.
awk -v n="$requests" -v point="$point" 'BEGIN {
	for (i = 0; i < n; i++)
		printf "127.%d.%d.%d %s\n", 1 + int(i / 64770), int(i / 254) % 255, i % 254 + 1, point
}' >"$server_home/requests"
"$server_tests/many.py" --ca "$server_ca" --at-once 50 --wait "$device_url/rec/$kid" <"$server_home/requests" >"$answers" &
loading=$!
cleanup_fn end_process "$loading"

allowed() { grep -c "^200 " "$answers"; }
is_loading() { kill -0 "$loading" 2>/dev/null; }
# goes_on COUNT: more answers than that, or the end of the load.
goes_on() { [ "$(allowed)" -gt "$1" ] || ! is_loading; }

kill_child() {
	local pid
	pid=$(server_child "$1") && kill -KILL "$pid"
}
kill_monitor() {
	kill -KILL "$server_pid"
	wait "$server_pid" 2>/dev/null
	wait_for 30 server_try # its children die with it; until then they may hold ports and names
}
kill_backend() {
	local pid
	pid=$(store_sql "SELECT pid FROM pg_stat_activity WHERE usename = '$store_database' LIMIT 1" 2>/dev/null)
	[ -n "$pid" ] && kill -KILL "$pid"
}
kill_postgres() {
	kill -KILL "$(postgres_pid)"
	wait_for 30 postgres_start >/dev/null 2>&1
}

victims=("kill_child core" "kill_child front" "kill_child admin" "kill_child courier" kill_monitor)
[ "$test_store" = sqlite ] || victims+=(kill_backend kill_postgres)
declare -A killed
step=$((requests / 60 + 5))
turn=0
while is_loading; do
	before=$(allowed)
	wait_for 120 goes_on $((before + step)) || { not_ok "goes on after ${victim-the start}"; break; }
	is_loading || break
	victim=${victims[turn % ${#victims[@]}]}
	$victim && killed[$victim]=$((${killed[$victim]-0} + 1))
	turn=$((turn + 1))
done
wait "$loading"

store_ready() { store_sql "SELECT 1" >/dev/null 2>&1; }
wait_for 30 store_ready
awk '$1 == 200 { print $2 }' "$answers" | sort >"$server_home/answered"
store_sql "SELECT source FROM audit WHERE event = 'unlock-allowed'" | sort >"$server_home/audited"
without=$(comm -23 "$server_home/answered" "$server_home/audited" | wc -l)
answered=$(wc -l <"$server_home/answered")
equal "$test_store: every request has an outcome" "$(wc -l <"$answers")" "$requests"
check "$test_store: a good part was answered" test "$answered" -ge $((requests / 4))
equal "$test_store: none was answered without a row" "$without" 0
equal "$test_store: no request has two rows" "$(uniq -d "$server_home/audited" | head -n 3)" ""
equal "$test_store: no lane has a gap" "$(store_sql "SELECT writer FROM audit GROUP BY organization, writer
	HAVING count(*) <> max(lane_seq)")" ""
for victim in "${victims[@]}"; do
	check "$test_store: $victim happened" test "${killed[$victim]-0}" -ge 1
done
echo "# $test_store: $requests asked, $answered answered, $(wc -l <"$server_home/audited") audited," \
	"$without answered without a row; $turn killed"
tests_done
