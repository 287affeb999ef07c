#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
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
sealed() { store_sql "SELECT hex(exchange_sealed) FROM device_key WHERE device = x'$doomed'"; }
wrapped=$(sealed)
# holds FILE…: is the wrapped key in one of them, as bytes or as hex?
holds() {
	python3 -c 'import pathlib, sys
key = bytes.fromhex(sys.argv[1])
sys.exit(not any(form in pathlib.Path(path).read_bytes() for path in sys.argv[2:] for form in (key, key.hex().encode())))' \
		"$wrapped" "$@"
}
# The store as it lies there. PostgreSQL keeps dead rows in its files until it has vacuumed, and its log for longer: that is
# its operator's to know (docs/kek.md); here, that it is in no row.
store_lies() {
	if [ "$test_store" = sqlite ]; then
		ls "$server_dir"/panocrypt.db*
	else
		store_text >"$server_home/rows"
		echo "$server_home/rows"
	fi
}
# shellcheck disable=SC2046 # a list of files
lies_somewhere() { holds $(store_lies); }
check "(the store has its wrapped key)" lies_somewhere
check "a backup, by the store's own means" store_save "$server_home/backup"
server_stop
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
equal "its wrapped key is gone" "$(sealed)" ""
lies_somewhere
equal "from where the store lies too" $? 1
server_stop

# Before the epoch is destroyed, an older backup brings it back: that is what "not yet final" means.
check "a copy of now" store_save "$server_home/now"
cp -a "$server_dir" "$server_home/now.d"
store_load "$server_home/backup" || die "the backup isn't loaded"
rm -f "$server_dir/witness"
server_run
recover "$doomed_url" "$kid" "$point"
equal "not yet final: the older store answers (put back by hand, and its witness removed)" "$status" 200
server_stop
rm -rf "$server_dir"
cp -a "$server_home/now.d" "$server_dir"
store_load "$server_home/now" || die "the store of now isn't loaded"

check "kek rotate --destroy-old" "$panocryptd" kek rotate --destroy-old --dir "$server_dir"
server_run
api GET "/v1/devices/$doomed"
equal "now it is final" "$(member '.final > 0')" true
check "panocryptctl says so" sh -c '"$1" device show "$2" | grep -q "final since *20"' - "$panocryptctl" "$doomed"
recover "$other_url" "$other_kid" "$point"
equal "others unlock" "$status" 200
server_stop

# The whole older store: its KEK isn't there any more.
cp -a "$server_dir" "$server_home/rotated.d"
check "a copy of now" store_save "$server_home/rotated"
store_load "$server_home/backup" || die "the backup isn't loaded"
timeout 30 "$panocryptd" serve --dir "$server_dir" >"$server_home/out" 2>&1
equal "the older store doesn't start" "$? $(grep -c "isn't the key of this store" "$server_home/out")" "1 1"

# And grafted: the old wrapped keys, as the backup has them, into the present store; the device active again.
row=$(store_sql "SELECT kek, hex(exchange_sealed), hex(signing_sealed) FROM device_key WHERE device = x'$doomed'")
IFS='|' read -r old_kek old_exchange old_signing <<<"$row"
rm -rf "$server_dir"
cp -a "$server_home/rotated.d" "$server_dir"
store_load "$server_home/rotated" || die "the store of now isn't loaded"
store_sql "UPDATE device SET revoked_s = 0, destroyed_s = 0 WHERE id = x'$doomed';
	UPDATE device_key SET kek = '$old_kek', exchange_sealed = x'$old_exchange', signing_sealed = x'$old_signing'
		WHERE device = x'$doomed'" || not_ok "the graft"
equal "the graft holds" "$(sealed)" "$wrapped"
server_run
recover "$doomed_url" "$kid" "$point"
check "the grafted key opens nothing ($status)" test "$status" != 200
check "no answer like the one before" test "$body" != "$answer_before"
recover "$other_url" "$other_kid" "$point"
equal "which hurts nobody else" "$status" 200
store_sql "UPDATE device_key SET kek = (SELECT id FROM kek_epoch WHERE retired_s = 0)
	WHERE device = x'$doomed'" || not_ok "the second graft"
recover "$doomed_url" "$kid" "$point"
check "nor under the present epoch's name ($status)" test "$status" != 200
tests_done
