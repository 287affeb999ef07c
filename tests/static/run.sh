#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Tests of the static build: run.sh PROGRAM. Its self-test in an empty root and in Debian 12 and 13
# roots with every lookup module in use; the checks after the link, shown to fail; the pins' fetching
# and the cache. Needs root (chroot) and what "make deps" installs.
set -u

# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/../lib.sh"
# shellcheck source-path=SCRIPTDIR
. "$(dirname "$0")/roots.sh"

program=$(readlink -f "${1:?usage: run.sh PROGRAM}")
debug=$program.debug
prefix=$(dirname "$program")/prefix
cache=${PANOCRYPT_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/panocrypt}
skipped=0
scratch=$(mktemp -d)
cleanup_fn rm -rf "$scratch"
cd "$test_root" || exit 1
eval "$(make -s -f static.mk static-flags STATIC_DIR="$(dirname "$program")")"

skip_case() {
	skipped=$((skipped + 1))
	echo "ok $1 # SKIP $2"
}

# No line of the self-test may say FAIL; the named ones must say ok, not skip.
self_test_passes() {
	local output status
	output=$(run_in_root "$1" "$program" --self-test 2>&1)
	status=$?
	echo "$output"
	[ $status = 0 ] && ! grep -q ^FAIL <<<"$output" || return 1
	shift
	for name; do
		grep -q "^ok $name" <<<"$output" || return 1
	done
}

test_empty_root() {
	mkdir -p "$scratch/empty/run" "$scratch/empty/dev"
	check "self-test in an empty root (with /run, /dev/null, /dev/random, /dev/urandom)" \
		self_test_passes "$scratch/empty" jose-algorithms modules luks luks-reencrypt
}

# Without a random generator nothing may be made, and the reason is said.
test_no_urandom() {
	local output
	mkdir -p "$scratch/bare/run"
	output=$(run_in_root "$scratch/bare" "$program" --self-test 2>&1)
	equal "self-test without /dev/urandom fails" "$?" 1
	check "self-test without /dev/urandom names what is missing" \
		grep -q '^FAIL luks: .*/dev/urandom' <<<"$output"
}

test_debian_root() {
	local root
	if ! root=$(debian_root "$1"); then
		not_ok "root of $1: mmdebstrap failed"
		return
	fi
	check "self-test in a root of $1 with lookup modules: $(nss_modules "$root" | tr '\n' ' ')" \
		self_test_passes "$root" names jose-algorithms modules luks luks-reencrypt
}

# The roots must be able to kill: a static program of the machine's glibc does load their modules.
test_roots_have_teeth() {
	local root died=
	cat >"$scratch/lookup.c" <<-EOF
		#include <netdb.h>
		#include <pwd.h>
		int main(void)
		{
			struct addrinfo *found;
			return getaddrinfo("no.such.host", "1", 0, &found) == 0 || getpwnam("nobody-here");
		}
	EOF
	if ! gcc -static -w -o "$scratch/lookup" "$scratch/lookup.c" 2>/dev/null; then
		skip_case "a static glibc program dies in one of the roots" "no static glibc here"
		return
	fi
	for suite in bookworm trixie; do
		root=$(debian_root "$suite") || continue
		run_in_root "$root" "$scratch/lookup" >"$scratch/lookup.out" 2>&1
		[ $? -lt 128 ] || died="$died $suite"
	done
	check "a static glibc program dies in one of the roots ($died )" [ -n "$died" ]
}

# link_bad NAME FLAG…: a program that is wrong in one way; check.sh must say so.
link_bad() {
	"$CC" -o "$scratch/$1" "$scratch/$1.c" "${@:2}" &&
		strip -o "$scratch/$1.stripped" "$scratch/$1"
}

finds() {
	! tools/static/check.sh "$scratch/$2.stripped" "$scratch/$2" "${3:-$prefix}" \
		>"$scratch/findings" 2>&1 && grep -q "$1" "$scratch/findings"
}

test_link_checks() {
	local answer='int main(void) { return 0; }'
	check "the checks accept the program" tools/static/check.sh "$program" "$debug" "$prefix"

	echo "$answer" >"$scratch/shared.c"
	gcc -o "$scratch/shared" "$scratch/shared.c" && cp "$scratch/shared" "$scratch/shared.stripped"
	check "an interpreter is found" finds "has an interpreter" shared
	check "a shared library is found" finds "needs shared libraries" shared

	echo "$answer" >"$scratch/fixed.c"
	link_bad fixed -static -no-pie -Wl,-z,execstack,-z,lazy,-z,norelro
	check "a fixed address is found" finds "not position independent" fixed
	check "an executable stack is found" finds "executable stack" fixed
	check "missing RELRO is found" finds "has no RELRO" fixed
	check "a program without self-test is found" finds "nothing of jose's algorithms" fixed

	echo 'void *dlopen(void); int main(void) { return dlopen() != 0; }' >"$scratch/loads.c"
	link_bad loads -static-pie
	check "dlopen is found" finds "contains dlopen" loads

	echo "int main(void) { return __builtin_strlen(\"$PWD/x\") == *(volatile int *)main; }
		const char place[] = \"$PWD/x\"; const char *volatile use = place;" >"$scratch/place.c"
	link_bad place -static-pie
	check "a path of the build is found" finds "names a path of the build" place
}

# Two libraries with one name between them.
test_clash_check() {
	local bad=$scratch/prefix
	mkdir -p "$bad/usr/lib"
	echo 'int json_object_get(void) { return 1; }' >"$scratch/clash.c"
	gcc -c -o "$scratch/clash.o" "$scratch/clash.c"
	ar rcs "$bad/usr/lib/libjansson.a" "$scratch/clash.o"
	ar rcs "$bad/usr/lib/libjson-c.a" "$scratch/clash.o"
	cp "$program" "$scratch/clash.stripped"
	cp "$debug" "$scratch/clash"
	check "a symbol of two packages is found" finds "two packages: json_object_get" clash "$bad"
}

