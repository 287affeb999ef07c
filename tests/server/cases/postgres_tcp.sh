#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: postgresql
# The database by TCP: TLS with its certificate checked, a password from a file; connections are made again inside the
# sandbox; what is wrong is refused with a reason.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose openssl
unset TEST_POSTGRES # its settings are changed here
own_postgres
port=$(free_port)
# A certificate that is its own authority.
as_postgres openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
	-addext "subjectAltName=DNS:localhost" -keyout "$postgres_dir/data/server.key" \
	-out "$postgres_dir/data/server.crt" 2>/dev/null || die "no certificate"
cp "$postgres_dir/data/server.crt" "$postgres_dir/ca.crt"
chmod 644 "$postgres_dir/ca.crt"
as_postgres tee -a "$postgres_dir/data/postgresql.conf" >/dev/null <<SETTINGS
listen_addresses = '127.0.0.1'
port = $port
ssl = on
SETTINGS
as_postgres tee -a "$postgres_dir/data/pg_hba.conf" >/dev/null <<<"hostssl all all 127.0.0.1/32 scram-sha-256"
as_postgres sed -i '/127.0.0.1.*trust/d' "$postgres_dir/data/pg_hba.conf"
postgres_stop
postgres_start
export PGPORT=$port # of the tests' own psql
password=$(random_hex 12)

# store_by_tcp PARAMETERS: store_make by TCP instead of the socket, with a password.
store_by_tcp() {
	store_make
	postgres_sql postgres -c "ALTER ROLE $store_database PASSWORD '$password'" || die "no password"
	echo "localhost:$port:$store_database:$store_database:$password" >"$server_home/pgpass"
	chmod 600 "$server_home/pgpass"
	store_url="postgresql://$store_database@localhost:$port/$store_database?$1"
	store_options=(--store "$store_url" --node a)
}
server_home=$(mktemp -d)
cleanup_fn rm -rf "$server_home"
try_init() {
	"$panocryptd" init --dir "$server_home/try" --url https://u.test --admin-url https://a.test --organization o \
		--admin a "${store_options[@]}" >"$server_home/try.log" 2>&1
}
refuses() { # NAME SENTENCE PARAMETERS
	store_by_tcp "$3"
	try_init
	equal "$1: refused" "$?" 1
	check "$1: with its reason" grep -qiE "$2" "$server_home/try.log"
	check "$1: without the password" test -z "$(grep -F "$password" "$server_home/try.log")"
}
tls="sslmode=verify-full&sslrootcert=$postgres_dir/ca.crt"
refuses "no word about TLS" "sslmode=verify-full" "passfile=$server_home/pgpass"
refuses "without TLS, which the database wants" "no encryption" "sslmode=disable&passfile=$server_home/pgpass"
refuses "another authority" "certificate verify failed" \
	"sslmode=verify-full&sslrootcert=/etc/ssl/certs/ca-certificates.crt&passfile=$server_home/pgpass"
refuses "no password" "no password supplied" "$tls&passfile=/dev/null"
printf 'localhost:*:*:*:wrong\n' >"$server_home/wrong"
chmod 600 "$server_home/wrong"
refuses "a wrong password" "password authentication failed" "$tls&passfile=$server_home/wrong"

# For server_init, whose folder and database are new.
passfile=/tmp/panocrypt-pgpass-$$
cleanup_fn rm -f "$passfile"
store_by_tcp "$tls&passfile=$passfile"
cp -p "$server_home/pgpass" "$passfile"
eval "store_make() { store_options=(${store_options[*]@Q}); }"
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
check "unlocks" unlocks
equal "core and admin are connected by TLS" "$(store_sql "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a
	USING (pid) WHERE a.usename = '$store_database' AND s.ssl AND client_addr IS NOT NULL")" 2
check "the password isn't in the configuration" test -z "$(grep -F "$password" "$server_dir/config.json")"
check "nor in any command line" test -z "$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\0' ' ' |
	grep -F "$password" | grep -v grep)"
born=$(pgrep -P "$server_pid" | sort | tr '\n' ' ')
for mode in fast immediate; do
	postgres_stop $mode
	recover "$device_url" "$kid" "$point"
	equal "stopped ($mode): 503" "$status" 503
	postgres_start
	check "started: connected again, inside the sandbox" wait_for 15 unlocks
	equal "by the same processes" "$(pgrep -P "$server_pid" | sort | tr '\n' ' ')" "$born"
done
api GET /v1/whoami
equal "admin too" "$status" 200
for name in core admin; do
	equal "$name has filtered system calls" \
		"$(awk '/^Seccomp:/ { print $2 }' "/proc/$(server_child $name)/status")" 2
done
tests_done
