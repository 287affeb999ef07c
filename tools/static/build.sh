#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Builds the static libraries, each once per content, in the cache:
#   build.sh lib NAME      build the library by rules/NAME.sh unless the cache has it
#   build.sh key NAME      print its cache key
#   build.sh prefix DIR    link DIR to a prefix made of all libraries (they must be built)
# A key is the hash of everything that decides the result: table rows, rule, patches, shared
# flags, compiler, and the keys of the libraries it needs. A cached output never changes.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
cache=${PANOCRYPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/panocrypt}
store=$cache/static
export PANOCRYPT_CACHE="$cache"
# shellcheck source-path=SCRIPTDIR
. "$here/common.sh"

all_libraries() {
	for rule in "$here"/rules/*.sh; do
		basename "$rule" .sh
	done
}

# The value of a one-word-per-name variable of a rule file, without running it.
rule_field() {
	sed -n "s/^$2='\(.*\)'\$/\1/p" "$here/rules/$1.sh"
}

compiler_identity() {
	gcc --version | head -n1
	ld --version | head -n1
	cat /usr/include/linux/version.h
}

key_of() {
	{
		awk -F'\t' -v p="$(rule_field "$1" package)" '$1 == p { print $4 }' "$here/pins.tsv"
		sed '/^[ \t]*#/d' "$here/common.sh" "$here/rules/$1.sh"
		cat "$here/patches/$1"/*.patch 2>/dev/null || :
		compiler_identity
		for need in $(rule_field "$1" needs); do
			key_of "$need"
		done
	} | sha256sum | cut -c1-16
}

output_of() {
	echo "$store/$1-$(key_of "$1")"
}

# All that a library needs, directly or not, as output directories; musl comes first.
list_outputs() {
	queue=$*
	seen=
	while [ -n "$queue" ]; do
		next=
		for name in $queue; do
			case " $seen " in *" $name "*) continue ;; esac
			seen="$seen $name"
			next="$next $(rule_field "$name" needs)"
		done
		queue=$(echo "$next" | tr -s ' ' | sed 's/^ *//')
	done
	for name in $seen; do
		output_of "$name"
	done
}

# Runs in a subshell with set -e: any failing step fails the library.
build_in() {
	work=$1
	name=$2
	# shellcheck disable=SC1090 # the rule of this library
	. "$here/rules/$name.sh"
	# shellcheck disable=SC2046 # one path a line, and none has blanks
	unpack_source "$work/src" $("$here/fetch.sh" "$(rule_field "$name" package)")
	apply_own_patches "$work/src" "$here/patches/$name"
	stage=$work/stage
	mkdir -p "$stage/usr/lib" "$stage/usr/include"
	export STATIC_PREFIX_MAP="-ffile-prefix-map=$work/src=."
	needs=$(rule_field "$name" needs)
	if [ -n "$needs" ]; then
		# shellcheck disable=SC2046,SC2086
		make_sysroot "$work/sysroot" $(list_outputs $needs)
		export PATH="$work/sysroot/bin:$PATH" LDFLAGS=-static-pie
		export PKG_CONFIG_LIBDIR="$work/sysroot/usr/lib/pkgconfig"
		export PKG_CONFIG_SYSROOT_DIR="$work/sysroot"
	fi
	cd "$work/src"
	build
}

# A job server of make's is used if there is one.
choose_jobs() {
	# shellcheck disable=SC2034 # the rules use it
	case ${MAKEFLAGS:-} in
	*jobserver*) jobs= ;;
	*) jobs=-j$(nproc) ;;
	esac
	# Options and variables meant for the project's makefile are not the library's.
	MAKEFLAGS=$(echo "${MAKEFLAGS:-}" | grep -o -e '-j[0-9]*' -e '--jobserver[^ ]*' | tr '\n' ' ')
	export MAKEFLAGS
	unset MAKEOVERRIDES MFLAGS MAKELEVEL
}

# Entries that nothing used for a month go when their library is built anew; so does what a killed
# build left (the caller holds the library's lock).
drop_old_outputs() {
	find "$store" -maxdepth 1 -name "$1-*" -mtime +30 -exec rm -rf {} +
	find "$store" -maxdepth 1 -name ".work-$1.*" -exec rm -rf {} +
}

require_tools() {
	missing=
	for tool in gcc make perl cmake meson ninja autoconf automake libtoolize autopoint pkg-config \
		patch xz; do
		command -v "$tool" >/dev/null || missing="$missing $tool"
	done
	[ -z "$missing" ] || { echo "static: not installed:$missing; \"make deps\" does it" >&2; exit 1; }
}

build_library() {
	name=$1
	output=$(output_of "$name")
	if [ -d "$output" ]; then
		touch "$output"
		return 0
	fi
	require_tools
	mkdir -p "$store/log"
	exec 9>"$store/.lock-$name"
	flock 9
	[ ! -d "$output" ] || return 0
	drop_old_outputs "$name"
	log=$store/log/$(basename "$output").log
	work=$(mktemp -d "$store/.work-$name.XXXXXX")
	trap 'rm -rf "$work"' EXIT
	start=$(date +%s)
	choose_jobs
	echo "static: building $name"
	set +e
	(set -e; build_in "$work" "$name") >"$log" 2>&1 9>&-
	status=$?
	set -e
	if [ $status -ne 0 ]; then
		tail -n 25 "$log" >&2
		echo "static: $name failed; the whole log is $log" >&2
		exit 1
	fi
	mv "$work/stage" "$output"
	echo "static: $name built in $(($(date +%s) - start)) s"
}

build_prefix() {
	# shellcheck disable=SC2046
	outputs=$(list_outputs $(all_libraries))
	target=$store/prefix-$({ sed '/^[ \t]*#/d' "$here/common.sh"; echo "$outputs"; } | sha256sum | cut -c1-16)
	if [ ! -d "$target" ]; then
		for output in $outputs; do
			[ -d "$output" ] || { echo "static: $output is missing" >&2; exit 1; }
		done
		exec 9>"$store/.lock-prefix"
		flock 9
		if [ ! -d "$target" ]; then
			drop_old_outputs prefix
			# The compiler wrapper holds its own path: build in place, mark as whole by rename.
			rm -rf "$target.part"
			# shellcheck disable=SC2086
			make_sysroot "$target.part" $outputs
			sed -i "s,$target\.part,$target,g" "$target.part/bin/musl-gcc" \
				"$target.part/usr/lib/musl-gcc.specs"
			mv "$target.part" "$target"
		fi
	fi
	touch "$target"
	mkdir -p "$(dirname "$1")"
	[ "$(readlink "$1" || true)" = "$target" ] || ln -sfn "$target" "$1"
}

case ${1:-} in
lib) build_library "$2" ;;
key) key_of "$2" ;;
prefix) build_prefix "$2" ;;
*)
	echo "usage: build.sh lib|key NAME | prefix DIR" >&2
	exit 2
	;;
esac
