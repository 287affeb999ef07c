#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Malformed HTTP, JSON and JWK over raw TLS: refused or closed, never 200, never a crash, never a hang.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
processes=$(pgrep -P "$server_pid" | sort | tr '\n' ' ')
"$server_tests/malformed.py" "$server_port" "$server_admin_port" "$server_ca" "$device" "$kid" "$server_token" \
	>"$server_home/malformed" || :
while read -r line; do
	case $line in
	"ok "*) ok "${line#ok }" ;;
	"not ok "*) not_ok "${line#not ok }" ;;
	*) echo "# $line" ;;
	esac
done <"$server_home/malformed"
check "many cases were tried" test "$test_passed" -gt 100
equal "no process died" "$(pgrep -P "$server_pid" | sort | tr '\n' ' ')" "$processes"
recover "$device_url" "$kid" "$(a_point)"
equal "and a good request still unlocks" "$status" 200
check "nothing is said of a breach or an error" sh -c '! grep -E "breaks the contract|ended|error" "$1"' - "$server_home/log"
tests_done
