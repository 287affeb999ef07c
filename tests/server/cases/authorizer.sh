#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The external authorizer: asked at each unlock that the rest of the table allows, signed both ways, 3 s, and whatever
# isn't a right yes is a no. Against a real one over HTTPS.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose openssl
private_hosts
server_init
auth=$server_home/auth
mkdir "$auth"
(
	cd "$auth" || exit 1
	for name in ca other; do
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$name" \
			-keyout $name.key -out $name.pem
	done
	openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=auth" -keyout tls.key -out tls.csr
	openssl x509 -req -in tls.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 1 \
		-extfile <(echo "subjectAltName=IP:127.0.0.1,IP:127.0.0.2") -out tls.pem
	cat tls.pem tls.key >cert.pem
) >"$server_home/openssl.log" 2>&1 || die "$(cat "$server_home/openssl.log")"

# point X Y CURVE DER: from a public key in DER to a JWK; its last bytes are both numbers.
jwk_of() { # PRIVATE.pem CURVE
	openssl ec -in "$1" -pubout -outform DER 2>/dev/null | python3 -c 'import base64, json, sys
width = {"P-256": 32, "P-384": 48, "P-521": 66}[sys.argv[1]]
point = sys.stdin.buffer.read()[-2 * width:]
text = lambda data: base64.urlsafe_b64encode(data).rstrip(b"=").decode()
print(json.dumps({"kty": "EC", "crv": sys.argv[1], "x": text(point[:width]), "y": text(point[width:])}))' "$2"
}
# pem_of JWK: of the key that signs the server's questions (P-521).
pem_of() {
	python3 -c 'import base64, json, subprocess, sys
key = json.load(sys.stdin)
number = lambda name: base64.urlsafe_b64decode(key[name] + "==")
prefix = bytes.fromhex("30819b301006072a8648ce3d020106052b810400230381860004")
sys.stdout.buffer.write(subprocess.run(["openssl", "pkey", "-pubin", "-inform", "DER"], check=True,
    input=prefix + number("x") + number("y"), stdout=subprocess.PIPE).stdout)' <<<"$1"
}
use_keys() { # CURVE ALG OPENSSL_NAME: new ones, which sign answers
	openssl ecparam -name "$3" -genkey -noout -out "$auth/key.pem" 2>/dev/null
	openssl ecparam -name "$3" -genkey -noout -out "$auth/wrong.pem" 2>/dev/null
	echo "$2" >"$auth/alg"
	jwk_of "$auth/key.pem" "$1" >"$auth/key.jwk"
}
mode() { echo "$1" >"$auth/mode"; }
use_keys P-256 ES256 prime256v1
pem_of "$(cat "$server_dir/audit.pub.jwk")" >"$auth/server.pem" || die "no public key"
mode allow
python3 "$server_tests/authorizer.py" "$auth" >"$auth/out" 2>&1 &
cleanup_fn end_process $!
wait_for 20 test -s "$auth/port" || die "no authorizer: $(cat "$auth/out")"
auth_url=https://127.0.0.1:$(cat "$auth/port")/ask

people olga=owner adm=admin
server_run --courier-to 127.0.0.1
new_device
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlock() { recover "$device_url" "$kid" "$point"; }
set_body() { # URL [CA]
	jq -nc --arg url "$1" --slurpfile key "$auth/key.jwk" --rawfile ca "${2-$auth/ca.pem}" '{$url, key: $key[0], $ca}'
}
denials() { store_sql "SELECT coalesce(sum(count), 0) FROM audit WHERE event = 'unlock-denied' AND reason = 'authorizer' AND detail = '$1'"; }
allowed() { store_sql "SELECT count(*) FROM audit WHERE event = 'unlock-allowed'"; }
touch "$auth/asked" "$auth/verified"
asked() { wc -l <"$auth/asked"; }

