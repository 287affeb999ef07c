#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# backup and restore: online; the restored server unlocks nothing until the gap is known or accepted. With PostgreSQL by its
# own tools and a copy of the folder's files, as docs/backup.md says.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose sqlite3
private_hosts
server_start
new_device
second_url=$device_url second_kid=$(exchange_thumbprint "$device_url")
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlock() { recover "$device_url" "$kid" "$point"; }
unlock
equal "it unlocks" "$status" 200
answer=$body
first=$device first_url=$device_url first_kid=$kid
new_key

# Online: while it is asked all the time, and while it writes.
(while :; do recover "$first_url" "$first_kid" "$point"; echo "$status"; done >"$server_home/asked" 2>/dev/null) &
asking=$!
is_asked() { [ -s "$server_home/asked" ]; }
wait_for 30 is_asked
backup() { # into $server_home/backup
	rm -rf "$server_home/backup" "$server_home/files"
	if [ "$test_store" = sqlite ]; then
		"$panocryptd" backup "$server_home/backup" --dir "$server_dir"
		return
	fi
	mkdir -m 700 "$server_home/files"
	cp -p "$server_dir"/{config.json,ca.pem,ca.key,audit.jwk,audit.pub.jwk} "$server_home/files/"
	store_save "$server_home/backup"
}
check "backup, while it serves" backup
kill "$asking" && wait "$asking" 2>/dev/null
equal "nobody was refused meanwhile" "$(sort -u "$server_home/asked" | tr '\n' ' ')" "200 "
if [ "$test_store" = sqlite ]; then
	check "nobody else can read it" test "$(stat -c %a "$server_home/backup")" = 600
	equal "it is whole" "$(sqlite3 "$server_home/backup" 'PRAGMA integrity_check')" ok
	check "never over another file" sh -c '! "$1" backup "$2" --dir "$3"' - "$panocryptd" "$server_home/backup" "$server_dir"
	check "no secret lies in it: the CA's key" sh -c '! grep -qaF "$(sed -n 2p "$1")" "$2"' - "$server_dir/ca.key" "$server_home/backup"
	check "nor the KEK" python3 -c 'import sys; sys.exit(open(sys.argv[1], "rb").read() in open(sys.argv[2], "rb").read())' \
		"$server_dir/kek" "$server_home/backup"
	check "nor is anything left in the folder" test -z "$(find "$server_dir" -name 'backup*')"
else
	"$panocryptd" backup "$server_home/refused" --dir "$server_dir" >"$server_home/out" 2>&1
	equal "panocryptd backup says whose task it is" "$? $(grep -c pg_dump "$server_home/out")" "1 1"
	check "what it tells to remove is empty" test ! -s "$server_home/refused"
	"$postgres_bin/pg_restore" -f - "$server_home/backup" >"$server_home/text"
	check "the backup is whole" grep -q 'COPY public.device_key' "$server_home/text"
	check "no secret lies in it: the CA's key" sh -c '! grep -qF "$(sed -n 2p "$1")" "$2"' - "$server_dir/ca.key" "$server_home/text"
	check "nor the KEK" sh -c '! grep -q "$(od -An -tx1 -v "$1" | tr -d " \n")" "$2"' - "$server_dir/kek" "$server_home/text"
fi

# After it: a revocation, of a device and of an enrollment key, and a device that the backup doesn't know.
api POST "/v1/devices/$device/revoke"
expect "revoked, after the backup" 200
api POST "/v1/enrollment-keys/$key_id/revoke"
expect "a key too" 200
server_stop
store_save "$server_home/lost.store" || not_ok "the lost store"
mv "$server_dir" "$server_home/lost"
outside=$server_home/lost/witness

