#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Processes: what each holds, its sandbox, what happens when one dies, silent clients, another user, PROXY.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose pgrep
[ "$(id -u)" = 0 ] || skip "needs root, to give it up"
server_init --user nobody
server_run
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlocks() {
	recover "$device_url" "$kid" "$point"
	[ "$status" = 200 ]
}
check "unlocks" unlocks

for name in core admin front courier; do
	pid=$(server_child "$name") || die "no $name"
	equal "$name: filtered system calls" "$(awk '/^Seccomp:/ { print $2 }' "/proc/$pid/status")" 2
	equal "$name: no new privileges" "$(awk '/^NoNewPrivs:/ { print $2 }' "/proc/$pid/status")" 1
	equal "$name: another user" "$(awk '/^Uid:/ { print $2, $3 }' "/proc/$pid/status")" "$(id -u nobody) $(id -u nobody)"
	equal "$name: no core dumps" "$(awk '/^Max core file size/ { print $5, $6 }' "/proc/$pid/limits")" "0 0"
	equal "$name: no capabilities" "$(awk '/^CapEff:/ { print $2 }' "/proc/$pid/status")" 0000000000000000
done
check "core: its keys are locked into memory" test "$(awk '/^VmLck:/ { print $2 }' "/proc/$(server_child core)/status")" -gt 0
equal "the monitor: another user" "$(awk '/^Uid:/ { print $2 }' "/proc/$server_pid/status")" "$(id -u nobody)"
files() { find "/proc/$1/fd" -type l -printf '%l\n' | grep "^$server_dir" | sort -u; }
equal "front has no file of the server open" "$(files "$(server_child front)")" ""
if [ "$test_store" = sqlite ]; then
	check "core has the store" test -n "$(files "$(server_child core)")"
else
	equal "core has the witness open and no other file of the server" "$(files "$(server_child core)")" \
		"$server_dir/witness"
	equal "core and admin are connected to the database" "$(store_sql "SELECT count(*) FROM pg_stat_activity
		WHERE usename = '$store_database' AND application_name = 'panocryptd'")" 2
fi
sockets() { # inodes of TCP sockets in a process
	find "/proc/$1/fd" -type l -printf '%l\n' | sed -n 's/^socket:\[\(.*\)\]$/\1/p' |
		grep -Fxf <(awk 'NR > 1 { print $10 }' /proc/net/tcp /proc/net/tcp6)
}
equal "core has no network socket" "$(sockets "$(server_child core)")" ""
check "the monitor has its listeners" test "$(sockets "$server_pid" | wc -l)" = 2
equal "front has no listener" "$(sockets "$(server_child front)")" ""
equal "the courier has no file of the server open, and no socket yet" \
	"$(files "$(server_child courier)")$(sockets "$(server_child courier)")" ""

for name in front admin courier core; do
	pid=$(server_child "$name")
	kill -KILL "$pid"
	check "$name dies and comes back" wait_for 20 sh -c '[ -n "$1" ] && ! kill -0 "$1" 2>/dev/null' - "$pid"
	check "$name: unlocks again" wait_for 20 unlocks
	back() { api GET /v1/whoami; [ "$status" = 200 ]; }
	check "$name: the API too" wait_for 20 back
done

# 1,000 clients that say nothing hold nobody up, and are closed by the deadline.
cat >"$server_home/silent.py" <<'PYTHON'
import socket, ssl, sys, threading, time

def trickle(tls, data):
    """A byte every half second must not move the deadline."""
    start = time.monotonic()
    try:
        for byte in data:
            tls.sendall(bytes([byte]))
            time.sleep(0.5)
            if time.monotonic() - start > 20:
                break
    except (ConnectionError, ssl.SSLError):
        pass
    trickled.append(time.monotonic() - start)

trickled = []
raw = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
tls = ssl.create_default_context(cafile=sys.argv[2]).wrap_socket(
    socket.create_connection(("127.0.0.1", int(sys.argv[1]))), server_hostname="unlock.test")
threads = [threading.Thread(target=trickle, args=arguments) for arguments in (
    (raw, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200)), (tls, b"GET /" + b"a" * 200))]
for thread in threads:
    thread.start()
many = [socket.create_connection(("127.0.0.1", int(sys.argv[1]))) for _ in range(1000)]
print("open", flush=True)
start = time.monotonic()
for one in many:
    one.settimeout(30)
    try:
        if one.recv(1):
            sys.exit("a silent client was answered")
    except ConnectionError:
        pass
seconds = time.monotonic() - start
for thread in threads:
    thread.join()