# Setting it.
unlock
equal "without an authorizer it unlocks" "$status" 200
api GET /v1/authorizer
equal "none is set" "$(member .authorizer)" null
equal "the key of questions is shown" "$(member '.signed_by | "\(.kty) \(.crv) \(has("d"))"')" "EC P-521 false"
api POST /v1/authorizer/test
expect "there is none to test" 404 not-found
api_token=$(token_of adm) api POST /v1/authorizer/set "$(set_body "$auth_url")"
expect "an admin can't set it" 403 role
api_token=$(token_of adm) api POST /v1/authorizer/remove
expect "nor remove it" 403 role
refused() { # NAME JQ_FILTER
	api POST /v1/authorizer/set "$(set_body "$auth_url" | jq -c "$2")"
	expect "refused: $1" 400 invalid
}
refused "plain http" '.url = "http://127.0.0.1/"'
refused "no URL" 'del(.url)'
refused "no host" '.url = "https:///ask"'
refused "a user in the URL" '.url = "https://user@127.0.0.1/"'
refused "a line break in the URL" '.url = "https://127.0.0.1/\n"'
refused "a URL that is too long" '.url = "https://a/" + "b" * 600'
refused "no key" 'del(.key)'
refused "a private key" '.key.d = "AAAA"'
refused "a symmetric key" '.key = {kty: "oct", k: "AAAA"}'
refused "another curve" '.key.crv = "P-521"'
refused "half a key" 'del(.key.y)'
refused "no certificate" '.ca = "hello"'
refused "a private key as CA" '.ca += "-----BEGIN PRIVATE KEY-----"'
refused "an unknown member" '.timeout = 9'
api GET /v1/authorizer
equal "nothing of that was set" "$(member .authorizer)" null
PANOCRYPT_TOKEN_FILE=$server_home/olga
token_of olga >"$PANOCRYPT_TOKEN_FILE"
chmod 600 "$PANOCRYPT_TOKEN_FILE"
check "panocryptctl authorizer set" "$panocryptctl" authorizer set "$auth_url" --key "$auth/key.jwk" --authorizer-ca "$auth/ca.pem"
check "panocryptctl authorizer show" sh -c '"$1" authorizer show | grep -qF "$2"' - "$panocryptctl" "$auth_url"
check "panocryptctl authorizer test" sh -c '"$1" authorizer test | grep -q "rightly signed, with allow"' - "$panocryptctl"
equal "who set it, and what, is in the audit" \
	"$(store_sql "SELECT actor FROM audit WHERE event = 'authorizer-set' AND detail LIKE '$auth_url, key %'")" olga

# Asked, and yes.
before=$(allowed)
unlock
equal "yes: it unlocks" "$status" 200
question=$(tail -n 1 "$auth/asked")
equal "what it was asked" "$(jq -r '"\(.type) \(.audience) \(.organization) \(.device) \(.source) \(.reason) \(.path) \(.content_type)"' <<<"$question")" \
	"panocrypt-authorization $auth_url example $device 127.0.0.1 policy /ask application/jose"
check "with a time, and an end" jq -e '(.time - now | fabs) < 60 and .expires > .time' <<<"$question"
equal "the audit has the same id" "$(store_sql "SELECT detail FROM audit WHERE event = 'unlock-allowed' ORDER BY seq DESC LIMIT 1")" \
	"authorizer $(jq -r .id <<<"$question")"
equal "one row" "$(($(allowed) - before))" 1
unlock
equal "each time it is asked anew" "$(jq -r .id "$auth/asked" | sort | uniq -d | wc -l) $status" "0 200"
check "an answer in a JWT library's form" sh -c 'echo jwt >"$1"' - "$auth/mode"
unlock
equal "is taken too" "$status" 200
all_verified() { [ "$(wc -l <"$auth/verified")" = "$(asked)" ]; }
check "each question was signed by the server's key" wait_for 20 all_verified

