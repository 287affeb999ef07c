#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Where the KEK comes from (file, systemd credential, a PKCS#11 token), its portable copy, its rotation.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose sqlite3 softhsm2-util
private_hosts
out=$(mktemp)
cleanup_fn rm -f "$out"
kek() { "$panocryptd" kek "$@" --dir "$server_dir" >"$out" 2>&1; }
refuses() { # NAME WORDS COMMAND…
	local name=$1 words=$2
	shift 2
	"$@" >"$out" 2>&1
	equal "$name" "$? $(grep -cF -e "$words" "$out")" "1 1"
}
serve() { timeout 20 "$panocryptd" serve --dir "$server_dir"; }
unlocks() {
	recover "$device_url" "$kid" "$point"
	[ "$status" = 200 ]
}
point=$(a_point)
fresh() { # OPTION…: a server with one device that unlocks
	server_start "$@"
	new_device
	kid=$(exchange_thumbprint "$device_url")
	check "unlocks ($*)" unlocks
}

# --- systemd credential: here the directory, as systemd would pass it on
credentials=$(mktemp -d)
cleanup_fn rm -rf "$credentials"
export CREDENTIALS_DIRECTORY=$credentials
refuses "no credential, no folder" "put 32 random bytes there first" "$panocryptd" init --dir "$credentials/x" \
	--url https://a.test --admin-url https://a.test:8444 --organization o --admin a --kek credential:panocrypt-kek
(umask 077 && head -c 32 /dev/urandom >"$credentials/panocrypt-kek")
fresh --kek credential:panocrypt-kek
check "no KEK lies in the folder" test ! -e "$server_dir/kek"
server_stop
(umask 077 && head -c 32 /dev/urandom >"$credentials/panocrypt-kek.next")
check "rotate to a new credential" kek rotate
mv "$credentials/panocrypt-kek" "$credentials/panocrypt-kek.old"
mv "$credentials/panocrypt-kek.next" "$credentials/panocrypt-kek"
server_run
check "unlocks with it alone" unlocks
server_stop
cp "$credentials/panocrypt-kek.old" "$credentials/panocrypt-kek"
refuses "a wrong credential" "isn't the key of this store" serve
rm "$credentials/panocrypt-kek"
refuses "a missing one" "no key-encryption key" serve
unset CREDENTIALS_DIRECTORY
refuses "none at all" "LoadCredential=panocrypt-kek" serve

# --- PKCS#11, on a software token
tokens=$(mktemp -d)
cleanup_fn rm -rf "$tokens"
mkdir "$tokens/a"
echo "directories.tokendir = $tokens/a" >"$tokens/conf"
export SOFTHSM2_CONF=$tokens/conf
(umask 077 && echo 123456 >"$tokens/pin" && echo 999999 >"$tokens/wrong")
softhsm2-util --init-token --free --label panocrypt --pin 123456 --so-pin 654321 >/dev/null || die "softhsm2-util"
module=$(find /usr/lib -name libsofthsm2.so | head -n 1)
uri="pkcs11:token=panocrypt?module-path=$module&pin-source=file:$tokens/pin"
fresh --kek "$uri"
check "the KEK lies sealed" sh -c 'jq -e .sealed "$1" && [ "$(stat -c %a "$1")" = 600 ]' - "$server_dir/kek"
server_stop
setting() { jq --arg kek "$1" '.kek = $kek' "$server_dir/config.json" >"$server_home/c" && cp "$server_home/c" "$server_dir/config.json"; }
setting "${uri/%pin/wrong}"
refuses "a wrong PIN" "take the PIN" serve
setting "${uri/token=panocrypt/token=other}"
refuses "another token" "0 PKCS#11 tokens fit" serve
setting "pkcs11:token=panocrypt?module-path=/nowhere.so&pin-source=file:$tokens/pin"
refuses "no module" "can't be loaded" serve
setting "pkcs11:token=panocrypt?module-path=$module&pin-value=123456"
refuses "a PIN in the configuration" "has a PIN in it" serve
setting "$uri"
cp "$server_dir/kek" "$server_home/kek"
sed -i 's/"sealed":"\(.\)/"sealed":"\1\1/; s/\(.\)"}$/"}/' "$server_dir/kek"
refuses "a changed sealed key" "changed" serve
cp "$server_home/kek" "$server_dir/kek"
old_label=$(jq -r .label "$server_dir/kek")
check "rotate, and destroy the old one" kek rotate --destroy-old
check "the token's old key is gone" sh -c '! grep -rq "$1" "$2"' - "$old_label" "$tokens/a"
server_run
check "unlocks after the rotation" unlocks
server_stop
cp "$server_home/kek" "$server_dir/kek"
refuses "the old sealed key is of no use" "0 keys named" serve
unset SOFTHSM2_CONF