print(f"closed after {seconds:.0f} s, tricklers after {trickled}", flush=True)
sys.exit(0 if 5 < seconds < 20 and all(5 < one < 20 for one in trickled) else 1)
PYTHON
python3 "$server_home/silent.py" "$server_port" "$server_ca" >"$server_home/silent.log" 2>&1 &
silent=$!
check "1,000 silent clients" wait_for 20 grep -q open "$server_home/silent.log"
check "others unlock meanwhile" unlocks
wait "$silent"
equal "the silent ones are closed by the deadline" "$? $(tail -n 1 "$server_home/silent.log" | cut -d' ' -f1)" "0 closed"

# A core that doesn't answer: 503, and nobody waits for ever.
pid=$(server_child core)
kill -STOP "$pid"
answer=$(curl -sS --max-time 60 --resolve "$server_name:$server_port:127.0.0.1" -o /dev/null \
	-w '%{http_code}' --data-binary "$point" "$device_url/rec/$kid")
equal "core stands still: 503" "$answer" 503
kill -CONT "$pid"
check "it goes on" wait_for 20 unlocks
server_stop
equal "a clean end" $? 0

server_run --proxy-from 127.0.0.1
cat >"$server_home/proxy.py" <<'PYTHON'
import socket, ssl, sys
port, ca, path, header, source = sys.argv[1:]
raw = socket.create_connection(("127.0.0.1", int(port)), timeout=20, source_address=(source, 0))
for byte in header.encode().decode("unicode_escape").encode("latin-1"):
    raw.sendall(bytes([byte]))
tls = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname="unlock.test")
body = sys.stdin.buffer.read()
tls.sendall(b"POST %s HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % (path.encode(), len(body)) + body)
print(tls.recv(4096).split()[1].decode())
PYTHON
proxied() { # PORT HEADER [SOURCE]
	python3 "$server_home/proxy.py" "$1" "$server_ca" "${device_url#"$server_url"}/rec/$kid" "$2" "${3-127.0.0.1}" <<<"$point" 2>/dev/null
}
equal "PROXY v1: the client's address counts" "$(proxied "$server_port" 'PROXY TCP4 192.0.2.7 127.0.0.1 1234 443\r\n')" 403
equal "PROXY v1: from an allowed one" "$(proxied "$server_port" 'PROXY TCP4 127.0.0.9 127.0.0.1 1234 443\r\n')" 200
equal "PROXY v2" "$(proxied "$server_port" \
	'\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c\xc0\x00\x02\x08\x7f\x00\x00\x01\x04\xd2\x01\xbb')" 403
equal "no PROXY header" "$(proxied "$server_port" '')" ""
equal "a damaged one" "$(proxied "$server_port" 'PROXY TCP9 a b c d\r\n')" ""
server_seen() { python3 - "$server_admin_port" "$server_ca" "$server_token" <<'PYTHON'
import json, socket, ssl, sys
port, ca, token = sys.argv[1:]
raw = socket.create_connection(("127.0.0.1", int(port)), timeout=20)
raw.sendall(b"PROXY UNKNOWN\r\n")
tls = ssl.create_default_context(cafile=ca).wrap_socket(raw, server_hostname="unlock.test")
tls.sendall(f"GET /v1/denials HTTP/1.0\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
answer = b""
while chunk := tls.recv(65536):
    answer += chunk
print(" ".join(sorted({row["source"] for row in json.loads(answer.split(b"\r\n\r\n", 1)[1])["denials"]})))
PYTHON
}
equal "the audit has those addresses" "$(server_seen)" "192.0.2.7 192.0.2.8"

# Who isn't a configured peer can't say that it is somebody else: its header is no TLS, and its own address counts.
allowed_from() { store_sql "SELECT count(*) FROM audit WHERE event = 'unlock-allowed' AND source = '$1'"; }
before=$(allowed_from 127.0.0.9)
equal "a stranger's PROXY v1 gets no answer" "$(proxied "$server_port" 'PROXY TCP4 127.0.0.9 127.0.0.1 1234 443\r\n' 127.0.0.2)" ""
equal "nor its v2" "$(proxied "$server_port" \
	'\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a\x21\x11\x00\x0c\x7f\x00\x00\x09\x7f\x00\x00\x01\x04\xd2\x01\xbb' 127.0.0.2)" ""
equal "a stranger without one is answered" "$(proxied "$server_port" '' 127.0.0.2)" 200
equal "by its own address, once" "$(allowed_from 127.0.0.2)" 1
equal "and nothing was given to whom it said it was" "$(allowed_from 127.0.0.9)" "$before"
tests_done
