#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# The run by reporter, guard and worker, watched by strace: from its first chunk on the worker opens nothing but the
# device and what is in memory, writes nothing but the device, and has no network. The judge of the trace is itself
# shown lines that it must not let through. (That the order holds online too is for the VM tests.)
set -u
# shellcheck source=tests/lib.sh
. "$(dirname "$0")/../lib.sh"
cd "$test_root" || exit 1
# shellcheck source=tests/native/build.sh
. tests/native/build.sh
requires mke2fs resize2fs strace

native_build
convert=$PWD/$native_convert
payload=$((96 << 20))
room=$((160 << 20))
work=$(mktemp -d)
[ -n "${KEEP-}" ] || cleanup_fn rm -rf "$work"

# A native driver of its own makes the device; here it only must be one.
truncate -s "$room" "$work/pristine"
mkdir "$work/files" "$work/state"
head -c 5000001 /dev/urandom >"$work/files/kept"
mke2fs -q -F -t ext4 -b 4096 -d "$work/files" "$work/pristine" || die "mke2fs"
resize2fs "$work/pristine" $((payload >> 10))K >/dev/null 2>&1 || die "resize2fs"
truncate -s "$room" "$work/pristine"
cp --sparse=always "$work/pristine" "$work/placed"
"$convert" header "$work/state" "$work/placed" || die "header"
"$convert" place "$work/state" "$work/placed" "$payload" || die "place"

fresh() { cp --sparse=always "$work/placed" "$work/device"; }
payload_is_same() {
	"$convert" decrypt "$work/device" "$payload" /dev/stdout | cmp -s -n "$payload" - "$work/pristine"
}

# judge TRACE: prints what the worker did from its first step on that it must not do.
# Lines of strace -f -y: "PID openat(AT_FDCWD</x>, "/path", …) = 5</path>". Only the worker names itself panocrypt-step.
judge() {
	awk -v device="$work/device" '
	/prctl\(PR_SET_NAME, "panocrypt-step"/ { worker = $1; next }
	!worker || $1 != worker { next }
	{ seen++ }
	# paths: quoted
	$2 ~ /^(open|openat|openat2|creat|stat|lstat|newfstatat|statx|access|faccessat|faccessat2|readlink|unlink|rename|mkdir|execve)\(/ {
		path = $0; sub(/^[^"]*"/, "", path); sub(/".*/, "", path)
		if (path != device && path !~ /^(\/dev\/|\/proc\/|\/run\/|\/sys\/)/ && path != "")
			print "path: " $0
	}
	# what is written to: the descriptor between < and >
	$2 ~ /^(write|writev|pwrite64|pwritev|pwritev2|sendfile|copy_file_range|ftruncate|fallocate)\(/ {
		target = $0; sub(/^[^<]*</, "", target); sub(/>.*/, "", target)
		if (target != device && target !~ /^ALG:/ && target !~ /^(\/dev\/|\/run\/)/)
			print "write: " $0
	}
	# sockets: the kernel crypto API only
	$2 ~ /^socket\(/ && $0 !~ /socket\(AF_ALG/ { print "socket: " $0 }
	$2 ~ /^(connect|sendto|fork|vfork)\(/ { print "network or process: " $0 }
	END { if (seen < 20) print "nothing of the worker was seen: " seen+0 }' "$1"
}

# --- the run itself -------------------------------------------------------------------------------

fresh
equal "stops at a chunk when it is wished" "$("$convert" work "$work/device" 1)" stopped
check "not at the end" "$convert" look "$work/device"
equal "goes on to the end" "$("$convert" work "$work/device")" finished
check "the payload is the same" payload_is_same

# --- watched --------------------------------------------------------------------------------------

fresh
strace -f -yy -s 200 -o "$work/trace" "$convert" work "$work/device" >"$work/said" 2>&1 || die "strace: $(tail -n 3 "$work/said")"
equal "the same under strace" "$(cat "$work/said")" finished
check "the payload is the same" payload_is_same
judge "$work/trace" >"$work/judged"
equal "in its steps the worker touches the device and memory alone" "$(head -n 5 "$work/judged")" ""
check "it was seen to write the device" grep -qE "p?write(64)?\([0-9]+<$work/device>" "$work/trace"
worker=$(sed -n 's/^\([0-9]*\) .*PR_SET_NAME, "panocrypt-step".*/\1/p' "$work/trace")
check "it is a process of its own" [ -n "$worker" ]
# EINVAL: this kernel has none
check "a chunk is kept in huge pages" grep -qE \
	"^$worker +madvise\(0x[0-9a-f]*[02468ace]00000, 16777216, MADV_HUGEPAGE\) += (0|-1 EINVAL)" "$work/trace"
check "it runs from memory" grep -qE "(execveat|execve)\(.*(memfd:panocrypt-worker|/proc/self/fd/)" "$work/trace"

# --- the judge ------------------------------------------------------------------------------------

caught() {
	{ cat "$work/trace"; echo "$worker $1"; } >"$work/doctored"
	judge "$work/doctored" | grep -q .
}
check "a file opened would be noticed" caught 'openat(AT_FDCWD</>, "/etc/passwd", O_RDONLY) = 9</etc/passwd>'
check "a line printed would be noticed" caught 'write(2</var/log/journal/x>, "hello", 5) = 5'
check "a line to the journal would be noticed" caught 'sendto(9<UNIX:[1]>, "hello", 5, 0, NULL, 0) = 5'
check "a connection would be noticed" caught 'socket(AF_INET, SOCK_STREAM, IPPROTO_TCP) = 9<TCP:[1]>'
check "a trace without the worker would be noticed" [ -n "$(judge /dev/null)" ]

tests_done
