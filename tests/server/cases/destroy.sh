#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: sqlite
# A destroyed device stays so: with its KEK epoch destroyed, no backup made before unlocks it. Really tried.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose sqlite3
private_hosts
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
recover "$device_url" "$kid" "$point"
equal "it unlocks" "$status" 200
answer_before=$body
doomed=$device doomed_url=$device_url
new_device '{"name":"other","allow_from":["127.0.0.0/8"]}'
other_url=$device_url
other_kid=$(exchange_thumbprint "$device_url")
sealed() { sqlite3 "$1/panocrypt.db" "SELECT hex(exchange_sealed) FROM device_key WHERE device = x'$doomed'"; }
wrapped=$(sealed "$server_dir")
lies_nowhere() { # FOLDER [HEX]: the wrapped key is in no file of it
	python3 -c 'import pathlib, sys
sys.exit(any(bytes.fromhex(sys.argv[2]) in path.read_bytes() for path in pathlib.Path(sys.argv[1]).glob("*")))' \
		"$1" "${2-$wrapped}"
}
server_stop
cp -a "$server_dir" "$server_home/backup"
server_run

api POST "/v1/devices/$doomed/destroy"
expect "destroy before revoke" 409 conflict
api POST "/v1/devices/$doomed/revoke"
expect "revoke" 200
check "panocryptctl device destroy says when it is final" sh -c '"$1" device destroy "$2" | grep -q "final once"' - "$panocryptctl" "$doomed"
api GET "/v1/devices/$doomed"
equal "its state" "$(member '"\(.state) \(.destroyed > 0) \(.final)"')" "destroyed true 0"
api POST "/v1/devices/$doomed/destroy"
expect "twice" 409 conflict
recover "$doomed_url" "$kid" "$point"
equal "it is refused" "$status" 403
api GET "/v1/denials?device=$doomed"
equal "as revoked" "$(member '.denials[0].reason')" revoked
equal "no advertisement either" "$(fetch -o /dev/null -w '%{http_code}' "$doomed_url/adv")" 403
equal "its wrapped key is gone" "$(sealed "$server_dir")" ""
check "from the store's files too" lies_nowhere "$server_dir"
lies_nowhere "$server_home/backup"
equal "(it is looked for rightly: the backup has it)" $? 1
server_stop

# Before the epoch is destroyed, an older backup brings it back: that is what "not yet final" means.
cp -a "$server_dir" "$server_home/now"
replace() { # by another folder's store
	rm -f "$server_dir"/panocrypt.db*
	cp -a "$1"/panocrypt.db* "$server_dir/"
}
replace "$server_home/backup"
rm -f "$server_dir/witness"
server_run
recover "$doomed_url" "$kid" "$point"
equal "not yet final: the older store answers (its files put back by hand)" "$status" 200
server_stop
rm -rf "$server_dir"
cp -a "$server_home/now" "$server_dir"

check "kek rotate --destroy-old" "$panocryptd" kek rotate --destroy-old --dir "$server_dir"
server_run
api GET "/v1/devices/$doomed"
equal "now it is final" "$(member '.final > 0')" true
check "panocryptctl says so" sh -c '"$1" device show "$2" | grep -q "final since *20"' - "$panocryptctl" "$doomed"
recover "$other_url" "$other_kid" "$point"
equal "others unlock" "$status" 200
server_stop

# The whole older store: its KEK isn't there any more.
cp -a "$server_dir" "$server_home/rotated"
replace "$server_home/backup"
timeout 30 "$panocryptd" serve --dir "$server_dir" >"$server_home/out" 2>&1
equal "the older store doesn't start" "$? $(grep -c "isn't the key of this store" "$server_home/out")" "1 1"
rm -rf "$server_dir"
cp -a "$server_home/rotated" "$server_dir"

# And grafted: the old wrapped key into the present store, the device active again.
sqlite3 "$server_home/backup/panocrypt.db" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
sqlite3 "$server_dir/panocrypt.db" "ATTACH '$server_home/backup/panocrypt.db' AS old;
	UPDATE device SET revoked_s = 0, destroyed_s = 0 WHERE id = x'$doomed';
	DELETE FROM main.device_key WHERE device = x'$doomed';
	INSERT INTO main.device_key SELECT * FROM old.device_key WHERE device = x'$doomed'" || not_ok "the graft"
equal "the graft holds" "$(sealed "$server_dir")" "$wrapped"
server_run
recover "$doomed_url" "$kid" "$point"
check "the grafted key opens nothing ($status)" test "$status" != 200
check "no answer like the one before" test "$body" != "$answer_before"
recover "$other_url" "$other_kid" "$point"
equal "which hurts nobody else" "$status" 200
sqlite3 -cmd '.timeout 5000' "$server_dir/panocrypt.db" "UPDATE device_key SET kek = (SELECT id FROM kek_epoch
	WHERE retired_s = 0) WHERE device = x'$doomed'" || not_ok "the second graft"
recover "$doomed_url" "$kid" "$point"
check "nor under the present epoch's name ($status)" test "$status" != 200
tests_done
