#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# stores: postgresql
# The database's disk is full: 503, health says so, nothing is answered unaudited; with room again all is well by itself.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
if [ -z "${OWN_MOUNTS-}" ]; then
	[ "$(id -u)" = 0 ] || skip "needs root, for a small file system of its own"
	OWN_MOUNTS=1 exec unshare -m --propagation private "$0"
fi
unset TEST_POSTGRES # its files are in this mount namespace
own_postgres
small=$postgres_dir/small
as_postgres mkdir "$small"
mount -t tmpfs -o "size=16m,mode=700,uid=$(stat -c %u "$postgres_dir"),gid=$(stat -c %g "$postgres_dir")" none "$small" ||
	skip "can't mount a tmpfs here"
cleanup_fn umount "$small"
postgres_stop # it must see the mount
postgres_start
postgres_sql postgres -c "CREATE TABLESPACE small LOCATION '$small'" -c "GRANT CREATE ON TABLESPACE small TO PUBLIC" || die "no tablespace"
as_postgres tee -a "$postgres_dir/data/postgresql.conf" >/dev/null <<<"default_tablespace = small"
postgres_sql postgres -c "SELECT pg_reload_conf()" >/dev/null
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
check "unlocks" unlocks
equal "the audit is on the small disk" "$(store_sql "SELECT count(*) FROM pg_class c JOIN pg_tablespace t
	ON t.oid = c.reltablespace WHERE relname = 'audit' AND spcname = 'small'")" 1

dd if=/dev/zero of="$small/filler" bs=64k status=none 2>/dev/null
load 400 "$server_home/full" 4
check "full: it is noticed" grep -q "^503" "$server_home/full"
every_answer_has_its_row full "$server_home/full"
check "full: the log says what to do" grep -q "the disk with the database is full: free some space" "$server_home/log"
try
equal "full: 503" "$status" 503
check "full: health says so" wait_for 15 is_unwell
rm "$small/filler"
check "room again: unlocks by itself" wait_for 15 unlocks
check "room again: is well" wait_for 15 is_well
no_lane_has_a_gap
tests_done
