#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Downloads the pinned tarballs of the packages named (all without a name) into the cache and
# prints where they are, one path per line, packaging after sources. Nothing but a file whose
# SHA-256 stands in pins.tsv gets in. Works offline once the files are there.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${PANOCRYPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/panocrypt}
sources=$cache/sources
pins=${PINS:-$here/pins.tsv}

has_sum() {
	echo "$2  $1" | sha256sum --check --status 2>/dev/null
}

# apt's own downloader where there is one: it knows the machine's proxies and transports.
download() {
	if [ -x /usr/lib/apt/apt-helper ]; then
		/usr/lib/apt/apt-helper -qq -o APT::Sandbox::User=root \
			download-file "$1" "$2" "SHA256:$3" >&2 || return 1
		# From a local mirror it makes a link only.
		[ ! -L "$2" ] || cp --remove-destination "$(readlink "$2")" "$2"
	else
		curl -fsSL --retry 3 -o "$2" "$1"
	fi
}

# Where a pool path may be: a security update moves into the main archive at a point release.
list_addresses() {
	main=pool/main/${1#pool/*main/}
	case $1 in
	pool/updates/*)
		"$here/mirror.sh" security 2>/dev/null | sed "s,\$,/$1,"
		;;
	esac
	"$here/mirror.sh" main | sed "s,\$,/$main,"
}

fetch_file() {
	sum=$1
	path=$2
	file=$sources/${path##*/}
	if ! has_sum "$file" "$sum"; then
		part=$(mktemp "$sources/.part.XXXXXX")
		for address in $(list_addresses "$path"); do
			download "$address" "$part" "$sum" || continue
			! has_sum "$part" "$sum" || break
		done
		if ! has_sum "$part" "$sum"; then
			rm -f "$part"
			echo "fetch.sh: no archive gave ${path##*/} with the pinned SHA-256." >&2
			echo "  Gone from the archive? Run tools/static/pin.sh for the revisions it" >&2
			echo "  has now, or set PANOCRYPT_MIRROR to a dated snapshot of it." >&2
			exit 1
		fi
		mv "$part" "$file"
	fi
	echo "$file"
}

mkdir -p "$sources"
# shellcheck disable=SC2046 # words
[ $# -gt 0 ] || set -- $(grep -v '^#' "$pins" | cut -f1 | sort -u)
for package; do
	rows=$(awk -F'\t' -v p="$package" '$1 == p { print $4, $5 }' "$pins" | sort -r -k2)
	[ -n "$rows" ] || { echo "fetch.sh: $package is not in pins.tsv" >&2; exit 1; }
	echo "$rows" | while read -r sum path; do
		fetch_file "$sum" "$path"
	done
done
