#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Prints the table of pinned sources (pins.tsv) as the archive has it now: the newest revision of
# each package in the suite that the table names, security updates included.
#   pin.sh            the whole new table on standard output
#   pin.sh --check    only what differs; exit status 1 if anything does
# The values come through apt's own chain (signed InRelease, Sources, SHA256), from a private
# source list and state; the machine's apt configuration is read and not changed.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
table=$here/pins.tsv
cache=${PANOCRYPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/panocrypt}
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

# apt with its own sources and state below $1.
private_apt() {
	state=$1
	tool=$2
	shift 2
	"$tool" -q -o Dir::Etc::SourceList="$state/sources.list" -o Dir::Etc::SourceParts=/dev/null \
		-o Dir::State::Lists="$state/lists" -o Dir::Cache="$state/cache" \
		-o Acquire::Languages=none -o APT::Sandbox::User=root "$@"
}

# deb-src lines for one suite, with its updates and security where it has them.
write_sources() {
	main=$("$here/mirror.sh" main | head -n1)
	security=$("$here/mirror.sh" security | head -n1)
	echo "deb-src [signed-by=$keyring] $main $1 main"
	[ "$1" != sid ] || return 0
	echo "deb-src [signed-by=$keyring] $main $1-updates main"
	echo "deb-src [signed-by=$keyring] $security $1-security main"
}

# Newest first.
sort_versions() {
	perl -e '
		my @v = <STDIN>; chomp @v;
		print "$_\n" for sort { $a eq $b ? 0 :
			system("dpkg", "--compare-versions", $a, "gt", $b) == 0 ? -1 : 1 } @v'
}

# Prints the rows of revision $2 whose path matches $3, if every file can be had. The same revision
# may be listed by two archives: the one listed first counts.
try_revision() {
	awk -F'\t' -v OFS='\t' -v v="$2" -v want="$3" '$1 == v && $5 ~ want {
		name = $5; sub(/.*\//, "", name)
		if (!seen[name]++) print $2, $3, $1, $4, $5
	}' "$1" >"$1.try"
	[ -s "$1.try" ] || return 1
	PINS=$1.try "$here/fetch.sh" >/dev/null 2>&1 || return 1
	cat "$1.try"
}

# The rows of one package: "PACKAGE SUITE VERSION SHA256 PATH" for each tarball.
print_rows() {
	private_apt "$3" apt-cache showsrc --only-source "$1" | awk -v suite="$2" '
		function flush() {
			if (version != "") for (i = 1; i <= n; i++)
				print version "\t" package "\t" suite "\t" sums[i] "\t" dir "/" files[i]
			n = 0; version = ""
		}
		/^$/ { flush(); next }
		/^[^ ]/ { field = $1 }
		field == "Package:" && /^P/ { package = $2 }
		field == "Version:" && /^V/ { version = $2 }
		field == "Directory:" && /^D/ { dir = $2 }
		field == "Checksums-Sha256:" && /^ / && $3 ~ /\.tar\.[a-z0-9]+$/ {
			n++; sums[n] = $1; files[n] = $3
		}
		END { flush() }' >"$3/rows"
	[ -s "$3/rows" ] || { echo "pin.sh: $1 is not in $2" >&2; exit 1; }
	for version in $(cut -f1 "$3/rows" | sort -u | sort_versions); do
		if try_revision "$3/rows" "$version" .; then
			return 0
		fi
		echo "pin.sh: the archive lists $1 $version and hasn't all its files" >&2
	done
	# Better unpatched upstream sources than none: the last resort, and said aloud.
	echo "pin.sh: taking $1 $version without its packaging and patches" >&2
	try_revision "$3/rows" "$version" '[.]orig[.-]'
}

new=$(mktemp)
trap 'rm -f "$new"' EXIT
grep '^#' "$table" >"$new"
# shellcheck disable=SC2013 # words
for suite in $(grep -v '^#' "$table" | cut -f2 | sort -u); do
	state=$cache/apt-src/$suite
	mkdir -p "$state/lists/partial" "$state/cache/archives/partial"
	write_sources "$suite" >"$state/sources.list"
	private_apt "$state" apt-get -qq update >&2
	for package in $(awk -F'\t' -v s="$suite" '$2 == s { print $1 }' "$table" | sort -u); do
		print_rows "$package" "$suite" "$state"
	done
done | sort -t"$(printf '\t')" -k1,1 -k5,5 >>"$new"

if [ "${1:-}" = --check ]; then
	diff -u "$table" "$new" && echo "pins.tsv is what the archive has now"
else
	cat "$new"
fi
