#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The binding that we write into a header, beside the one that `clevis luks bind` writes, both to one
# tangd: same shape, and the distribution's clevis lists and opens ours. Also after conversion.
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
# shellcheck source=tests/native/build.sh
. tests/native/build.sh
# shellcheck source=tests/native/lib.sh
. tests/native/lib.sh
requires clevis-luks-bind clevis jose cryptsetup mke2fs resize2fs

native_build
convert=$PWD/$native_convert
payload=$((48 << 20))
room=$((96 << 20))
work=$(mktemp -d)
cleanup_fn rm -rf "$work"

tang_start
mkdir "$work/state"

truncate -s "$room" "$work/device"
mke2fs -q -F -t ext4 -b 4096 "$work/device"
resize2fs "$work/device" $((payload >> 10))K >/dev/null 2>&1
truncate -s "$room" "$work/device"
"$convert" header "$work/state" "$work/device" "$url" "$work/adv" || die "no header"
header=$work/state/header.img

# The members of an object, at every depth; and of the JWE's protected header.
shape() {
	jq -cS '[paths | map(tostring) | join(".")] | sort' <<<"$1"
}

protected_of() {
	jose fmt -j "$1" -g jwe -g protected -u- | jose b64 dec -i-
}

bind_theirs() {
	printf 'other' >"$work/pass"
	truncate -s 20M "$work/theirs"
	cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 \
		--key-file "$work/pass" "$work/theirs" &&
		clevis luks bind -y -f -k "$work/pass" -d "$work/theirs" tang "{\"url\":\"$url\"}"
}
check "clevis binds a volume of its own" bind_theirs
theirs=$(cryptsetup token export --token-id 0 "$work/theirs")
ours=$(cryptsetup token export --token-id 2 "$header")
requires jq
equal "the tokens have the same members" "$(shape "$ours")" "$(shape "$theirs")"
equal "and so have their protected headers" "$(shape "$(protected_of "$ours")")" \
	"$(shape "$(protected_of "$theirs")")"
equal "the token names the slot" "$(jq -c .keyslots <<<"$ours")" '["1"]'

lists() {
	[ "$(clevis luks list -d "$1")" = "1: tang '{\"url\":\"$url\"}'" ]
}

opens() {
	clevis luks pass -d "$1" -s 1 >"$work/secret" &&
		cryptsetup open --test-passphrase --key-slot 1 --key-file "$work/secret" "$1"
}
check "clevis lists our binding in the header copy" lists "$header"
check "clevis opens it" opens "$header"
check "place" "$convert" place "$work/state" "$work/device" "$payload"
check "clevis lists it on the device, in conversion" lists "$work/device"
check "clevis opens it there" opens "$work/device"
check "the conversion ends" "$convert" run "$work/device"
check "clevis lists it at the end" lists "$work/device"
check "clevis opens it at the end" opens "$work/device"

tests_done
