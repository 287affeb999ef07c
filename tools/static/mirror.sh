#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Prints the base addresses of the Debian archive that this machine already uses, one per line:
#   mirror.sh main        the archive itself
#   mirror.sh security    its security archive
# They come from the machine's own apt sources, so that no address stands in the tree.
# $PANOCRYPT_MIRROR and $PANOCRYPT_SECURITY_MIRROR go first; a machine without apt needs them.
set -eu

which=${1:?usage: mirror.sh main|security}
root=${APT_SOURCES_ROOT:-/etc/apt}

# "URI suite suite…" for each source, from both formats that apt reads.
list_sources() {
	cat "$root/sources.list" "$root"/sources.list.d/*.list 2>/dev/null |
		sed -n 's/^deb\(-src\)\{0,1\} *\(\[[^]]*\] *\)\{0,1\}//p'
	for file in "$root"/sources.list.d/*.sources; do
		[ -f "$file" ] || continue
		awk '
			function flush(  n, i, u) {
				n = split(uris, u, /[ \t]+/)
				for (i = 1; i <= n; i++)
					if (u[i] != "" && !off) print u[i], suites
				uris = ""; suites = ""; off = 0
			}
			/^[ \t]*$/ { flush(); next }
			/^#/ { next }
			tolower($1) == "uris:" { sub(/^[^:]*:[ \t]*/, ""); uris = $0 }
			tolower($1) == "suites:" { sub(/^[^:]*:[ \t]*/, ""); suites = $0 }
			tolower($1) == "enabled:" && tolower($2) == "no" { off = 1 }
			END { flush() }' "$file"
	done
}

# Debian's suites only; a third party's source must not be asked for Debian's pool.
debian='(stable|testing|unstable|sid|bullseye|bookworm|trixie|forky)'
main=$(list_sources | grep -E "^[^ ]+ (.* )?$debian( |$|/)" | cut -d' ' -f1 || true)
security=$(list_sources | grep -E " $debian(-security|/updates)" | cut -d' ' -f1 || true)

# shellcheck disable=SC2086 # one address a word
case $which in
main)
	set -- "${PANOCRYPT_MIRROR:-}" $main
	;;
security)
	# A mirror without a security archive of its own usually carries it beside the main one.
	set -- "${PANOCRYPT_SECURITY_MIRROR:-}" $security
	for uri in ${PANOCRYPT_MIRROR:-} $main; do
		set -- "$@" "${uri%/}-security"
	done
	;;
*)
	echo "mirror.sh: unknown archive '$which'" >&2
	exit 2
	;;
esac

found=$(printf '%s\n' "$@" | sed 's,/*$,,' | awk 'NF && !seen[$0]++')
if [ -z "$found" ]; then
	echo "mirror.sh: no Debian archive in the apt sources: set PANOCRYPT_MIRROR to one" >&2
	exit 1
fi
echo "$found"
