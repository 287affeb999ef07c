# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034
#
# Sourced by tests: a real PostgreSQL in a folder of its own under /tmp, as an unprivileged user, on a Unix socket only.
# Nothing of the machine's own PostgreSQL is touched. Durable as in production: the server refuses less.

# postgres_find: sets postgres_bin; false with postgres_why when there is none.
postgres_find() {
	postgres_bin=$(find /usr/lib/postgresql -maxdepth 2 -name bin 2>/dev/null | sort -V | tail -n 1)
	postgres_why="PostgreSQL's server isn't installed (make deps installs it)"
	[ -x "$postgres_bin/postgres" ]
}

# as_postgres COMMAND…: as the user that the server runs as. It refuses to run as root.
as_postgres() {
	local user=nobody
	if [ "$(id -u)" != 0 ]; then
		"$@"
		return
	fi
	id postgres >/dev/null 2>&1 && user=postgres
	(cd / && setpriv --reuid "$user" --regid "$(id -gn "$user")" --clear-groups -- "$@")
}

# postgres_make: a cluster in postgres_dir, started. False with postgres_why.
postgres_make() {
	postgres_find || return 1
	postgres_dir=$(as_postgres mktemp -d /tmp/panocrypt-postgres-XXXXXX)
	as_postgres chmod 755 "$postgres_dir"
	postgres_why="initdb failed: $postgres_dir/log"
	as_postgres "$postgres_bin/initdb" -D "$postgres_dir/data" -U owner -A trust -E UTF8 --locale=C --no-sync \
		>"$postgres_dir.log" 2>&1 || return 1
	mv "$postgres_dir.log" "$postgres_dir/initdb.log" 2>/dev/null
	# Small, and quick to end; what is durable stays on.
	as_postgres tee -a "$postgres_dir/data/postgresql.conf" >/dev/null <<-SETTINGS
		listen_addresses = ''
		unix_socket_directories = '$postgres_dir'
		shared_buffers = 32MB
		max_connections = 60
		log_line_prefix = '%m %p %a '
	SETTINGS
	postgres_start
}

# postgres_start / postgres_stop [MODE]: the whole server; fast, immediate.
postgres_start() {
	postgres_why="PostgreSQL doesn't start: $postgres_dir/log"
	as_postgres "$postgres_bin/pg_ctl" -D "$postgres_dir/data" -l "$postgres_dir/log" -t 60 -w -s start
}

postgres_stop() {
	as_postgres "$postgres_bin/pg_ctl" -D "$postgres_dir/data" -m "${1-fast}" -t 60 -w -s stop
}

# postgres_pid: of the server's first process.
postgres_pid() {
	head -n 1 "$postgres_dir/data/postmaster.pid"
}

# postgres_end: stops it and removes its folder.
postgres_end() {
	[ -n "${postgres_dir-}" ] || return 0
	postgres_stop immediate 2>/dev/null
	rm -rf "$postgres_dir"
}

# postgres_sql DATABASE [ARG…]: psql, as the cluster's owner; reads standard input without -c.
postgres_sql() {
	local database=$1
	shift
	"$postgres_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$postgres_dir" -U owner -d "$database" "$@"
}

# postgres_database NAME: makes an empty database of a role of that name; prints its URL.
postgres_database() {
	postgres_sql postgres -c "CREATE ROLE $1 LOGIN" -c "CREATE DATABASE $1 OWNER $1 TEMPLATE template0" >&2 &&
		echo "postgresql://$1@/$1?host=$postgres_dir"
}