# --- file, and its portable copy
jose jwk gen -i '{"kty":"EC","crv":"P-521"}' -o "$credentials/private.jwk"
chmod 600 "$credentials/private.jwk"
jose jwk pub -i "$credentials/private.jwk" -o "$credentials/public.jwk"
(umask 077 && echo "six words that nobody has guessed" >"$credentials/passphrase" && echo short >"$credentials/short" &&
	echo "some other words entirely" >"$credentials/other")
refuses "init: a short passphrase" "shorter than" "$panocryptd" init --dir "$credentials/y" --url https://a.test \
	--admin-url https://a.test:8444 --organization o --admin a --kek-copy-passphrase-file "$credentials/short"
check "and nothing was made" test ! -e "$credentials/y"
fresh --kek-copy-jwk "$credentials/public.jwk"
check "init made a copy" test "$(stat -c %a "$server_dir/kek-copy.jwe")" = 600
check "standard tools open it" sh -c 'jose jwe dec -i "$1" -k "$2" | cmp - "$3"' - "$server_dir/kek-copy.jwe" \
	"$credentials/private.jwk" "$server_dir/kek"
warnings() { api GET /v1/status; member '[.warnings[].code] | sort | join(" ")'; }
equal "a warning until it was opened" "$(warnings)" kek-copy-unopened
check "panocryptctl status shows it" sh -c '"$1" status | grep -q "verify-copy"' - "$panocryptctl"
refuses "the wrong key doesn't open it" "doesn't open" "$panocryptd" kek verify-copy "$server_dir/kek-copy.jwe" \
	--dir "$server_dir" --passphrase-file "$credentials/passphrase"
equal "still a warning" "$(warnings)" kek-copy-unopened
check "verify-copy" kek verify-copy "$server_dir/kek-copy.jwe" --jwk "$credentials/private.jwk"
equal "no warning any more" "$(warnings)" ""
check "another copy, by passphrase" sh -c '"$1" kek copy --dir "$2" --passphrase-file "$3" >"$2/copy2"' - \
	"$panocryptd" "$server_dir" "$credentials/passphrase"
equal "a new copy, a new warning" "$(warnings)" kek-copy-unopened
refuses "another passphrase" "doesn't open" "$panocryptd" kek verify-copy "$server_dir/copy2" --dir "$server_dir" \
	--passphrase-file "$credentials/other"
check "verify it" kek verify-copy "$server_dir/copy2" --passphrase-file "$credentials/passphrase"
server_stop

# The server is lost but for the store: the copy brings it back.
mv "$server_dir/kek" "$server_home/kek"
refuses "without the KEK" "no key-encryption key" serve
check "restore-copy" kek restore-copy "$server_dir/copy2" --passphrase-file "$credentials/passphrase"
check "it is the same" cmp "$server_dir/kek" "$server_home/kek"
refuses "never over another one" "never replaced" "$panocryptd" kek restore-copy "$server_dir/copy2" \
	--passphrase-file "$credentials/passphrase" --dir "$server_dir"
server_run
check "and the device unlocks" unlocks

# --- rotation, while the server runs
new_key
for i in {1..12}; do new_device "{\"name\":\"w$i\",\"allow_from\":[\"127.0.0.0/8\"]}"; done
api GET /v1/devices
device_url=$(member '.devices[-1].url') # the first one
old_id=$(store_sql 'SELECT id FROM kek_epoch WHERE retired_s = 0')
check "rotate while it serves" kek rotate
check "13 keys" grep -q '^13 keys were wrapped anew' "$out"
equal "none is left under the old one" \
	"$(store_sql "SELECT count(*) FROM device_key WHERE kek = '$old_id'")" 0
device_url=$(member '.devices[3].url')
advertised() { kid=$(exchange_thumbprint "$device_url" 2>/dev/null) && [ -n "$kid" ]; }
wait_for 20 advertised
check "a device is advertised, once core has started anew" test -n "$kid"
check "and unlocks" wait_for 20 unlocks
made() { api POST /v1/devices '{"name":"new","allow_from":["127.0.0.0/8"]}'; [ "$status" = 201 ]; }
check "a new device" wait_for 20 made
equal "it is of the new epoch" \
	"$(store_sql "SELECT count(*) FROM device_key WHERE kek = '$old_id'")" 0
check "the old KEK is kept" test -e "$server_dir/kek.old-$old_id"
equal "the copy is of the old one: a warning" "$(warnings)" kek-copy-missing
"$panocryptd" kek verify-copy "$server_dir/copy2" --dir "$server_dir" --passphrase-file "$credentials/passphrase" 2>"$out"
equal "verify-copy sees it" "$? $(grep -c 'another key' "$out")" "3 1"
enroll "$key"
equal "an enrollment key made before still works" "$status" 201
server_stop
check "rotate again, and destroy all old ones" kek rotate --destroy-old
check "two were" grep -q '^2 old key-encryption keys were destroyed' "$out"
equal "one KEK is left" "$(find "$server_dir" -name 'kek*' ! -name '*.jwe' -printf '%f ')" "kek "
server_run
check "the device unlocks" unlocks
check "the audit is whole" "$panocryptd" audit verify --dir "$server_dir"
tests_done
