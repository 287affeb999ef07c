#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# "panocryptd compat" beside Debian's tangd, from one folder of keys: the tables of compat_table.py; its options; clevis
# binds to it and decrypts; new keys; who is slow is let go.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

panocryptd=$test_root/build/panocryptd
PATH=$PATH:/usr/libexec # where Debian keeps tangd
requires tangd tangd-keygen clevis jose curl python3 socat

work=$(mktemp -d)
cleanup_fn rm -rf "$work"
keys=$work/keys
mkdir "$keys"
tangd-keygen "$keys" old-sig old-exc
mv "$keys/old-sig.jwk" "$keys/.old-sig.jwk"
mv "$keys/old-exc.jwk" "$keys/.old-exc.jwk"
tangd-keygen "$keys" sig exc
jose jwk gen -i '{"alg":"ECMR","kty":"EC","crv":"P-256"}' -o "$keys/.p256.jwk"
echo nonsense >"$keys/broken.jwk"
jose jwk gen -i '{"kty":"EC","crv":"P-521"}' -o "$work/client"
jose jwk pub -i "$work/client" -o "$work/client.pub"

while IFS= read -r line; do
	case $line in
	"ok "*) ok "${line#ok }" ;;
	"not ok "*) not_ok "${line#not ok }" ;;
	"# "*) table=$line ;;
	esac
done < <(python3 "$test_root/tests/wire/compat_table.py" tangd "$panocryptd compat" "$keys")
check "the tables ran to their end" test -n "${table-}"
echo "${table-}"

port=$(free_port)
"$panocryptd" compat -l -p "$port" "$keys" 2>"$work/log" &
cleanup_fn end_process $!
url=http://127.0.0.1:$port
check "it listens on loopback" wait_for 10 curl -sfo /dev/null "$url/adv"
clevis_opens() {
	echo secret | clevis encrypt tang "{\"url\":\"$1\"}" -y >"$work/jwe" && [ "$(clevis decrypt <"$work/jwe")" = secret ]
}
check "clevis binds and decrypts" clevis_opens "$url"

# Many silent clients, then one that speaks.
for _ in $(seq 20); do
	socat -u "TCP:127.0.0.1:$port" OPEN:/dev/null 2>/dev/null &
	cleanup_fn end_process $!
done
check "silent clients don't keep others waiting" curl -sf -m 5 -o /dev/null "$url/adv"
# The sleep is the client: one that doesn't end its request. Who isn't let go within 30 s ends with 124.
slow_is_let_go() {
	timeout 30 "$panocryptd" compat "$keys" < <(printf 'GET /adv HTTP/1.1\r\nHost: x\r\n' && exec sleep 31 2>/dev/null) >"$work/slow"
	[ $? = 0 ] && [ ! -s "$work/slow" ]
}
check "who doesn't finish a request is let go" slow_is_let_go

other=$(free_port)
"$panocryptd" compat "$keys" -e /some/where/ --listen --port "$other" 2>"$work/log" &
cleanup_fn end_process $!
check "with words before the paths" wait_for 10 curl -sfo /dev/null "http://127.0.0.1:$other/some/where/adv"
check "clevis finds them" clevis_opens "http://127.0.0.1:$other/some/where"
equal "without them, nothing" "$(curl -so /dev/null -w '%{http_code}' "http://127.0.0.1:$other/adv")" 404

mkdir "$work/new"
first_answer() { printf 'GET /adv HTTP/1.1\r\nHost: x\r\n\r\n' | "$panocryptd" compat "$1" 2>"$work/log"; }
check "an empty folder gets a pair of keys" eval 'first_answer "$work/new" | grep -q "^HTTP/1.1 200"'
equal "as tangd would name and guard them" "$(cd "$work/new" && stat -c %a -- *.jwk | sort | uniq -c | xargs)" "2 440"
for key in "$work"/new/*.jwk; do
	equal "by their thumbprint" "${key##*/}" "$(jose jwk thp -i "$key" -a S256).jwk"
done
rm "$work"/new/*.jwk
jose jwk gen -i '{"alg":"ECMR"}' -o "$work/new/exc.jwk"
check "shown keys of which none signs: 500" eval 'first_answer "$work/new" | grep -q "^HTTP/1.1 500"'
check "and the log says what to do" grep -q tangd-keygen "$work/log"
check "no such folder: 500" eval 'first_answer "$work/none" | grep -q "^HTTP/1.1 500"'

"$panocryptd" compat >/dev/null 2>"$work/log"
equal "no folder named" $? 2
"$panocryptd" compat -p 70000 "$keys" >/dev/null 2>"$work/log"
equal "no such port" $? 2
check "help" eval '"$panocryptd" compat --help | grep -q "usage: panocryptd compat"'
tests_done
