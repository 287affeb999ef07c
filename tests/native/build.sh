# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by the native tests after tests/lib.sh: builds the driver convert.c with the libraries of
# the static build, the only libcryptsetup >= 2.8 that a Debian 12 machine has. Without them the test
# is skipped and counted; "make static-libs" makes them.

native_prefix=build/static/x86_64-musl/prefix
native_convert=build/native/convert
native_sources="tests/native/convert.c bootstrap/free_space.c bootstrap/free_space_run.c bootstrap/hot_chunk.c
	bootstrap/cipher.c bootstrap/luks.c bootstrap/luks_json.c bootstrap/luks_look.c bootstrap/luks_next.c
	bootstrap/luks_reencrypt.c
	bootstrap/luks_token.c bootstrap/place.c bootstrap/recovery.c bootstrap/region.c bootstrap/rotate.c
	bootstrap/wiped.c bootstrap/dm.c bootstrap/throttle.c bootstrap/worker.c bootstrap/worker_chunks.c
	bootstrap/worker_guard.c bootstrap/worker_watch.c"

# Several clones may run these tests at once: each has a volume of its own.
LUKS_UUID=$(cat /proc/sys/kernel/random/uuid)
export LUKS_UUID

native_build() {
	[ -x "$native_prefix/bin/musl-gcc" ] ||
		skip "no libcryptsetup 2.8 here: make static-libs builds it"
	mkdir -p "$(dirname "$native_convert")"
	# shellcheck disable=SC2086 # a list of names
	"$native_prefix/bin/musl-gcc" -std=gnu11 -O2 -g -fPIE -static-pie -Wall -Wextra -I. \
		-D_GNU_SOURCE -DPANOCRYPT_VERSION='"test"' -ffunction-sections -o "$native_convert.new" \
		$native_sources common/*.c -Wl,--gc-sections,--wrap=fsync,--wrap=fdatasync \
		-Wl,--whole-archive -ljose -Wl,--no-whole-archive -Wl,--start-group -lcryptsetup \
		-ldevmapper -ljson-c -lblkid -luuid -lcurl -lssl -lcrypto -ljansson -lz -Wl,--end-group \
		-lpthread -lm || die "the native test driver doesn't build"
	mv "$native_convert.new" "$native_convert"
}
