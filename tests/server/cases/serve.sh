#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Verbs and their exit statuses, configuration that is damaged, starting and stopping.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

says() { # NAME WORDS STATUS COMMAND…
	local name=$1 words=$2 wanted=$3 output got
	shift 3
	output=$("$@" 2>&1)
	got=$?
	equal "$name: status" "$got" "$wanted"
	check "$name: says \"$words\"" grep -qiF -- "$words" <<<"$output"
}

says "help" "usage: panocryptd" 0 "$panocryptd" help
says "serve --help" "--ready-file" 0 "$panocryptd" serve --help
says "init --help" "--organization" 0 "$panocryptd" init --help
says "no verb" "panocryptd help" 2 "$panocryptd"
says "unknown verb" "no verb" 2 "$panocryptd" dance
says "unknown option" "--dance" 2 "$panocryptd" serve --dance
says "no folder" "panocryptd init" 1 "$panocryptd" serve --dir /nonexistent

server_start
check "serves" fetch -f -o /dev/null "$server_url/healthz"
equal "the ready file holds the process id" "$(cat "$server_home/ready")" "$server_pid"
says "a second server" "another server" 1 "$panocryptd" serve --dir "$server_dir"
server_stop
equal "SIGTERM ends it with status 0" "$?" 0
check "the ready file is gone" test ! -e "$server_home/ready"
check "no process is left" test -z "$(pgrep -f -- "--ready-file $server_home/ready")"

cp "$server_dir/config.json" "$server_home/config.json"
size=$(stat -c %s "$server_home/config.json")
truncated=0
for ((cut = 0; cut < size - 2; cut += 7)); do
	head -c "$cut" "$server_home/config.json" >"$server_dir/config.json"
	if timeout 10 "$panocryptd" serve --dir "$server_dir" >"$server_home/cut.log" 2>&1; then
		not_ok "config cut at $cut is refused"
	elif [ $? != 1 ] || [ ! -s "$server_home/cut.log" ]; then
		not_ok "config cut at $cut is refused with a sentence: $(cat "$server_home/cut.log")"
	else
		truncated=$((truncated + 1))
	fi
done
check "truncated configurations are refused ($truncated)" test "$truncated" -gt 20
cp "$server_home/config.json" "$server_dir/config.json"

dd if=/dev/urandom of="$server_dir/kek" bs=32 count=1 status=none
says "another KEK" "kek" 1 timeout 20 "$panocryptd" serve --dir "$server_dir"
tests_done
