#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# /v1/enrollment-keys: create, list, revoke; limits of its members.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

server_start
new_key '{"description":"web servers","tags":["env=prod","role=web"],"allow_from":["192.0.2.0/24","2001:db8::/32"],
	"redeem_from":["198.51.100.7"],"max_uses":5,"expires_in_s":3600}'
check "the key looks like one" grep -Eq '^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{3}$' <<<"$key"
api GET /v1/enrollment-keys
expect "list" 200
equal "what was asked for is there" \
	"$(member '.enrollment_keys[0] | "\(.description) \(.tags) \(.allow_from) \(.redeem_from) \(.max_uses) \(.state)"')" \
	'web servers ["env=prod","role=web"] ["192.0.2.0/24","2001:db8::/32"] ["198.51.100.7"] 5 usable'
check "the secret isn't" test -z "$(grep -F "${key#*-}" <<<"$body")"
check "nor in the database" test -z "$(store_text | grep -aF "$(tr -d - <<<"${key#*-}")")"
check "where its description is" grep -qaF "web servers" <(store_text)

for text in '{"max_uses":0}' '{"max_uses":-1}' '{"max_uses":1000001}' '{"max_uses":"1"}' '{"max_uses":1.5}' \
	'{"expires_in_s":0}' '{"expires_in_s":7776001}' '{"tags":"a"}' '{"tags":[""]}' '{"tags":[1]}' \
	'{"tags":["a\u0007"]}' '{"allow_from":["x"]}' '{"allow_from":["192.0.2.1/24"]}' '{"allow_from":["192.0.2.0/33"]}' \
	'{"redeem_from":"10.0.0.0/8"}' '{"redeem_from":[7]}' '{"description":7}' '{"allow-from":[]}' '{"uses":1}' \
	"{\"description\":\"$(random_hex 200)\"}" "$(jq -nc '{tags: [range(17) | "t\(.)"]}')" \
	"$(jq -nc '{allow_from: [range(65) | "10.0.0.\(.)"]}')" '[]' '"x"' '{'; do
	api POST /v1/enrollment-keys "$text"
	expect "invalid: ${text:0:50}" 400 invalid
done
api POST /v1/enrollment-keys/ZZZZ/revoke
expect "revoke an unknown one" 404 not-found
api POST "/v1/enrollment-keys/$key_id/revoke"
expect "revoke" 200
api POST "/v1/enrollment-keys/$key_id/revoke"
expect "revoke twice" 200
api DELETE "/v1/enrollment-keys/$key_id/revoke"
expect "another method" 405 method
api_token=- api GET /v1/enrollment-keys
expect "without a token" 401 token-unknown
api_token=- api POST /v1/enrollment-keys '{}'
expect "without a token" 401 token-unknown
tests_done
