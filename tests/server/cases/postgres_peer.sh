#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: postgresql
# As docs/store.md says for a PostgreSQL on the same machine: no password, the database knows the system's user.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose setpriv
[ "$(id -u)" = 0 ] || skip "needs root, to be another user"
unset TEST_POSTGRES # its settings are changed here
own_postgres
as_postgres tee "$postgres_dir/data/pg_hba.conf" >/dev/null <<'HBA'
local all owner trust
local all all peer
HBA
postgres_sql postgres -c "CREATE ROLE nobody LOGIN" -c "CREATE DATABASE store OWNER nobody TEMPLATE template0" \
	-c "SELECT pg_reload_conf()" >/dev/null || die "no database"
store_database=store
store_make() { store_options=(--store "postgresql://nobody@/store?host=$postgres_dir" --node a); }

home=$(mktemp -d)
cleanup_fn rm -rf "$home"
init() { "$@" "$panocryptd" init --dir "$home/data" --url https://u.test --admin-url https://a.test --organization o \
	--admin a "${store_options[@]}" >"$home/log" 2>&1; }
store_make
init env
equal "another user is refused" "$?" 1
check "it says so" grep -qi "peer authentication failed" "$home/log"
rm -rf "$home/data"

# server_init makes the folder as root: here the user does it, and the server is started by root.
real=$panocryptd
as_user=$home/as-nobody
cp "$real" "$home/panocryptd" # where nobody may go
cat >"$as_user" <<SCRIPT
#!/bin/sh
exec setpriv --reuid nobody --regid "\$(id -gn nobody)" --clear-groups -- "$home/panocryptd" "\$@"
SCRIPT
chmod 755 "$as_user" "$home"
mktemp() { local made; made=$(command mktemp "$@") && chown nobody "$made" && echo "$made"; }
panocryptd=$as_user
server_init
unset -f mktemp
panocryptd=$real
server_run --user nobody
new_device
kid=$(exchange_thumbprint "$device_url")
recover "$device_url" "$kid" "$(a_point)"
equal "unlocks" "$status" 200
postgres_stop
postgres_start
unlocks() { recover "$device_url" "$kid" "$(a_point)"; [ "$status" = 200 ]; }
check "unlocks after a restart of the database" wait_for 15 unlocks
tests_done
