#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The leaf certificate: several names; renewed and handed to the running processes, without a restart or a cut connection.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose openssl
server_start --name Second.test --name third.test
serial() { # PORT: of the certificate that is served
	openssl s_client -connect "127.0.0.1:$1" -servername "$server_name" </dev/null 2>/dev/null | openssl x509 -noout -serial
}
answers_as() { # NAME
	curl -sS --max-time 20 --resolve "$1:$server_port:127.0.0.1" -o /dev/null -w '%{http_code}' "https://$1:$server_port/healthz"
}
for name in "$server_name" second.test third.test; do
	equal "answers as $name" "$(answers_as "$name")" 200
done
check "not as another" sh -c '! curl -sS --max-time 20 --resolve "x.test:$1:127.0.0.1" "https://x.test:$1/healthz"' - "$server_port"
"$panocryptd" init --dir "$server_home/x" --url https://a.test --admin-url https://a.test:8444 --organization o --admin a \
	--name 192.0.2.1 >"$server_home/out" 2>&1
equal "an address is no name" "$? $(grep -c "isn't a DNS name" "$server_home/out")" "1 1"
"$panocryptd" init --dir "$server_home/x" --url https://192.0.2.1 --admin-url https://a.test:8444 --organization o --admin a \
	>"$server_home/out" 2>&1
equal "nor is the URL an address" "$? $(grep -c "must be a DNS name" "$server_home/out")" "1 1"
check "and nothing was made" test ! -e "$server_home/x"

new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
front=$(server_child front) admin=$(server_child admin) core=$(server_child core)
first=$(serial "$server_port")
kill -HUP "$server_pid"
wait_for 20 grep -q "certificate was renewed" "$server_home/log"
equal "nothing was due: the same one" "$(serial "$server_port")" "$first"

# One that is past half its life, by our CA.
past_half() {
	openssl req -new -key "$server_dir/leaf.key" -subj "/CN=$server_name" -out "$server_home/req" 2>/dev/null &&
		printf 'subjectAltName=DNS:%s,DNS:second.test,DNS:third.test\n' "$server_name" >"$server_home/ext" &&
		openssl x509 -req -in "$server_home/req" -CA "$server_dir/ca.pem" -CAkey "$server_dir/ca.key" -days 40 \
			-extfile "$server_home/ext" -out "$server_home/leaf" 2>/dev/null &&
		cat "$server_home/leaf" "$server_dir/ca.pem" >"$server_dir/leaf.pem"
}
past_half || die "openssl"
old=$(openssl x509 -in "$server_dir/leaf.pem" -noout -serial)
# A connection that is open all the while, asked before and after.
cat >"$server_home/open.py" <<'PYTHON'
import http.client, ssl, sys
port, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
context.check_hostname = False
connection = http.client.HTTPSConnection("127.0.0.1", int(port), context=context, timeout=30)
for line in sys.stdin:
    connection.request("GET", "/healthz", headers={"Host": "unlock.test"})
    answer = connection.getresponse()
    answer.read()
    print(answer.status, flush=True)
PYTHON
coproc OPEN { python3 "$server_home/open.py" "$server_port" "$server_ca"; }
echo >&"${OPEN[1]}"
read -r -t 30 before <&"${OPEN[0]}"
kill -HUP "$server_pid"
renewed() { [ "$(serial "$server_port")" != "$first" ]; }
check "renewed, and served" wait_for 20 renewed
echo >&"${OPEN[1]}"
read -r -t 30 after <&"${OPEN[0]}"
equal "the connection that was open goes on" "$before $after" "200 200"
check "it isn't the old one" test "$(serial "$server_port")" != "$old"
equal "the file is the one that is served" "$(openssl x509 -in "$server_dir/leaf.pem" -noout -serial)" "$(serial "$server_port")"
admin_too() { [ "$(serial "$server_admin_port")" = "$(serial "$server_port")" ]; }
check "by admin too" wait_for 20 admin_too
equal "nobody was restarted" "$(server_child front) $(server_child admin) $(server_child core)" "$front $admin $core"
for name in "$server_name" second.test third.test; do
	equal "still answers as $name" "$(answers_as "$name")" 200
done
recover "$device_url" "$kid" "$point"
equal "it unlocks" "$status" 200

# Files that can't be used change nothing.
cp "$server_dir/leaf.key" "$server_home/leaf.key"
now=$(serial "$server_port")
mv "$server_dir/ca.key" "$server_home/ca.key"
echo garbage >"$server_dir/leaf.key"
kill -HUP "$server_pid"
check "it says so" wait_for 20 grep -q "can't be used" "$server_home/log"
equal "and goes on with the one it has" "$(serial "$server_port")" "$now"

# To another name: what was bound before goes on, new devices get the new one.
cp "$server_home/ca.key" "$server_dir/ca.key"
cp "$server_home/leaf.key" "$server_dir/leaf.key"
server_stop
refused() { # NAME WORDS OPTION…
	local name=$1 words=$2
	shift 2
	"$panocryptd" rebind --dir "$server_dir" "$@" >"$server_home/out" 2>&1
	equal "rebind: $name is refused" "$? $(grep -c "$words" "$server_home/out")" "1 1"
}
cp "$server_dir/config.json" "$server_home/config.json"
refused "nothing" "nothing is to be changed"
refused "an address" "must be a DNS name" --url https://192.0.2.1
refused "plain http" "https" --url http://moved.test
refused "a name that is none" "isn't a DNS name" --name 'a b'
refused "more names than there is room for" "more than 8" --name a.test --name b.test --name c.test --name d.test --name e.test \
	--name f.test --name g.test
check "and nothing was changed" cmp "$server_dir/config.json" "$server_home/config.json"
check "rebind" sh -c '"$1" rebind --dir "$2" --url "https://Moved.test:$3" | grep -q "clevis luks edit"' - \
	"$panocryptd" "$server_dir" "$server_port"
equal "the configuration has the new one, and the old one as a further name" \
	"$(jq -r '"\(.url) \(.names | sort | join(" "))"' "$server_dir/config.json")" \
	"https://moved.test:$server_port second.test third.test"
equal "the admin listener is still called as before" "$(jq -r .admin_url "$server_dir/config.json")" "$server_admin_url"
check "with its own name: the old one stays too" "$panocryptd" rebind --dir "$server_dir" --admin-url "https://admin.test:$server_admin_port"
equal "now as a further name" "$(jq -r '.names | sort | join(" ")' "$server_dir/config.json")" "second.test third.test $server_name"
equal "the audit tells" "$(store_sql "SELECT count(*) FROM audit WHERE event = 'rebound'")" 2
cp "$server_dir/ca.pem" "$server_home/ca.pem"
server_run
check "the CA is the same" cmp "$server_dir/ca.pem" "$server_home/ca.pem"
for name in "$server_name" second.test third.test moved.test; do
	equal "answers as $name" "$(answers_as "$name")" 200
done
recover "$device_url" "$kid" "$point"
equal "what was bound to the old URL unlocks" "$status" 200
old_url=$device_url
new_device
equal "a new device is told the new one" "${device_url%/d/*}" "https://moved.test:$server_port"
api GET "/v1/devices/${old_url##*/}"
equal "and so is who looks at the old one" "$(member .url)" "https://moved.test:$server_port/d/${old_url##*/}"
moved() { curl -sS --max-time 20 --connect-to "moved.test::127.0.0.1:" "$@"; }
equal "which works for both" "$(moved -o /dev/null -w '%{http_code}' --data-binary "$point" \
	"https://moved.test:$server_port/d/${old_url##*/}/rec/$kid")" 200
tests_done
