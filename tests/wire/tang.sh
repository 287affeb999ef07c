#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Our half of the Clevis wire against Debian's own clevis, jose and tangd, both ways.
# tests/wire/tang.sh [JWK_TOOL]
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"

tool=$(realpath "${1:-build/tests/wire/jwk_tool}")
secret='a planted secret, 1234567890'
PATH=$PATH:/usr/libexec # where Debian keeps tangd
requires tangd tangd-keygen tang-show-keys clevis jose socat

work=$(mktemp -d)
cleanup_fn rm -rf "$work"

# The kernel chooses the port; socat tells it.
mkdir "$work/keys"
tangd-keygen "$work/keys"
socat -dd TCP-LISTEN:0,bind=127.0.0.1,fork EXEC:"tangd $work/keys" 2>"$work/socat" &
cleanup_fn end_process $!

tang_listens()
{
	port=$(sed -n 's/.*listening on AF=2 127.0.0.1:\([0-9]*\).*/\1/p' "$work/socat")
	[ -n "$port" ]
}
wait_for 10 tang_listens || die "tangd didn't start: $(cat "$work/socat")"
url=http://127.0.0.1:$port
thumbprint=$(tang-show-keys "$port" | head -n 1)

seal_ours()
{
	printf %s "$secret" | "$tool" seal "$url" "$@" >"$work/ours"
}

seal_theirs()
{
	printf %s "$secret" | clevis encrypt tang "{\"url\":\"$url\"}" -y >"$work/theirs"
}

opens_to_secret()
{
	local jwe=$1
	shift
	[ "$("$@" <"$jwe")" = "$secret" ]
}

# The decoded protected headers have the same members of the same types, and the same clevis and kid values.
same_headers()
{
	cut -d. -f1 "$work/ours" | jose b64 dec -i- >"$work/ours.json" &&
		cut -d. -f1 "$work/theirs" | jose b64 dec -i- >"$work/theirs.json" &&
		python3 - "$work/ours.json" "$work/theirs.json" <<-'EOF'
		import json, sys

		def shape(value):
		    return {k: shape(value[k]) for k in value} if isinstance(value, dict) else type(value).__name__

		ours, theirs = (json.load(open(path)) for path in sys.argv[1:])
		print(ours, theirs, sep="\n")
		sys.exit(shape(ours) != shape(theirs) or any(ours[k] != theirs[k] for k in ("kid", "clevis")))
		EOF
}

# A bit of the reply's or the JWE's own making is never taken for the secret.
refuses()
{
	! "$@"
}

# jose verifies with all of the keys, as clevis does, and clevis binds to it. $1: signers
advertisement_is_good()
{
	"$tool" advertise "$1" >"$work/adv" &&
		jose fmt -j "$work/adv" -Og payload -SyOg keys -AUo "$work/set" &&
		jose jwk use -i "$work/set" -r -u verify -o- | jose jws ver -i "$work/adv" -k- -a &&
		printf %s "$secret" | clevis encrypt tang "{\"url\":\"$url\",\"adv\":\"$work/adv\"}" >"$work/bound"
}

check "we seal by the advertisement of tangd" seal_ours "$thumbprint"
check "clevis opens what we sealed" opens_to_secret "$work/ours" clevis decrypt
check "clevis seals" seal_theirs
check "we open what clevis sealed" opens_to_secret "$work/theirs" "$tool" unseal
check "we open what we sealed" opens_to_secret "$work/ours" "$tool" unseal
check "protected headers are the same but for the ephemeral key" same_headers
check "a thumbprint that didn't sign is refused" refuses seal_ours "${thumbprint%?????}AAAAA"
check "jose and clevis accept our advertisement, one signer" advertisement_is_good 1
check "jose and clevis accept our advertisement, two signers" advertisement_is_good 2

seal_theirs
rm "$work"/keys/*.jwk
tangd-keygen "$work/keys"
check "other keys of tangd don't open it" refuses "$tool" unseal <"$work/theirs"
tests_done
