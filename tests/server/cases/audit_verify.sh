#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# panocryptd audit: on copies of a real server's folder, what verify finds; export, prune, the witness.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose sqlite3 python3
server_start --witness "${TMPDIR:-/tmp}/panocrypt-witness.$$"
witness=${TMPDIR:-/tmp}/panocrypt-witness.$$
cleanup_fn rm -f "$witness"
for i in 1 2 3; do
	new_device "{\"name\":\"web$i\",\"allow_from\":[\"127.0.0.0/8\"]}"
	recover "$device_url" "$(exchange_thumbprint "$device_url")" "$(a_point)"
done
audit() { "$panocryptd" audit "$@" >"$server_home/out" 2>&1; }
check "verify, while the server runs" audit verify --dir "$server_dir" --witness "$witness"
check "checkpoint, while the server runs" audit checkpoint --dir "$server_dir"
lines=$(wc -l <"$witness")
check "nothing new: no other one" audit checkpoint --dir "$server_dir"
equal "the witness has no line more" "$(wc -l <"$witness")" "$lines"
recover "$device_url" "$(exchange_thumbprint "$device_url")" "$(a_point)"
server_stop
check "a clean end makes one" test "$(wc -l <"$witness")" -gt "$lines"
check "verify with the witness" audit verify --dir "$server_dir" --witness "$witness"
check "the witness is in nobody else's hands" test "$(stat -c %a "$witness")" = 600
check "anybody can check a line of it" sh -c \
	'tail -n 1 "$1" | tr -d "\n" | jose jws ver -i- -k "$2" -O- | jq -e ".lanes | length >= 2"' - "$witness" "$server_dir/audit.pub.jwk"

copy=$server_home/copy
copy() { # a fresh copy of the folder and its store
	store_clone "$copy"
}
sql() { clone_sql "$@"; }
finds() { # NAME WORDS [OPTION…]: verify of the copy ends with 3 and says the words
	local name=$1 words=$2
	shift 2
	"$panocryptd" audit verify --dir "$copy" "$@" >"$server_home/out" 2>&1
	equal "$name" "$? $(grep -cF "$words" "$server_home/out")" "3 1"
}

# One bit, behind the back of everybody: the last letter of what an admin made (a device's name), and two of its hash. In
# SQLite's file itself; in PostgreSQL by its own functions on bytes.
flip_in_file() { # OFFSET: from the hash
	sql 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
	python3 - "$copy/panocrypt.db" "$(sql "SELECT hex(hash) FROM audit WHERE event = 'device-created' LIMIT 1")" "$1" <<'PYTHON'
import sys
path, hash, offset = sys.argv[1], bytes.fromhex(sys.argv[2]), int(sys.argv[3])
data = bytearray(open(path, "rb").read())
assert data.count(hash) == 1
data[data.index(hash) + offset] ^= 4
open(path, "wb").write(data)
PYTHON
}
flip_by_sql() {
	local change="hash = set_byte(hash, $1, get_byte(hash, $1) # 4)"
	[ "$1" -ge 0 ] || change="detail = convert_from(set_byte(convert_to(detail, 'UTF8'), length(detail) - 1,
		get_byte(convert_to(detail, 'UTF8'), length(detail) - 1) # 4), 'UTF8')"
	equal "(one row)" "$(sql "WITH changed AS (UPDATE audit SET $change
		WHERE seq = (SELECT min(seq) FROM audit WHERE event = 'device-created') RETURNING 1) SELECT count(*) FROM changed")" 1
}
for offset in -1 0 31; do
	copy
	if [ "$test_store" = sqlite ]; then flip_in_file "$offset"; else flip_by_sql "$offset"; fi
	finds "one flipped bit (at $offset)" "the audit is broken in lane core"
done

copy
sql "DELETE FROM audit WHERE seq = (SELECT seq FROM audit WHERE event = 'unlock-allowed' LIMIT 1)"
finds "one missing row" "rows before it are missing"

cut="DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit WHERE event = 'unlock-allowed')"
copy
sql "$cut"
finds "a cut tail, by the checkpoints" "the end of the audit was cut"
copy
sql "$cut; DELETE FROM audit_checkpoint WHERE serial = (SELECT max(serial) FROM audit_checkpoint)"
check "its checkpoint cut too: not seen without the witness" audit verify --dir "$copy"
finds "with the witness: a cut tail" "the end of the audit was cut" --witness "$witness"

