#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# An enrollment key that others may know: it enrolls nothing more, and its devices are held until people have looked.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
new_key '{"max_uses":5,"allow_from":["127.0.0.0/8"]}'
point=$(a_point)
declare -A url id exchange
for name in old new asks; do
	enroll "$key"
	expect "$name is enrolled" 201
	id[$name]=$(member .device) url[$name]=$(member .url)
	exchange[$name]=$(exchange_thumbprint "${url[$name]}")
done
unlock() { recover "${url[$1]}" "${exchange[$1]}" "$point"; }
state() {
	api GET "/v1/devices/${id[$1]}"
	member '"\(.state) \(.held)"'
}
compromise() { api POST "/v1/enrollment-keys/${1-$key_id}/compromise" "${2-{\}}"; }
new_device
other=$device other_url=$device_url other_kid=$(exchange_thumbprint "$device_url")

now=$(date +%s)
store_sql "UPDATE device SET created_s = $((now - 3600)) WHERE id = x'${id[old]}'"
api POST "/v1/devices/${id[asks]}/set" '{"approval":"always"}'
api POST "/v1/devices/${id[new]}/allow-once" '{}'
expect "a waiver for one of them" 201
device_url=${url[asks]} kid=${exchange[asks]}
asking waiting
pending
compromise "$key_id" "{\"since\":$((now - 1800))}"
equal "compromised: those made since then are held" \
	"$status $(member '"\(.held) \(.enrollment_key.state) \(.enrollment_key.compromised > 0)"')" "200 2 compromised true"
equal "who waited for people is refused at once" "$(asked waiting)" 403
api GET /v1/approvals
equal "and people aren't asked any more" "$(member '.approvals | length')" 0
unlock new
equal "held: refused, whatever was allowed" "$status" 403
equal "its state says why" "$(state new)" "held compromised"
api GET "/v1/denials?device=${id[new]}"
equal "and so does the denial, with the way out" "$(member '.denials[0] | "\(.reason) \(.command)"')" \
	"held panocryptctl device release ${id[new]}"
unlock old
equal "an older one isn't" "$status" 200
recover "$other_url" "$other_kid" "$point"
equal "nor one of no key" "$status" 200
enroll "$key"
expect "it enrolls nothing" 403 key-revoked

api POST "/v1/devices/${id[new]}/release"
equal "released" "$status $(state new)" "200 converting "
unlock new
equal "it unlocks" "$status" 200
compromise
equal "once more, for all: the old one too, and the released again" "$status $(member .held)" "200 2"
for name in old new; do
	unlock $name
	equal "$name is refused" "$status" 403
done
api POST "/v1/devices/${id[old]}/revoke"
equal "revoked stays revoked" "$(state old)" "revoked compromised"
compromise
equal "nothing is left to hold" "$status $(member .held)" "200 0"
equal "the audit has each" "$(store_sql "SELECT count(*) FROM audit WHERE event = 'enrollment-key-compromised'
	AND detail LIKE '$key_id: %'")" 3
equal "and never $other" "$(store_sql "SELECT held FROM device WHERE id = x'$other'")" ""

compromise ZZZZ
expect "an unknown key" 404 not-found
for text in '{"since":-1}' '{"since":"x"}' '{"since":9223372036854775808}' '{"until":1}' '[]'; do
	compromise "$key_id" "$text"
	expect "invalid: $text" 400 invalid
done
tests_done
