# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2119,SC2120
#
# Sourced by the server's tests: a real panocryptd on free loopback ports, in a private mount namespace where its name
# resolves and its CA is trusted (by --resolve and CURL_CA_BUNDLE, or /etc/hosts for stock Clevis).

# shellcheck source=tests/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck source=tests/postgres.sh
. "$(dirname "${BASH_SOURCE[0]}")/../postgres.sh"

server_tests=$test_root/tests/server
panocryptd=${PANOCRYPTD:-$test_root/build/panocryptd}
panocryptctl=${PANOCRYPTCTL:-$test_root/build/panocryptctl}
server_name=unlock.test
# Leaks are looked for by the unit tests: a sandboxed process can't look for its own.
export ASAN_OPTIONS=detect_leaks=0

# TEST_STORE: sqlite, or postgresql: then on the cluster in TEST_POSTGRES, or one of the case's own.
test_store=${TEST_STORE-sqlite}

# own_postgres: a cluster of the case's own.
own_postgres() {
	postgres_make || skip "$postgres_why"
	cleanup_fn postgres_end
}

# store_make: sets store_options for init: a new place for a store.
store_make() {
	store_options=()
	[ "$test_store" = postgresql ] || return 0
	if [ -n "${TEST_POSTGRES-}" ]; then
		postgres_find || skip "$postgres_why"
		postgres_dir=$TEST_POSTGRES
	elif [ -z "${postgres_dir-}" ]; then
		own_postgres
	fi
	store_database=t$(random_hex 8)
	store_url=$(postgres_database "$store_database") || die "no database"
	store_options=(--store "$store_url" --node a)
	# What the tests use of SQLite's functions.
	postgres_sql "$store_database" <<-'SQL' || die "no functions"
		CREATE FUNCTION hex(BYTEA) RETURNS TEXT LANGUAGE SQL AS 'SELECT upper(encode($1, ''hex''))';
		CREATE FUNCTION unixepoch() RETURNS BIGINT LANGUAGE SQL
			AS 'SELECT CAST(floor(extract(epoch FROM clock_timestamp())) AS BIGINT)';
	SQL
}

