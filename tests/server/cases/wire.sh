#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# GET /d/<device>/adv and POST /d/<device>/rec/<kid>: the wire, as docs/protocol.md has it.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
new_device
kid=$(exchange_thumbprint "$device_url")
adv=$(fetch "$device_url/adv")
jwks=$(jose fmt -j "$adv" -Og payload -SyOg keys -AUo-)

verifiers=$(jose jwk use -i- -r -u verify -o- <<<"$jwks")
verifies() { jose jws ver -i "$1" -k- -a <<<"$verifiers"; }
check "the advertisement is signed by every key in it" verifies "$adv"
equal "the thumbprint is that of its signer" "$(jq -c 'if .keys then .keys[] else . end | select(.alg == "ES512")' <<<"$jwks" |
	jose jwk thp -i- -a S256)" "$thumbprint"
verifies "$(jq -c '.payload = "e30"' <<<"$adv")" 2>/dev/null
equal "another payload isn't" $? 1
equal "flattened, cty" "$(jq -r '.protected | gsub("-";"+") | gsub("_";"/")' <<<"$adv" | base64 -d 2>/dev/null | jq -r .cty)" \
	jwk-set+json
equal "the same with a slash" "$(fetch "$device_url/adv/" | jq -r .payload)" "$(jq -r .payload <<<"$adv")"
equal "the same by thumbprint" "$(fetch "$device_url/adv/$thumbprint" | jq -r .payload)" "$(jq -r .payload <<<"$adv")"
equal "its type" "$(fetch -o /dev/null -w '%{content_type}' "$device_url/adv")" application/jose+json

# McCallum-Relyea by hand: c·(s·G) is s·(c·G).
jose jwk gen -i '{"alg":"ECMR"}' -o "$server_home/c.jwk"
jose jwk pub -i "$server_home/c.jwk" -o "$server_home/C.jwk"
jq -c 'if .keys then .keys[] else . end | select(.alg == "ECMR")' <<<"$jwks" >"$server_home/S.jwk"
recover "$device_url" "$kid" "$(cat "$server_home/C.jwk")"
equal "recovery" "$status" 200
equal "the product is right" "$(jq -c '[.x,.y]' <<<"$body")" \
	"$(jose jwk exc -l "$server_home/c.jwk" -r "$server_home/S.jwk" -o- | jq -c '[.x,.y]')"
equal "printed as tang does" "$(jq -r 'keys_unsorted | join(" ")' <<<"$body")" "alg crv key_ops kty x y"
recover "$device_url" "$kid" "$(jq -c 'del(.alg, .key_ops)' "$server_home/C.jwk")
"
equal "without alg, with a newline" "$status" 200
equal "any content type" "$(fetch -o /dev/null -w '%{http_code}' -H 'Content-Type: text/plain' \
	--data-binary "@$server_home/C.jwk" "$device_url/rec/$kid")" 200
equal "HTTP/1.0" "$(fetch -0 -o /dev/null -w '%{http_code}' --data-binary "@$server_home/C.jwk" "$device_url/rec/$kid")" 200
equal "TLS 1.2" "$(fetch --tls-max 1.2 -o /dev/null -w '%{http_code}' "$device_url/adv")" 200
equal "TLS 1.3" "$(fetch --tlsv1.3 -o /dev/null -w '%{http_code}' "$device_url/adv")" 200
equal "P-256 handshake" "$(fetch --curves P-256 -o /dev/null -w '%{http_code}' "$device_url/adv")" 200

# Denials are alike.
point=$(cat "$server_home/C.jwk")
denial() {
	fetch -D - -o "$server_home/body" --data-binary "$point" "$1/rec/$2" | tr -d '\r'
	cat "$server_home/body"
}
unknown=$server_url/d/$(random_hex 16)
first=$(denial "$unknown" "$kid")
equal "unknown device: 403 and nothing else" "$first" "HTTP/1.1 403 Forbidden
Content-Length: 0
Connection: close"
equal "unknown key: the same" "$(denial "$device_url" "$thumbprint")" "$first"
equal "a thumbprint that can't be: the same" "$(denial "$device_url" abc)" "$first"
equal "advertisement of an unknown device" "$(fetch -o /dev/null -w '%{http_code}' "$unknown/adv")" 403
equal "by the exchange key's thumbprint" "$(fetch -o /dev/null -w '%{http_code}' "$device_url/adv/$kid")" 403
other=$device_url
new_device '{"name":"far","allow_from":["192.0.2.0/24"]}'
equal "another source: the same" "$(denial "$device_url" "$(exchange_thumbprint "$device_url")")" "$first"
equal "one device's key at another's URL: the same" "$(denial "$device_url" "$kid")" "$first"
equal "the first still unlocks" "$(fetch -o /dev/null -w '%{http_code}' --data-binary "$point" "$other/rec/$kid")" 200

api GET "/v1/audit?limit=1000"
check "each allowed one is in the audit" test "$(member '[.events[] | select(.event == "unlock-allowed") | .count] | add')" -ge 5
tests_done
