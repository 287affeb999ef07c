#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: postgresql
# Three servers on one database: joining it, what is refused, and that a change on one holds on all at the next request.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start

# --- joining
try_init() { "$panocryptd" init --dir "$server_home/new" --store "$store_url" --url "$server_url" \
	--admin-url "$server_admin_url" "$@" >"$server_home/try.log" 2>&1; }
refuses() { # NAME SENTENCE OPTION…
	local name=$1 sentence=$2
	shift 2
	try_init "$@"
	equal "$name is refused" "$?" 1
	check "$name: it says so" grep -qF -e "$sentence" "$server_home/try.log"
	equal "$name: nothing is left" "$(find "$server_home/new" -type f 2>/dev/null)" ""
}
mkdir "$server_home/other"
cp "$server_dir"/{ca.key,ca.pem,audit.jwk,audit.pub.jwk} "$server_home/other/"
refuses "a second first init" "--join" --organization x --admin y
refuses "joining without the key" "kek is missing" --join "$server_home/other"
head -c 32 /dev/urandom >"$server_home/other/kek"
chmod 600 "$server_home/other/kek"
refuses "another key" "isn't the key of this store" --join "$server_home/other"
refuses "a store of one machine" "several servers can reach" --join "$server_home/other" --store /tmp/x.db
refuses "an organization besides" "--organization" --join "$server_home/other" --organization x
refuses "a password in the URL" "password" --join "$server_home/other" --store "${store_url/@/:secret@}"
refuses "TCP without a word about TLS" "sslmode" --join "$server_home/other" --store "postgresql://a@127.0.0.1/b"
node_join b
node_join c
equal "a node has the same CA" "$(cat "${node_dir[b]}/ca.pem")" "$(cat "$server_ca")"
sed 's/"node": "b"/"node": "a"/' "${node_dir[b]}/config.json" >"$server_home/same.json"
mkdir "$server_home/same"
cp -p "${node_dir[b]}"/* "$server_home/same/"
cp "$server_home/same.json" "$server_home/same/config.json"
timeout 30 "$panocryptd" serve --dir "$server_home/same" --listen "127.0.0.1:$(free_port)" \
	--admin-listen "127.0.0.1:$(free_port)" >"$server_home/same.log" 2>&1
equal "a second node of the same name doesn't start" "$?" 1
check "it says so" grep -q 'another "\(core\|admin\)@a" is connected' "$server_home/same.log"

# --- one change, all nodes
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
path=${device_url#"$server_url"}
for node in "$server_url" "${node_url[b]}" "${node_url[c]}"; do
	recover "$node$path" "$kid" "$point"
	equal "unlocks on ${node##*:}" "$status" 200
done
change() { # URL WORD
	fetch -o /dev/null -w '%{http_code}' -X POST -H "Authorization: Bearer $server_token" --data-binary "" \
		"$1/v1/devices/$device/$2"
}
equal "disabled on a" "$(change "$server_admin_url" disable)" 200
for node in "${node_url[b]}" "${node_url[c]}" "$server_url"; do
	recover "$node$path" "$kid" "$point"
	equal "refused at the next request on ${node##*:}" "$status" 403
done
equal "enabled on b" "$(change "${node_admin_url[b]}" enable)" 200
recover "${node_url[c]}$path" "$kid" "$point"
equal "unlocks at the next request on c" "$status" 200

# --- the audit: a lane for each node, none with a gap
equal "lanes of all nodes" "$(store_sql "SELECT count(DISTINCT writer) FROM audit WHERE writer LIKE 'core@%'")" 3
equal "no lane has a gap" "$(store_sql "SELECT writer FROM audit GROUP BY organization, writer
	HAVING count(*) <> max(lane_seq)")" ""
tests_done