# store_sql [SQL]: runs statements (or standard input) behind the server's back, in the words of docs/store.md; besides
# them x'…' may be used. Columns of a row are separated by |.
store_sql() {
	[ $# = 0 ] || { store_sql <<<"$1"; return; }
	if [ "$test_store" = postgresql ]; then
		{
			sed "s/\bx'/'\\\\x/g"
			# shellcheck disable=SC2016 # dollars of SQL
			echo ';DO $$ BEGIN PERFORM nextval($x$panocrypt_changes$x$); END $$'
		} | postgres_sql "$store_database"
	else
		sqlite3 -cmd '.timeout 5000' "$server_dir/panocrypt.db"
	fi
}

# store_text: everything that the store holds, as it lies there.
store_text() {
	if [ "$test_store" = postgresql ]; then
		"$postgres_bin/pg_dump" -h "$postgres_dir" -U owner --inserts "$store_database"
	else
		cat "$server_dir"/panocrypt.db*
	fi
}

# store_save FILE: a copy of the store as it is at one moment, also while others write, by the store's own means.
store_save() {
	if [ "$test_store" = postgresql ]; then
		"$postgres_bin/pg_dump" -h "$postgres_dir" -U owner -Fc -f "$1" "$store_database"
	else
		sqlite3 -cmd '.timeout 5000' "$server_dir/panocrypt.db" ".backup '$1'"
	fi
}

# store_load FILE: what was saved takes the place of the store. Nobody may serve.
store_load() {
	if [ "$test_store" = postgresql ]; then
		postgres_sql postgres -c "DROP DATABASE $store_database" \
			-c "CREATE DATABASE $store_database OWNER $store_database TEMPLATE template0" &&
			"$postgres_bin/pg_restore" -h "$postgres_dir" -U owner --exit-on-error -d "$store_database" "$1"
	else
		rm -f "$server_dir"/panocrypt.db*
		install -m 600 "$1" "$server_dir/panocrypt.db"
	fi
}

# store_clone FOLDER: the server's folder once more, with a store of its own as it is now. Nobody may serve. clone_sql as
# store_sql, on the last one.
clone_dir='' clone_database=
store_clone() {
	local url
	rm -rf "$1"
	cp -a "$server_dir" "$1"
	clone_dir=$1
	[ "$test_store" = postgresql ] || return 0
	[ -z "$clone_database" ] || postgres_sql postgres -c "DROP DATABASE $clone_database"
	clone_database=t$(random_hex 8)
	postgres_sql postgres -c "CREATE DATABASE $clone_database OWNER $store_database TEMPLATE $store_database" ||
		die "no copy of the store"
	url=${store_url/"@/$store_database?"/"@/$clone_database?"}
	jq --arg url "$url" '.store = $url' "$server_dir/config.json" >"$1/config.json"
}
clone_sql() {
	local server_dir=$clone_dir store_database=$clone_database
	store_sql "$@"
}

# Sets server_dir, server_url, server_admin_url, server_ca, and the environment of panocryptctl.
# server_init [OPTION…]: a fresh folder with free ports.
server_init() {
	local port admin_port
	requires curl jq python3 sqlite3
	[ -x "$panocryptd" ] || die "build/panocryptd is missing: run make"
	server_home=$(mktemp -d)
	cleanup_fn rm -rf "$server_home"
	chmod 755 "$server_home"
	server_dir=$server_home/data
	port=$(free_port)
	admin_port=$(free_port)
	server_port=$port
	server_admin_port=$admin_port
	server_url=https://$server_name:$port
	server_admin_url=https://$server_name:$admin_port
	store_make
	"$panocryptd" init "${store_options[@]}" --dir "$server_dir" --url "$server_url" --admin-url "$server_admin_url" \
		--organization example --admin root --listen "127.0.0.1:$port" \
		--admin-listen "127.0.0.1:$admin_port" "$@" >"$server_home/init.log" 2>&1 ||
		die "init: $(cat "$server_home/init.log")"
	server_ca=$server_dir/ca.pem
	export CURL_CA_BUNDLE=$server_ca PANOCRYPT_CA=$server_ca
	export PANOCRYPT_ADMIN_URL=$server_admin_url PANOCRYPT_TOKEN_FILE=$server_dir/admin-token
	server_token=$(cat "$server_dir/admin-token")
}

# server_run [OPTION…]: serves the folder and waits until it is ready.
server_run() {
	server_try "$@" || die "serve: $(tail -n 5 "$server_home/log")"
}

# server_try [OPTION…]: the same, false when it doesn't start.
server_try() {
	rm -f "$server_home/ready"
	"$panocryptd" serve --dir "$server_dir" --ready-file "$server_home/ready" "$@" \
		>>"$server_home/log" 2>&1 &
	server_pid=$!
	cleanup_fn end_process "$server_pid"
	wait_for 30 server_is_ready_or_dead
	[ -s "$server_home/ready" ]
}

server_is_ready_or_dead() {
	[ -s "$server_home/ready" ] || ! kill -0 "$server_pid" 2>/dev/null
}

# server_start [INIT_OPTION…]: both.
server_start() {
	server_init "$@"
	server_run
}

# server_stop: a clean end; its status.
server_stop() {
	kill -TERM "$server_pid" 2>/dev/null
	wait "$server_pid"
}

# node_join NAME: another server on the same database; its node_url, node_admin_url and node_pid under that name.
declare -A node_dir node_url node_admin_url node_pid
node_join() {
	local port admin_port files=$server_home/for-$1
	mkdir "$files"
	cp "$server_dir"/{kek,ca.key,ca.pem,audit.jwk,audit.pub.jwk} "$files/"
	port=$(free_port)
	admin_port=$(free_port)
	node_dir[$1]=$server_home/$1
	node_url[$1]=https://$server_name:$port
	node_admin_url[$1]=https://$server_name:$admin_port
	"$panocryptd" init --join "$files" --store "$store_url" --node "$1" --dir "${node_dir[$1]}" \
		--url "${node_url[$1]}" --admin-url "${node_admin_url[$1]}" --listen "127.0.0.1:$port" \
		--admin-listen "127.0.0.1:$admin_port" >"$files/log" 2>&1 || die "join: $(cat "$files/log")"
	"$panocryptd" serve --dir "${node_dir[$1]}" --ready-file "$files/ready" >>"$files/log" 2>&1 &
	node_pid[$1]=$!
	cleanup_fn end_process "${node_pid[$1]}"
	wait_for 30 test -s "$files/ready" || die "node $1: $(tail -n 5 "$files/log")"
}

# server_child NAME: the process id of core, admin, front or courier.
server_child() {
	local pid name=panocrypt-$1
	for pid in $(pgrep -P "$server_pid"); do
		if [ "$(cat "/proc/$pid/comm")" = "${name:0:15}" ]; then # what the kernel keeps of it
			echo "$pid"
			return
		fi
	done
	return 1
}

# private_hosts: this process tree resolves the server's name without --resolve (needs root). Call it first.
private_hosts() {
	if [ -z "${PRIVATE_HOSTS-}" ]; then
		[ "$(id -u)" = 0 ] || skip "needs root, for a mount namespace of its own"
		PRIVATE_HOSTS=1 exec unshare -m --propagation private "$0"
	fi
	local hosts
	hosts=$(mktemp)
	{ cat /etc/hosts && echo "127.0.0.1 $server_name"; } >"$hosts"
	mount --bind "$hosts" /etc/hosts || die "can't replace /etc/hosts in the namespace"
	rm -f "$hosts"
}

# curl that finds and trusts the server.
fetch() {
	curl -sS --max-time 30 --connect-to "$server_name::127.0.0.1:" "$@"
}

# api METHOD PATH [BODY]: sets status, content_type and body. As api_token, or server_token; api_token=- sends none.
# Every answer is held against docs/openapi.json.
api() {
	local method=$1 path=$2 token=${api_token-$server_token} output
	local -a options=(-X "$method" -o "$server_home/body" -w '%{http_code} %{content_type}')
	[ "$token" = - ] || options+=(-H "Authorization: Bearer $token")
	[ $# -lt 3 ] || options+=(-H "Content-Type: application/json" --data-binary "$3")
	[ "$method" != POST ] || [ $# -ge 3 ] || options+=(--data-binary "")
	: >"$server_home/body"
	output=$(fetch "${options[@]}" "$server_admin_url$path") || output="000 -"
	status=${output%% *}
	content_type=${output#* }
	body=$(tr -d '\0' <"$server_home/body")
	if ! output=$(python3 "$server_tests/openapi.py" "$method" "$path" "$status" "$content_type" \
		"$server_home/body"); then
		not_ok "the answer is as described: $output"
		echo "#   $body"
	fi
}

# member JQ_PATH: of the last answer.
member() {
	jq -r "$1" <<<"$body"
}

# expect NAME STATUS [CODE]: of the last answer.
expect() {
	local got=$status wanted=$2
	if [ $# -gt 2 ]; then
		got="$status $(member .type)"
		wanted="$2 urn:panocrypt:$3"
	fi
	equal "$1" "$got" "$wanted"
}

# new_key [JSON]: an enrollment key, into key and key_id.
new_key() {
	api POST /v1/enrollment-keys "${1-{\}}"
	[ "$status" = 201 ] || die "no enrollment key: $body"
	key=$(member .key)
	key_id=$(member .id)
}

random_hex() {
	od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# enroll_body KEY [NONCE [FINGERPRINT]]
enroll_body() {
	jq -nc --arg key "$1" --arg nonce "${2-$(random_hex 16)}" --arg fingerprint "${3-$(random_hex 32)}" \
		'{$key, $nonce, $fingerprint, hostname: "web1", platform: {os: "debian 12", arch: "x86_64"}, version: "0.1.0"}'
}

# enroll KEY…: as a machine would.
enroll() {
	api_token=- api POST /v1/enroll "$(enroll_body "$@")"
}

# new_device [JSON]: a device made by an admin, into device, device_url and thumbprint.
new_device() {
	api POST /v1/devices "${1-{\"name\":\"web\",\"allow_from\":[\"127.0.0.0/8\"]\}}"
	[ "$status" = 201 ] || die "no device: $body"
	device=$(member .device)
	device_url=$(member .url)
	thumbprint=$(member .thumbprint)
}

# exchange_thumbprint URL: of the exchange key in a device's advertisement.
exchange_thumbprint() {
	fetch "$1/adv" | jose fmt -j- -Og payload -SyOg keys -Af- | jq -c 'select(.alg == "ECMR")' |
		jose jwk thp -i- -a S256
}

# a_point: the public half of a new P-521 exchange key, as Clevis sends it.
a_point() {
	jose jwk gen -i '{"alg":"ECMR"}' | jose jwk pub -i- -o-
}

# recover URL KID BODY: sets status and body of POST URL/rec/KID.
recover() {
	status=$(fetch -o "$server_home/body" -w '%{http_code}' -H 'Content-Type: application/jwk+json' \
		--data-binary "$3" "$1/rec/$2") || status=000
	body=$(cat "$server_home/body")
}

# recover_at_once COUNT URL…: so many recoveries of one point at once, each on a connection of its own, over the URLs (of
# rec/KID) in turn; "STATUS COUNT" a line, into statuses.
recover_at_once() {
	local count=$1 point i
	shift
	point=$(a_point)
	statuses=$(for ((i = 0; i < count; i++)); do echo "- $point"; done |
		python3 "$server_tests/many.py" --ca "$server_ca" --at-once "$count" "$@" |
		awk '{ n[$1]++ } END { for (status in n) print status, n[status] }' | sort)
}

# --- a store in trouble: unlocks are of device_url by kid and point
try() { recover "$device_url" "${kid?}" "${point?}"; }
unlocks() { try; [ "$status" = 200 ]; }
health() { fetch -o /dev/null -w '%{http_code}' "$1/healthz"; }
is_well() { [ "$(health "$server_url") $(health "$server_admin_url")" = "200 200" ]; }
is_unwell() { [ "$(health "$server_url") $(health "$server_admin_url")" = "503 503" ]; }

# timed COMMAND…: sets seconds.
timed() {
	local start=$SECONDS
	"$@"
	seconds=$((SECONDS - start))
}

# load COUNT FILE [AT_ONCE]: so many unlocks, "STATUS SOURCE" a line into FILE, which is another each time. Each has an
# address of its own, by which its audit row is found, also when this runs in the background.
load() {
	local i before
	before=$(find "$server_home" -maxdepth 1 -name '*.in' | wc -l)
	: >"$2"
	for ((i = 0; i < $1; i++)); do
		echo "127.$((100 + before)).$((i / 250)).$((i % 250 + 1)) $point"
	done >"$2.in"
	"$server_tests/many.py" --ca "$server_ca" --at-once "${3-20}" "$device_url/rec/$kid" <"$2.in" >"$2"
}

# every_answer_has_its_row NAME FILE: of load; and each that isn't 200 is 503.
every_answer_has_its_row() {
	equal "$1: answers are 200 or 503" "$(awk '$1 != 200 && $1 != 503' "$2" | head -n 3)" ""
	equal "$1: each 200 has its row" "$(comm -23 <(awk '$1 == 200 { print $2 }' "$2" | sort) \
		<(store_sql "SELECT source FROM audit WHERE event = 'unlock-allowed'" | sort))" ""
	awk -v name="$1" '{ n[$1]++ } END { printf "#   %s: 200: %d, 503: %d\n", name, n[200], n[503] }' "$2"
}

no_lane_has_a_gap() {
	equal "no lane has a gap" "$(store_sql "SELECT writer FROM audit GROUP BY organization, writer
		HAVING count(*) <> max(lane_seq)")" ""
}

# person ORGANIZATION NAME ROLE EXPIRES_S: a member with a token, for token_of; there is no route for people yet, so that
# they are written into the store.
people=
person() {
	local token hash
	token=$(head -c 32 /dev/urandom | basenc --base64url | tr -d '=\n')
	hash=$(printf %s "$token" | sha256sum | cut -d' ' -f1)
	store_sql <<-SQL || die "no $2"
		INSERT INTO member (organization, name, role, created_s) VALUES (x'$1', '$2', '$3', $(date +%s));
		INSERT INTO api_token (hash, organization, member, created_s, expires_s)
			VALUES (x'$hash', x'$1', '$2', $(date +%s), $4);
	SQL
	people+="$2 $token"$'\n'
}

# people NAME=ROLE…: of the server's own organization.
people() {
	local organization one
	organization=$(store_sql "SELECT lower(hex(id)) FROM organization WHERE name = 'example'")
	for one; do
		person "$organization" "${one%=*}" "${one#*=}" $(($(date +%s) + 3600))
	done
}

# role_is NAME ROLE: of the server's own organization, from now on.
role_is() {
	store_sql "UPDATE member SET role = '$2' WHERE name = '$1'" || die "no $1"
}

token_of() {
	awk -v name="$1" '$1 == name { print $2 }' <<<"$people"
}

# asking NAME [SOURCE]: an unlock of device_url by kid and point in the background; asked NAME waits for its status.
asking() {
	rm -f "$server_home/$1.status"
	(
		started=$SECONDS
		got=$(fetch --interface "${2-127.0.0.1}" -o /dev/null -w '%{http_code}' --data-binary "$point" "$device_url/rec/${kid?}") ||
			got=000
		echo "$got $((SECONDS - started))" >"$server_home/$1.status"
	) &
}
has_answer() { [ -s "$server_home/$1.status" ]; }
asked() {
	wait_for 40 has_answer "$1" || return 1
	cut -d' ' -f1 "$server_home/$1.status"
}

is_pending() { # COUNT
	api GET /v1/approvals
	[ "$(member '.approvals | length')" = "$1" ]
}

# pending [COUNT]: waits until so many requests are pending; the newest, into approval.
pending() {
	wait_for 10 is_pending "${1-1}" || die "no request: $body"
	approval=$(member '.approvals[0].approval')
}