# Whatever isn't a right yes is a no, and says why.
before=$(allowed)
is_no() { # MODE CAUSE
	local was seen
	mode "$1"
	was=$(denials "$2")
	seen=$(asked)
	unlock
	equal "$1: denied" "$status" 403
	# The first of its kind is a row at once; what repeats within the minute isn't one yet.
	[ "$was" -gt 0 ] || equal "$1: the audit says $2" "$(denials "$2")" 1
	equal "$1: it was asked once" "$(($(asked) - seen))" 1
}
is_no deny deny
is_no expired expired
is_no wrong-id wrong-id
is_no wrong-key signature
is_no changed signature
is_no none garbage
is_no hmac garbage
is_no spaces garbage
is_no twice garbage
is_no garbage garbage
is_no empty garbage
is_no huge too-large
is_no error status
is_no redirect status
equal "a redirect isn't followed" "$(jq -r .path "$auth/asked" | sort -u)" /ask
started=$(date +%s%N)
is_no late timeout
check "3 s, and no longer" test $((($(date +%s%N) - started) / 1000000)) -lt "$(stretch 3900)"
is_no drip timeout
mode replay
unlock
equal "(the first time it is the answer)" "$status" 200
is_no replay wrong-id
mode deny
check "panocryptctl authorizer test: a no works" sh -c '"$1" authorizer test | grep -q "with deny"' - "$panocryptctl"
mode wrong-key
"$panocryptctl" authorizer test >"$server_home/out" 2>&1
equal "and a wrong key doesn't" "$? $(grep -c '^[^ ]*.*signature: ' "$server_home/out")" "3 1"
equal "nothing but the one was allowed" "$(($(allowed) - before))" 1
api GET "/v1/denials?device=$device"
equal "denials say what to do" "$(member '.denials[0] | "\(.reason) \(.command)"')" "authorizer panocryptctl authorizer test"

# Others aren't held up, and the rest of the table comes first.
mode allow
seen=$(asked)
recover "$device_url" "$(printf 'A%.0s' {1..43})" "$point"
api POST "/v1/devices/$device/disable"
unlock
equal "disabled: denied without asking" "$status $(($(asked) - seen))" "403 0"
api POST "/v1/devices/$device/allow-once" '{"replies":2}'
waiver=$(member .waiver)
mode deny
unlock
equal "a waiver doesn't help against a no" "$status" 403
api GET "/v1/waivers?device=$device"
equal "which spends none of it" "$(member '.waivers[0] | "\(.state) \(.boots_left)"')" "usable 1"
mode allow
unlock
equal "a yes does" "$status $(tail -n 1 "$auth/asked" | jq -r .reason)" "200 waiver"
equal "both are in its row" "$(store_sql "SELECT detail FROM audit WHERE event = 'unlock-allowed' ORDER BY seq DESC LIMIT 1")" \
	"waiver $waiver, authorizer $(tail -n 1 "$auth/asked" | jq -r .id)"
api POST "/v1/devices/$device/enable"

# What changes while it is asked, counts: the whole table runs again. There are 3 s for it; where this machine takes longer,
# it was no try.
change() { # PATH BODY
	fetch -o /dev/null -f -X POST -H "Authorization: Bearer $server_token" --data-binary "$2" "$server_admin_url$1"
}
meanwhile() { # NAME PATH BODY: an unlock whose authorizer says yes once that was posted; its status, into got
	local start
	mode wait
	for _ in 1 2 3 4 5 6; do
		seen=$(asked)
		rm -f "$auth/go"
		asking "$1"
		is_asked() { [ "$(asked)" -gt "$seen" ]; }
		wait_for 3 is_asked || not_ok "$1: it isn't asked"
		start=$(date +%s%N)
		[ -z "$2" ] || change "$2" "$3" || not_ok "$1: $2"
		touch "$auth/go"
		wait_for 20 has_answer "$1"
		got=$(cut -d' ' -f1 "$server_home/$1.status")
		[ $((($(date +%s%N) - start) / 1000000)) -ge 2000 ] || return 0
	done
	not_ok "$1: this machine is too slow"
}
meanwhile same "" ""
equal "nothing changed: yes" "$got" 200
meanwhile elsewhere "/v1/devices/$device/set" '{"allow_from":["10.0.0.0/8"]}'
equal "its addresses were changed while it was asked: no" "$got" 403
equal "for that reason" "$(store_sql "SELECT reason FROM audit WHERE event = 'unlock-denied' ORDER BY seq DESC LIMIT 1")" source
change "/v1/devices/$device/set" '{"allow_from":["127.0.0.0/8"]}'
meanwhile anew /v1/authorizer/set "$(set_body "$auth_url")"
equal "it was set anew while it was asked: no" "$got" 403
equal "changed" "$(denials changed)" 1
mode allow
unlock
equal "and then yes" "$status" 200