# A checkpoint of another key, and one that was changed.
copy
sql "UPDATE audit_checkpoint SET text = replace(text, '.', 'A.') WHERE serial = 1"
finds "a changed checkpoint" "checkpoint 1"
copy
sql "DELETE FROM audit_checkpoint WHERE serial = 2"
finds "a missing checkpoint" "the one before it is missing"
copy
jose jwk gen -i '{"alg":"ES512"}' | jose jwk pub -i- -o "$copy/audit.pub.jwk"
finds "another key" "isn't by this key"

# Rows removed from a lane's begin, with a forged beginning.
copy
sql "INSERT INTO audit_base SELECT organization, writer, lane_seq, hash FROM audit WHERE writer LIKE 'core%' AND lane_seq = 2;
	DELETE FROM audit WHERE writer LIKE 'core%' AND lane_seq <= 2"
finds "a forged beginning" "no checkpoint has allowed"

# Export.
check "export" sh -c '"$1" audit export --dir "$2" >"$3"' - "$panocryptd" "$server_dir" "$server_home/rows"
equal "every row is a line of JSON" "$(jq -s length "$server_home/rows")" \
	"$(store_sql 'SELECT count(*) FROM audit')"
# The chain is recomputed from the export alone, as docs/audit.md says.
check "the chain holds outside too" python3 - "$server_home/rows" <<'PYTHON'
import hashlib, json, struct, sys
heads = {}
for line in open(sys.argv[1]):
    row = json.loads(line)
    text = lambda name: struct.pack("<Q", len(row[name].encode())) + row[name].encode()
    number = lambda name: struct.pack("<Q", row[name])
    blob = lambda name: struct.pack("<Q", len(row[name]) // 2) + bytes.fromhex(row[name])
    lane = row["organization"], row["writer"]
    data = b"panocrypt-audit-1" + heads.get(lane, bytes(32)) + blob("organization") + text("writer")
    data += number("lane_seq") + number("time") + text("event") + blob("device") + text("source") + text("reason")
    data += text("actor") + text("detail") + number("count")
    heads[lane] = hashlib.sha256(data).digest()
    assert heads[lane].hex() == row["hash"], row
PYTHON
equal "export from a number on" "$("$panocryptd" audit export --dir "$server_dir" --after 3 | jq -s '.[0].seq')" \
	"$(store_sql 'SELECT min(seq) FROM audit WHERE seq > 3')"

# Retention.
before=$(store_sql 'SELECT count(*) FROM audit')
check "prune: nothing that old" sh -c '! "$1" audit prune --dir "$2" --before 1000' - "$panocryptd" "$server_dir"
check "prune: nonsense is refused" sh -c '! "$1" audit prune --dir "$2" --before yesterday' - "$panocryptd" "$server_dir"
equal "nothing was removed" "$(store_sql 'SELECT count(*) FROM audit')" "$before"
check "prune up to now" audit prune --dir "$server_dir" --before "$(($(date +%s) + 5))"
check "it says how many" grep -qF "$before rows removed" "$server_home/out"
equal "only the row that tells it is left" "$(store_sql 'SELECT event FROM audit')" audit-pruned
check "verify still works" audit verify --dir "$server_dir" --witness "$witness"
server_run
new_device '{"name":"later","allow_from":["127.0.0.0/8"]}'
server_stop
check "and with new rows behind it" audit verify --dir "$server_dir" --witness "$witness"
copy
sql "DELETE FROM audit WHERE writer LIKE 'core%' AND seq = (SELECT min(seq) FROM audit WHERE writer LIKE 'core%')"
finds "a missing first row behind the border" "the end of the audit was cut"
copy
sql "DELETE FROM audit_base WHERE writer LIKE 'core%'"
finds "a lane without its beginning" "missing"

# A cut while the witness was written: the torn line is passed over, the whole one follows.
last=$(tail -n 1 "$witness")
head -n -1 "$witness" >"$server_home/torn"
printf '%s' "${last:0:100}" >>"$server_home/torn"
cat "$server_home/torn" >"$witness"
check "a torn line at the end" audit verify --dir "$server_dir" --witness "$witness"
check "the next one repairs it" audit checkpoint --dir "$server_dir"
equal "the whole line follows" "$(tail -n 1 "$witness")" "$last"
check "verify" audit verify --dir "$server_dir" --witness "$witness"
sed -i '1s/^./x/' "$witness"
copy
finds "a damaged line is seen" "damaged line" --witness "$witness"

"$panocryptd" audit nonsense >"$server_home/out" 2>&1
equal "an unknown verb" $? 2
check "help" sh -c '"$1" audit --help | grep -q checkpoint && "$1" audit verify --help | grep -q witness' - "$panocryptd"
tests_done
