#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# New keys for a device, as tang rotates: the advertisement has the new ones, the old ones unlock until they are dropped;
# with stock Clevis's report and regen on a LUKS2 file.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires clevis clevis-luks-bind clevis-luks-report clevis-luks-regen cryptsetup jose
private_hosts
server_start
cd "$server_home" || exit 1
new_device
url=$device_url old_thp=$thumbprint
old_kid=$(exchange_thumbprint "$url")
point=$(a_point)
fetch "$url/adv" | jose fmt -j- -Og payload -SyOg keys -Af- | jq -c 'select(.alg == "ES512")' >old-verify.jwk
pin=$(jq -nc --arg url "$url" --arg thp "$thumbprint" '{$url, $thp}')
truncate -s 32M disk
printf 'first passphrase' >passphrase
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 disk passphrase || die "luksFormat"
clevis luks bind -y -k passphrase -d disk tang "$pin" || die "clevis luks bind"
echo "attack at dawn" >plain
clevis encrypt tang "$pin" <plain >jwe || die "clevis encrypt"
opens() {
	clevis luks pass -d disk -s 1 >phrase || return
	cryptsetup open --test-passphrase --key-slot 1 --key-file phrase disk
}
report() { clevis luks report -q -d disk -s 1 2>&1; }
check "it opens" opens
equal "nothing to report" "$(report)" ""

api POST "/v1/devices/$device/drop-old-keys"
expect "there are no old keys yet" 409 conflict
check "panocryptctl device rotate" "$panocryptctl" device rotate "$device"
api GET "/v1/devices/$device"
equal "one old generation, unused" "$(member '"\(.old_keys) \(.old_key_used)"')" "1 0"
new_thp=$(member .thumbprint)
new_kid=$(exchange_thumbprint "$url")
check "new keys" test "$new_kid" != "$old_kid" -a "$new_thp" != "$old_thp"
equal "the advertisement has the new ones alone" "$(fetch "$url/adv" | jose fmt -j- -Og payload -SyOg keys -Af- | wc -l)" 2
recover "$url" "$old_kid" "$point"
equal "the old key answers" "$status" 200
answer=$body
recover "$url" "$new_kid" "$point"
equal "the new one too" "$status" 200
check "and otherwise" test "$body" != "$answer"
check "it still opens" opens
check "clevis decrypt too" sh -c 'clevis decrypt <jwe | cmp - plain'
api GET "/v1/devices/$device"
check "the use of the old key is seen" test "$(member .old_key_used)" -gt 0
api GET "/v1/audit?limit=1"
equal "and audited" "$(member '.events[0] | "\(.event) \(.detail)"')" "unlock-allowed an older key"

# Who trusts only the old signing key is led to the new ones.
signers() { fetch "$url/adv/$1" | jq -r 'if .signatures then .signatures | length else 1 end'; }
equal "asked for by the old signing key: both sign" "$(signers "$old_thp")" 2
equal "by the new: one" "$(signers "$new_thp")" 1
equal "another: none" "$(fetch -o /dev/null -w '%{http_code}' "$url/adv/$old_kid")" 403
check "the old key's signature is good" sh -c 'curl -sf "$1" | jose jws ver -i- -k "$2"' - "$url/adv/$old_thp" old-verify.jwk
check "clevis with the new thumbprint" sh -c 'clevis encrypt tang "$1" <plain | clevis decrypt | cmp - plain' - \
	"$(jq -nc --arg url "$url" --arg thp "$new_thp" '{$url, $thp}')"

check "clevis luks report tells the rotation" sh -c 'printf %s "$1" | grep -qi "rotated"' - "$(report)"
check "clevis luks regen" clevis luks regen -q -d disk -s 1
equal "nothing to report any more" "$(report)" ""
check "it opens by the new key" opens
api GET "/v1/audit?limit=1"
equal "which the audit doesn't call old" "$(member '.events[0].detail')" ""

# Twice rotated: three generations, and all unlock.
api POST "/v1/devices/$device/rotate"
expect "rotate again" 200
for kid in "$old_kid" "$new_kid" "$(exchange_thumbprint "$url")"; do
	recover "$url" "$kid" "$point"
	equal "generation with $kid" "$status" 200
done
check "clevis luks regen" clevis luks regen -q -d disk -s 1
check "it opens" opens
check "kek rotate rewraps every generation" sh -c '"$1" kek rotate --dir "$2" | grep -q "^3 keys"' - "$panocryptd" "$server_dir"
check "panocryptctl device drop-old-keys" wait_for 20 "$panocryptctl" device drop-old-keys "$device"
api GET "/v1/devices/$device"
equal "none is left" "$(member .old_keys)" 0
check "it opens" wait_for 20 opens
for kid in "$old_kid" "$new_kid"; do
	recover "$url" "$kid" "$point"
	equal "dropped: refused" "$status" 403
done
equal "nor does the old signing key sign" "$(fetch -o /dev/null -w '%{http_code}' "$url/adv/$old_thp")" 403
check "what was bound to it is lost" sh -c '! clevis decrypt <jwe'

api POST "/v1/devices/$device/revoke"
api POST "/v1/devices/$device/rotate"
expect "a revoked one gets none" 409 conflict
api POST "/v1/devices/$(random_hex 16)/rotate"
expect "an unknown one" 404 not-found
api POST /v1/devices/x/rotate
expect "nonsense" 404 not-found
new_key '{"allow_from":["127.0.0.0/8"]}'
enrolled() { enroll "$key"; [ "$status" = 201 ]; }
wait_for 20 enrolled # core may be starting anew with the new KEK
api POST "/v1/devices/$(member .device)/rotate"
expect "while converting: the header is being written" 409 conflict
tests_done
