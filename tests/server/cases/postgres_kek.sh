#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: postgresql
# Rotating the KEK of two nodes on one database: both serve all the while, and neither keeps the old one.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
private_hosts
server_start
node_join b
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlocks_at() { # URL of a node
	recover "$1/d/$device" "$kid" "$point"
	[ "$status" = 200 ]
}
check "the first node unlocks" unlocks_at "$server_url"
check "the second too" unlocks_at "${node_url[b]}"

(umask 077 && head -c 32 /dev/urandom >"$server_dir/kek.next")
cp -p "$server_dir/kek.next" "${node_dir[b]}/kek.next"
check "rotate on the first" "$panocryptd" kek rotate --destroy-old --dir "$server_dir"
check "the first unlocks, with the new one alone" wait_for 20 unlocks_at "$server_url"
check "the second, which has both" wait_for 20 unlocks_at "${node_url[b]}"
check "rotate on the second" "$panocryptd" kek rotate --destroy-old --dir "${node_dir[b]}"
check "it unlocks" wait_for 20 unlocks_at "${node_url[b]}"
check "both have the same" cmp "$server_dir/kek" "${node_dir[b]}/kek"
equal "and no other" "$(find "$server_dir" "${node_dir[b]}" -name 'kek*' -printf '%f ')" "kek kek "
made() { api POST /v1/devices '{"name":"new","allow_from":["127.0.0.0/8"]}'; [ "$status" = 201 ]; }
check "a new device" wait_for 20 made
equal "one epoch is left" "$(store_sql 'SELECT count(*) FROM kek_epoch WHERE destroyed_s = 0')" 1
check "the audit is whole" "$panocryptd" audit verify --dir "$server_dir" --witness "$server_dir/witness"
tests_done