# Another curve for the answers.
use_keys P-521 ES512 secp521r1
unlock
equal "a key that isn't set yet" "$status" 403
api POST /v1/authorizer/set "$(set_body "$auth_url")"
unlock
equal "ES512, once it is" "$status" 200

# The way there.
other_url() { # NAME URL CA CAUSE
	api POST /v1/authorizer/set "$(set_body "$2" "$3")"
	unlock
	equal "$1: denied" "$status" 403
	api POST /v1/authorizer/test
	equal "$1: $4" "$(member '"\(.works) \(.outcome)"')" "false $4"
}
other_url "another CA" "$auth_url" "$auth/other.pem" certificate
other_url "another name" "${auth_url/127.0.0.1/localhost}" "$auth/ca.pem" certificate
other_url "nobody listens" "https://127.0.0.1:$(free_port)/" "$auth/ca.pem" connection
other_url "a private address that the operator doesn't name" "${auth_url/127.0.0.1/127.0.0.2}" "$auth/ca.pem" private
other_url "a cloud's metadata" "https://169.254.169.254/" "$auth/ca.pem" private
other_url "the same in another form" "https://[::ffff:127.0.0.2]:${auth_url##*:}" "$auth/ca.pem" private
other_url "no such name" "https://authorizer.invalid/" "$auth/ca.pem" name
cat >"$server_home/silent.py" <<'PYTHON'
import socket, sys, time
listener = socket.create_server(("127.0.0.1", 0), backlog=64)
print(listener.getsockname()[1], flush=True)
kept = []
while True:
    kept.append(listener.accept())
PYTHON
python3 "$server_home/silent.py" >"$server_home/silent.port" &
cleanup_fn end_process $!
wait_for 20 test -s "$server_home/silent.port"
api POST /v1/authorizer/set "$(set_body "https://127.0.0.1:$(cat "$server_home/silent.port")/")"
unlock
equal "one that says nothing: denied" "$status" 403
check "timeout" test "$(denials timeout)" -ge 1

# It holds up its own organization's unlocks alone.
theirs=$(random_hex 16)
store_sql "INSERT INTO organization (id, name, created_s) VALUES (x'$theirs', 'other', $(date +%s))"
person "$theirs" eve owner $(($(date +%s) + 3600))
mine_url=$device_url mine_kid=$kid
api_token=$(token_of eve)
new_device
api GET /v1/authorizer
equal "another organization has none" "$(member .authorizer)" null
api POST /v1/authorizer/remove
expect "nor removes ours" 404 not-found
unset api_token
their_url=$device_url their_kid=$(exchange_thumbprint "$device_url")
for i in {1..40}; do
	asking "storm$i"
done 2>/dev/null
device_url=$mine_url kid=$mine_kid
for i in {1..40}; do asking "mine$i"; done
recover "$their_url" "$their_kid" "$point"
equal "others unlock while 40 wait for one that says nothing" "$status" 200
all_answered() { local i; for i in {1..40}; do has_answer "mine$i" || return 1; done; }
check "all 40 are answered" wait_for 20 all_answered
equal "by a no" "$(cat "$server_home"/mine*.status | cut -d' ' -f1 | sort -u)" 403

# A courier that dies, and one that stands still.
api POST /v1/authorizer/set "$(set_body "$auth_url")"
unlock
equal "back to the right one" "$status" 200
courier=$(server_child courier)
equal "the courier has no file of the server" "$(find "/proc/$courier/fd" -type l -printf '%l\n' | grep -c "^$server_dir")" 0
core=$(server_child core)
kill -STOP "$courier"
unlock
equal "it stands still: denied" "$status" 403
kill -KILL "$courier"
works() { unlock; [ "$status" = 200 ]; }
check "it dies, and comes back" wait_for 20 works
equal "and nobody else had to" "$(server_child core)" "$core"

# Taken away.
check "panocryptctl authorizer remove" "$panocryptctl" authorizer remove
equal "it is in the audit" "$(store_sql "SELECT detail FROM audit WHERE event = 'authorizer-removed'")" "$auth_url"
seen=$(asked)
unlock
equal "nobody is asked any more" "$status $(($(asked) - seen))" "200 0"
server_stop
check "the audit is whole" "$panocryptd" audit verify --dir "$server_dir"
tests_done
