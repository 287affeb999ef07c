# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by the shell tests (bash): finding things, waiting on conditions, cleaning up, counting.
# Knows nothing of servers and VMs.

# shellcheck disable=SC2034
test_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
test_cleanups=()
test_passed=0
test_failed=0

# die MESSAGE…: the test cannot go on; counts as failed.
die() {
	echo "error: $*" >&2
	exit 1
}

# skip WHY: this test cannot run here. The runners count it, they never drop it.
skip() {
	echo "skip: $*"
	exit 77
}

# requires PROGRAM…: skips with the names of all that are missing.
requires() {
	local program missing=()
	for program; do
		command -v "$program" >/dev/null || missing+=("$program")
	done
	[ ${#missing[@]} = 0 ] || skip "not installed: ${missing[*]} (make deps installs them)"
}

# cleanup_fn COMMAND [ARG…]: runs it when the test ends, however it ends; last in, first out.
cleanup_fn() {
	test_cleanups+=("$(printf '%q ' "$@")")
	trap test_cleanup EXIT
	trap 'exit 143' TERM
	trap 'exit 130' INT
}

test_cleanup() {
	local status=$? i
	trap - EXIT
	for ((i = ${#test_cleanups[@]} - 1; i >= 0; i--)); do
		eval "${test_cleanups[i]}" || :
	done
	exit "$status"
}

# end_process PID: ends a child of this shell and waits until it is gone.
end_process() {
	kill "$1" 2>/dev/null || return 0
	wait "$1" 2>/dev/null || :
}

# free_port: prints a TCP port that nothing listens on. Prefer a server that picks its own (port 0).
free_port() {
	python3 -c 'import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])'
}

# stretch SECONDS: prints the same limit for a machine as busy as this one is now. Only limits depend
# on it, never what is tested. TEST_SLOW=N multiplies by N instead.
stretch() {
	awk -v limit="$1" -v slow="${TEST_SLOW:-0}" -v cpus="$(nproc)" '{
		factor = slow > 0 ? slow : $1 / cpus
		print int(limit * (factor > 1 ? factor : 1))
	}' /proc/loadavg
}

# time_over START SECONDS: whether the limit that began at START (a value of $SECONDS) is over.
time_over() {
	[ $((SECONDS - $1)) -ge "$2" ] && [ $((SECONDS - $1)) -ge "$(stretch "$2")" ]
}

# wait_for SECONDS COMMAND [ARG…]: until COMMAND succeeds; fails when the time is over.
wait_for() {
	local start=$SECONDS limit=$1
	shift
	until "$@"; do
		time_over "$start" "$limit" && return 1
		sleep 0.2
	done
}

# ok NAME / not_ok NAME [WHY]: a line each, counted.
ok() {
	test_passed=$((test_passed + 1))
	echo "ok $*"
}

not_ok() {
	test_failed=$((test_failed + 1))
	echo "not ok $*"
}

# check NAME COMMAND [ARG…]: ok if COMMAND succeeds. Its output is shown only if it does not.
check() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		ok "$name"
	else
		not_ok "$name: $(printf '%q ' "$@")"
		printf '%s\n' "$output" | sed 's/^/#   /'
	fi
}

# equal NAME GOT WANTED
equal() {
	if [ "$2" = "$3" ]; then
		ok "$1"
	else
		not_ok "$1"
		printf '#   got:    %q\n#   wanted: %q\n' "$2" "$3"
	fi
}

# tests_done: the script's last line; its status is the verdict. A script that checked nothing fails.
tests_done() {
	echo "# $test_passed passed, $test_failed failed"
	[ "$test_failed" = 0 ] && [ "$test_passed" -gt 0 ]
}
