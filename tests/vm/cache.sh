# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced: a cache of directories outside the checkout, named by the content of what made them.
# An entry appears whole (rename) or not at all; two builders of one entry wait for each other.

cache_root=${PANOCRYPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/panocrypt}/vm

cache_die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

# Reads what an entry is made from, prints its key.
cache_key() {
	sha256sum | cut -c 1-16
}

# cache_get ENTRY COMMAND…: prints the entry's directory. If there is none, COMMAND DIR makes one,
# and entries of that kind which nobody has asked for in two weeks go.
cache_get() {
	local entry=$cache_root/$1 kind=${1%%-*} tmp
	shift
	if [ ! -d "$entry" ]; then
		mkdir -p "$cache_root"
		(
			flock 9
			[ ! -d "$entry" ] || exit 0
			tmp=$(mktemp -d "$entry.tmp.XXXXXX")
			trap 'rm -rf --one-file-system "$tmp"' EXIT
			# No errexit in here (the caller tests the result), so each step says so.
			"$@" "$tmp" >&2 && chmod 755 "$tmp" && sync -f "$tmp" && mv -T "$tmp" "$entry" &&
				find "$cache_root" -maxdepth 1 -name "$kind-*" -mtime +14 -exec rm -rf {} +
		) 9>"$entry.lock" || cache_die "could not make ${entry##*/}"
	fi
	touch "$entry"
	echo "$entry"
}
