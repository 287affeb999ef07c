#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# What is counted is counted exactly when 200 ask at once, and what is revoked is: one server on SQLite, three nodes on
# PostgreSQL.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
urls=("$server_url") admin_urls=("$server_admin_url")
if [ "$test_store" = postgresql ]; then
	for node in b c; do
		node_join $node
		urls+=("${node_url[$node]}") admin_urls+=("${node_admin_url[$node]}")
	done
fi
many() { "$server_tests/many.py" --ca "$server_ca" "$@"; }
count() { grep -c "^$1 " "$server_home/$2"; } # STATUS FILE
each() { # PATH: at every node, into paths
	paths=("${urls[@]/%/$1}")
}
points() { # COUNT SOURCE
	local i
	for ((i = 0; i < $1; i++)); do echo "$2 $point"; done
}
new() {
	new_device
	kid=$(exchange_thumbprint "$device_url")
	point=$(a_point)
	each "${device_url#"$server_url"}/rec/$kid"
}

# --- waivers
new
api POST "/v1/devices/$device/disable"
for replies in 1 3; do
	api POST "/v1/devices/$device/allow-once" "{\"replies\":$replies}"
	recover_at_once 200 "${paths[@]}"
	# A node that can't keep up answers 503, on a busy machine: no permission either.
	equal "a waiver of $replies, 200 ask at once" "$(sed -n 's/^200 //p' <<<"$statuses")" "$replies"
	equal "all others were refused" "$(awk '$1 == 403 || $1 == 503 { n += $2 } END { print n }' <<<"$statuses")" $((200 - replies))
	check "most of them by the waiver's end" test "$(sed -n 's/^403 //p' <<<"$statuses")" -gt 20
done
equal "the store says so" "$(store_sql "SELECT replies FROM waiver ORDER BY serial" | tr '\n' ' ')" "1 3 "
equal "and the audit" "$(store_sql "SELECT count(*) FROM audit WHERE event = 'unlock-allowed' AND reason = 'waiver'")" 4

# --- an enrollment key of five uses
new_key '{"max_uses":5}'
jq -r --argjson first 1000 'range($first; $first + 200) as $n |
	"- " + (. + {nonce: "\(.nonce[4:])\($n)", fingerprint: "\(.fingerprint[4:])\($n)"} | tojson)' <<<"$(enroll_body "$key")" |
	many --at-once 100 "${admin_urls[@]/%//v1/enroll}" >"$server_home/redeem.log"
equal "a key of five uses, 200 redeem it" "$(count 201 redeem.log)" 5
equal "nobody was left without an answer" "$(count 0 redeem.log)" 0
equal "the key says five" "$(store_sql "SELECT uses FROM enrollment_key WHERE id = '$key_id'")" 5
equal "five devices" "$(store_sql "SELECT count(*) FROM device WHERE enrollment_key = '$key_id'")" 5
awk '{ print $1 }' "$server_home/redeem.log" | sort | uniq -c | sed 's/^/#   redeemed: /'

# --- revoked while 200 are in flight from one address, by a waiver, and 50 wait for people at another
new
api POST "/v1/devices/$device/set" '{"approval":"always"}'
api POST "/v1/devices/$device/allow-once" '{"boots":100,"replies":64,"from":"127.0.0.1"}'
points 50 127.0.0.2 | many --at-once 50 "${paths[@]}" >"$server_home/held.log" &
held=$!
are_held() { [ "$(store_sql "SELECT asked FROM approval WHERE state = 'pending' AND source = '127.0.0.2'")" = 50 ]; }
check "50 wait for people" wait_for 30 are_held
points 200 127.0.0.1 | many --keep "${paths[@]}" >"$server_home/revoke.log" &
flight=$!
are_in_flight() { [ "$(count 200 revoke.log)" -gt 300 ]; }
check "200 connections ask" wait_for 30 are_in_flight
equal "nobody who waits was answered yet" "$(cat "$server_home/held.log")" ""
equal "revoked meanwhile" "$(fetch -o /dev/null -w '%{http_code}' -X POST -H "Authorization: Bearer $server_token" \
	--data-binary "" "${admin_urls[-1]}/v1/devices/$device/revoke")" 200
returned=$(date +%s.%N)
wait "$flight" "$held"
equal "each connection was told so, or that the server is busy" "$(awk '$1 == 403 || $1 == 503' "$server_home/revoke.log" | wc -l)" 200
check "some were told so" test "$(count 403 revoke.log)" -gt 0
equal "and nothing else than 200, 403 and 503" "$(awk '$1 != 200 && $1 != 403 && $1 != 503' "$server_home/revoke.log")" ""
equal "no answer of 200 to what was asked after it had returned" \
	"$(awk -v returned="$returned" '$1 == 200 && $3 > returned' "$server_home/revoke.log")" ""
# What has left before may be on its way, to a client that is one thread for 200 connections.
equal "nor any a second later" "$(awk -v returned="$returned" '$1 == 200 && $4 > returned + 1' "$server_home/revoke.log")" ""
equal "who waited is refused, or was told to come again" "$(awk '$1 == 403 || $1 == 503' "$server_home/held.log" | wc -l)" 50
equal "and their request is over" "$(store_sql "SELECT count(*) FROM approval WHERE state = 'pending'")" 0
sort -k4n "$server_home/revoke.log" | awk -v returned="$returned" '{ n[$1]++ } $1 == 200 { last = $4 }
	END { printf "#   200: %d, 403: %d, last 200 %.3f s after the revoke had returned\n", n[200], n[403], last - returned }'
rows=$(store_sql "SELECT count(*) FROM audit WHERE event = 'unlock-allowed' AND reason = 'waiver'")
check "each answer of 200 has its row" test $((rows - 4)) -ge "$(count 200 revoke.log)"
tests_done