# Without --whole-archive libjose loses its constructors: the program starts and knows nothing.
test_jose_guard() {
	local objects whole='-Wl,--whole-archive -ljose -Wl,--no-whole-archive'
	objects=$(find "$(dirname "$program")/obj" -name '*.o')
	# shellcheck disable=SC2086 # words
	$CC $LDFLAGS -o "$scratch/half" $objects ${LIBS/"$whole"/} -ljose -ljansson -lcrypto -lz
	cp "$scratch/half" "$scratch/half.stripped"
	check "a half-linked libjose is found" finds "nothing of jose's algorithms" half
}

# The project's patch of libcryptsetup: whatever write or flush a reencryption is cut before, it is
# finished by the next run and the payload is right.
test_reencrypt_cut() {
	local output
	mkdir "$scratch/cut"
	# shellcheck disable=SC2086 # words
	$CC $CPPFLAGS -O2 -fPIE $LDFLAGS -Wl,--wrap=write,--wrap=fsync,--wrap=fdatasync \
		-o "$scratch/reencrypt_cut" tests/static/reencrypt_cut.c bootstrap/selftest.c \
		bootstrap/selftest_disk.c bootstrap/selftest_jose.c bootstrap/selftest_luks.c \
		bootstrap/selftest_modules.c common/err.c common/file.c common/strbuf.c common/tree.c $LIBS || die "link"
	output=$("$scratch/reencrypt_cut" "$scratch/cut")
	tail -n5 <<<"$output" | sed 's/^/# /'
	check "a reencryption cut anywhere is finished" grep -Eq '^[1-9][0-9]* cuts, 0 lost$' <<<"$output"
}

test_mirror() {
	local etc=$scratch/apt
	mkdir -p "$etc/sources.list.d"
	cat >"$etc/sources.list" <<-EOF
		# deb http://commented.example.org/debian bookworm main
		deb [arch=amd64 signed-by=/x.gpg] http://one.example.org/debian/ bookworm main
		deb http://third.example.org/tool stable-tool main
		deb http://one.example.org/debian-security bookworm-security main
	EOF
	cat >"$etc/sources.list.d/more.sources" <<-EOF
		Types: deb
		# URIs: http://commented.example.org/debian
		URIs: http://two.example.org/debian
		Suites: trixie trixie-updates
		Components: main

		Types: deb
		Enabled: no
		URIs: http://off.example.org/debian
		Suites: trixie
		Components: main
	EOF
	equal "the archive is taken from the machine's apt sources" \
		"$(APT_SOURCES_ROOT=$etc tools/static/mirror.sh main | tr '\n' ' ')" \
		"http://one.example.org/debian http://two.example.org/debian "
	equal "so is the security archive" \
		"$(APT_SOURCES_ROOT=$etc tools/static/mirror.sh security | head -n1)" \
		"http://one.example.org/debian-security"
}

# A file that isn't the pinned one never reaches the cache, whoever serves it.
test_fetch_refuses() {
	local pool=$scratch/archive/pool/main/f/fake
	mkdir -p "$pool"
	echo tampered >"$pool/fake_1.orig.tar.gz"
	printf 'fake\tsid\t1\t%s\tpool/main/f/fake/fake_1.orig.tar.gz\n' \
		"$(echo genuine | sha256sum | cut -d' ' -f1)" >"$scratch/pins.tsv"
	check "a source with another SHA-256 is refused" test_fetch tampered 1
	echo genuine >"$pool/fake_1.orig.tar.gz"
	check "the pinned source is accepted" test_fetch genuine 0
}

test_fetch() {
	local status
	PINS=$scratch/pins.tsv PANOCRYPT_CACHE=$scratch/cache APT_SOURCES_ROOT=/nonexistent \
		PANOCRYPT_MIRROR=file://$scratch/archive tools/static/fetch.sh fake
	status=$?
	[ "$(find "$scratch/cache/sources" -type f | wc -l)" = $((1 - $2)) ] && [ "$status" = "$2" ]
}

# Another clone with the same cache builds no library.
test_second_clone() {
	local other=$scratch/clone
	mkdir -p "$other/tools"
	cp -a static.mk "$other/"
	cp -a tools/static "$other/tools/"
	check "a second clone finds all libraries in the cache" builds_nothing "$other"
	echo '# a remark' >>"$other/tools/static/rules/zlib.sh"
	equal "a comment doesn't change a library's key" \
		"$("$other/tools/static/build.sh" key zlib)" "$(tools/static/build.sh key zlib)"
	echo ': something else' >>"$other/tools/static/rules/zlib.sh"
	check "a changed rule changes the key of what needs the library" \
		[ "$("$other/tools/static/build.sh" key kmod)" != "$(tools/static/build.sh key kmod)" ]
}

builds_nothing() {
	local output
	output=$(make -C "$1" -f static.mk static-libs 2>&1) || return
	echo "$output"
	! grep -q building <<<"$output"
}

if [ "$(id -u)" != 0 ]; then
	for name in "empty root" "no urandom" "root of bookworm" "root of trixie" "roots have teeth"; do
		skip_case "$name" "chroot needs root"
	done
else
	test_empty_root
	test_no_urandom
	test_debian_root bookworm
	test_debian_root trixie
	test_roots_have_teeth
fi
test_link_checks
test_clash_check
test_jose_guard
test_reencrypt_cut
test_mirror
test_fetch_refuses
test_second_clone
echo "$test_passed passed, $test_failed failed, $skipped skipped"
[ "$test_failed" = 0 ] && [ "$test_passed" -gt 0 ]