restore() { # into server_dir
	rm -rf "$server_dir"
	mkdir -m 700 "$server_dir"
	cp -p "$server_home/lost/kek" "$server_dir/"
	if [ "$test_store" = sqlite ]; then
		"$panocryptd" restore "$server_home/backup" --dir "$server_dir" >"$server_home/out" 2>&1
		return
	fi
	cp -p "$server_home/files"/* "$server_dir/"
	store_load "$server_home/backup" && "$panocryptd" quarantine begin --dir "$server_dir" >"$server_home/out" 2>&1
}
if [ "$test_store" = sqlite ]; then
	rm -rf "$server_dir"
	mkdir -m 700 "$server_dir"
	check "no KEK: refused" sh -c '! "$1" restore "$2" --dir "$3"' - "$panocryptd" "$server_home/backup" "$server_dir"
	equal "and nothing is left behind" "$(ls "$server_dir")" ""
	head -c 32 /dev/urandom >"$server_dir/kek" && chmod 600 "$server_dir/kek"
	check "another KEK: refused" sh -c '! "$1" restore "$2" --dir "$3"' - "$panocryptd" "$server_home/backup" "$server_dir"
	head -c 5000 "$server_home/backup" >"$server_home/cut"
	cp -p "$server_home/lost/kek" "$server_dir/kek"
	check "a cut backup: refused" sh -c '! "$1" restore "$2" --dir "$3"' - "$panocryptd" "$server_home/cut" "$server_dir"
fi
check "restore" restore
[ "$test_store" != sqlite ] ||
	check "never over a server" sh -c '! "$1" restore "$2" --dir "$3"' - "$panocryptd" "$server_home/backup" "$server_dir"
for file in ca.pem ca.key audit.jwk audit.pub.jwk config.json; do
	check "$file is as it was" cmp "$server_dir/$file" "$server_home/lost/$file"
done
server_run
equal "the same CA" "$(fetch -o /dev/null -w '%{http_code}' "$server_url/healthz")" 200
asking one
pending
equal "the revocation isn't known: people are asked" "$(member '.approvals[0] | "\(.device) \(.source) \(.reason)"')" \
	"$first 127.0.0.1 quarantine"
api POST "/v1/approvals/$approval/deny"
equal "they know of it" "$(asked one)" 403
api GET "/v1/denials?device=$first"
equal "with its reason" "$(member '[.denials[].reason] | contains(["quarantine"])')" true
device_url=$second_url kid=$second_kid
asking two
pending
api POST "/v1/approvals/$approval/approve"
equal "another comes up by their word" "$(asked two)" 200
device_url=$first_url kid=$first_kid
enroll "$key"
expect "the revoked key enrolls nothing" 503 quarantine
api GET /v1/status
equal "status warns" "$(member '.quarantine > 0, ([.warnings[].code] | contains(["quarantine"]))' | sort -u)" true
"$panocryptd" quarantine end --dir "$server_dir" --witness "$outside" >"$server_home/out" 2>&1
equal "the witness shows that something is missing" "$? $(grep -c 'older than the witness' "$server_home/out")" "3 1"
"$panocryptd" quarantine end --dir "$server_dir" >"$server_home/out" 2>&1
equal "neither witness nor accepted" $? 1
unlock
equal "still refused" "$status" 403
api POST "/v1/devices/$first/revoke"
expect "what is known of is revoked again" 200
check "the gap is accepted" "$panocryptd" quarantine end --dir "$server_dir" --accept-gap
unlock
equal "revoked" "$status" 403
api GET "/v1/denials?device=$first"
equal "for its own sake" "$(member '.denials[0].reason')" revoked
new_device
kid=$(exchange_thumbprint "$device_url")
unlock
equal "others unlock again" "$status" 200
check "twice: there is none" sh -c '! "$1" quarantine end --dir "$2" --accept-gap' - "$panocryptd" "$server_dir"
server_stop
check "the audit is whole" "$panocryptd" audit verify --dir "$server_dir"
equal "and tells it" "$(store_sql "SELECT event FROM audit WHERE event LIKE 'quarantine%' ORDER BY seq" | tr '\n' ' ')" \
	"quarantine-begun quarantine-ended "

# With the outside witness in its place: it goes on behind the gap, and the signed chain says so.
check "restore again" restore
cp "$outside" "$server_dir/witness"
server_run
device_url=$first_url kid=$first_kid
asking again
pending
equal "nothing is unlocked" "$(member '.approvals[0].reason')" quarantine
check "accepted" "$panocryptd" quarantine end --dir "$server_dir" --accept-gap
equal "who waited comes up" "$(asked again)" 200
server_stop
check "the witness and the store agree, with a signed gap" "$panocryptd" audit verify --dir "$server_dir" \
	--witness "$server_dir/witness"
check "it tells from where" sh -c 'tail -n 1 "$1" | tr -d "\n" | jose jws ver -i- -k "$2" -O- | jq -e ".gap_from >= 0" &&
	while read -r line; do printf %s "$line" | jose jws ver -i- -k "$2" -O-; done <"$1" | grep -q "\"gap_from\":[1-9]"' - \
	"$server_dir/witness" "$server_dir/audit.pub.jwk"

# An older store put back without "restore": the witness tells, and the server isolates itself.
server_run
unlock
equal "it unlocks (its revocation was forgotten, and accepted)" "$status" 200
server_stop
store_save "$server_home/old" || not_ok "an older store"
server_run
api POST "/v1/devices/$first/revoke"
server_stop
store_load "$server_home/old" || not_ok "the older store"
server_run
asking older
pending
equal "an older store, put back by hand, unlocks nothing by itself" "$(member '.approvals[0].reason')" quarantine
api POST "/v1/approvals/$approval/deny"
equal "as people say" "$(asked older)" 403
server_stop

# A backup after which nothing happened: the witness shows that, and that is enough.
rm -rf "$server_dir"
cp -a "$server_home/lost" "$server_dir"
store_load "$server_home/lost.store" || not_ok "the lost store"
check "a last backup" backup
cp "$server_dir/witness" "$server_home/outside"
check "restored" restore
check "nothing is missing" "$panocryptd" quarantine end --dir "$server_dir" --witness "$server_home/outside"
server_run
unlock
equal "the revocation is in it" "$status" 403
api GET "/v1/denials?device=$first"
equal "as such" "$(member '.denials[0].reason')" revoked
server_stop
check "an answer it never gave again" test "$body" != "$answer"

if [ "$test_store" = postgresql ]; then
	tests_done
	exit
fi
# A store at a place of its own comes back into the folder.
rm -rf "$server_dir" "$server_home/backup"
server_start --store "$(mktemp -d)/else.db"
cleanup_fn rm -rf "$(dirname "$(jq -r .store "$server_dir/config.json")")"
new_device
kid=$(exchange_thumbprint "$device_url")
check "backup" "$panocryptd" backup "$server_home/backup" --dir "$server_dir"
server_stop
rm -rf "$server_home/lost"
mv "$server_dir" "$server_home/lost"
check "restore" restore
equal "the store is in the folder" "$(jq -r .store "$server_dir/config.json")" null
check "and whole" "$panocryptd" quarantine end --dir "$server_dir" --witness "$server_home/lost/witness"
tests_done
