#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Stock clevis as the client: encrypt and decrypt, bind and pass on a LUKS2 file, and what it sees when denied.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires clevis clevis-luks-bind cryptsetup jose
private_hosts
server_start
cd "$server_home" || exit 1
new_device
bind_command=$(member .bind_command)
pin=$(jq -nc --arg url "$device_url" --arg thp "$thumbprint" '{$url, $thp}')

echo "attack at dawn" >plain
check "clevis encrypt" sh -c 'clevis encrypt tang "$1" <plain >jwe' - "$pin"
check "clevis decrypt" sh -c 'clevis decrypt <jwe >again'
check "the same came back" cmp plain again
check "thp by report" sh -c 'clevis encrypt tang "$1" -y <plain >jwe2 && clevis decrypt <jwe2 | cmp - plain' - \
	"$(jq -nc --arg url "$device_url" '{$url}')"
check "an URL with a slash at its end" sh -c 'clevis encrypt tang "$1" <plain >jwe3 && clevis decrypt <jwe3 | cmp - plain' - \
	"$(jq -nc --arg url "$device_url/" --arg thp "$thumbprint" '{$url, $thp}')"
check "a wrong thumbprint is refused by clevis" sh -c '! clevis encrypt tang "$1" <plain' - \
	"$(jq -nc --arg url "$device_url" --arg thp "$(printf 'A%.0s' {1..43})" '{$url, $thp}')"

truncate -s 32M disk
printf 'first passphrase' >passphrase
cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 disk passphrase ||
	die "cryptsetup luksFormat"
# As it is shown to people, by a shell, word for word but for the device; the passphrase is what it asks for.
check "the bind command that is shown" sh -c "${bind_command/-d DEVICE/-k - -d disk}" <passphrase
check "clevis luks list shows it" sh -c 'clevis luks list -d disk | grep -qF "$1"' - "$device_url"
opens() {
	clevis luks pass -d disk -s 1 >phrase || return
	cryptsetup open --test-passphrase --key-slot 1 --key-file phrase disk
}
check "clevis luks pass opens the slot" opens
check "without the newline of a terminal" test "$(tail -c 1 phrase | od -An -tx1 | tr -d ' ')" != 0a

api POST "/v1/devices/$device/disable"
check "disabled: clevis luks pass fails" sh -c '! clevis luks pass -d disk -s 1'
api POST "/v1/devices/$device/enable"
check "enabled: it opens" opens
api POST "/v1/devices/$device/revoke"
check "revoked: clevis luks pass fails" sh -c '! clevis luks pass -d disk -s 1'
check "and clevis decrypt" sh -c '! clevis decrypt <jwe'
check "the first passphrase still opens" cryptsetup open --test-passphrase --key-file passphrase disk
api GET "/v1/denials?from=127.0.0.1"
equal "the denial says why" "$(member '.denials[0] | "\(.device) \(.reason)"')" "$device revoked"
check "panocryptctl says it too" sh -c '"$1" denials --from 127.0.0.1 | grep -q "$2.* revoked "' - "$panocryptctl" "$device"

# Enrolled like a machine, with the same client.
new_key '{"allow_from":["127.0.0.0/8"]}'
enroll "$key"
check "a device that was enrolled binds too" sh -c 'clevis encrypt tang "$1" <plain | clevis decrypt | cmp - plain' - \
	"$(member '{url, thp: .thumbprint} | tojson')"
tests_done
