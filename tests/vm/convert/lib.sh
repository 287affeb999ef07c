# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# Sourced by the conversion case and the demo: a real server on loopback with its traffic written down, the
# one-line install as user-data, and questions to both sides. Needs vm.sh.

convert_here=$test_root/tests/vm/convert
unlock_host=unlock.panocrypt.test
# One emulated processor: what takes time in the guest is thousands of short processes one after the other (mkinitramfs),
# and a second one makes each fork slower.
: "${VM_CPUS:=1}"

# convert_server DIR [plain]: builds nothing; starts panocryptd as a person would, behind the wiretap unless "plain".
# Sets server_dir, server_log, unlock_port, admin_port, server_pid.
convert_server() {
	local unlock_real admin_real
	server_dir=$1/data server_log=$1/server.log server_traffic=$1/traffic
	unlock_port=$(free_port) admin_port=$(free_port)
	unlock_real=$(free_port) admin_real=$(free_port)
	[ "${2:-}" != plain ] || unlock_real=$unlock_port admin_real=$admin_port
	mkdir -p "$1/assets"
	echo "127.0.0.1 localhost $unlock_host" >"$1/hosts"
	server_hosts=$1/hosts
	"$test_root/build/panocryptd" init --dir "$server_dir" \
		--url "https://$unlock_host:$unlock_port" --admin-url "https://$unlock_host:$admin_port" \
		--organization example --admin admin --listen "127.0.0.1:$unlock_real" \
		--admin-listen "127.0.0.1:$admin_real" || die "panocryptd init failed"
	cp "${BOOTSTRAP:-$test_root/build/static/x86_64-musl/panocrypt-bootstrap}" "$1/assets/bootstrap-x86_64" ||
		die "no static panocrypt-bootstrap: make static"
	cp "$test_root/install.sh" "$1/assets/"
	server_command=("$test_root/build/panocryptd" serve --dir "$server_dir" --ready-file "$1/ready"
		--assets "$1/assets")
	server_home=$1
	convert_server_start
	[ "${2:-}" != plain ] || return 0
	vm_spawn "$1/wiretap.log" python3 "$convert_here/wiretap.py" "$server_dir/leaf.pem" "$server_dir/leaf.key" \
		"$server_traffic" "$unlock_port:$unlock_real" "$admin_port:$admin_real"
	cleanup_fn end_process "$vm_child"
	wait_for 20 grep -q tapping "$1/wiretap.log" || die "no wiretap: $(cat "$1/wiretap.log")"
}

convert_server_start() {
	rm -f "$server_home/ready"
	vm_spawn "$server_log" "${server_command[@]}"
	server_pid=$vm_child
	cleanup_fn end_process "$server_pid"
	wait_for 30 test -s "$server_home/ready" || die "panocryptd did not start: $(tail -n 5 "$server_log")"
}

# convert_trouble KIND PORT: something on PORT that isn't our server (trouble.py). Sets trouble_pid.
convert_trouble() {
	local log=$vm_home/trouble-$1.log
	vm_spawn "$log" python3 "$convert_here/trouble.py" "$1" "$2" "$server_dir/leaf.pem" "$server_dir/leaf.key"
	trouble_pid=$vm_child
	cleanup_fn end_process "$vm_child"
	wait_for 20 grep -q ready "$log" || die "trouble.py $1: $(cat "$log")"
}

# ctl ARGUMENT…: panocryptctl as the first admin; the server's name resolves for it alone.
ctl() {
	# shellcheck disable=SC2016
	PANOCRYPT_ADMIN_URL=https://$unlock_host:$admin_port PANOCRYPT_CA=$server_dir/ca.pem \
		PANOCRYPT_TOKEN_FILE=$server_dir/admin-token unshare -m sh -c \
		'mount --make-rprivate / && mount --bind "$1" /etc/hosts && shift && exec "$@"' \
		sh "$server_hosts" "$test_root/build/panocryptctl" "$@"
}

# json EXPRESSION: of the JSON on standard input, Python's expression over v.
json() {
	python3 -c "import json, sys
v = json.load(sys.stdin)
x = $1
print('' if x is None else str(x).lower() if isinstance(x, bool) else x)"
}

# convert_user_data KEY FILE: the example that people paste, with its placeholders filled in, and one line of the
# test's own before the install: the manifest of all files.
convert_user_data() {
	python3 - "$1" "$2" "https://$unlock_host:$admin_port" "$server_dir/ca.pem" \
		"$test_root/cloud-init/cloud-config.yaml" "$convert_here/manifest.py" <<'PY'
import base64
import sys

key, out, server, ca, template, manifest = sys.argv[1:]


def encoded(path):
    return base64.b64encode(open(path, "rb").read()).decode()


lines = []
for line in open(template, encoding="utf-8").read().splitlines():
    line = line.replace("@SERVER@", server).replace("@ENROLLMENT_KEY@", key).replace("@CA_BASE64@", encoded(ca))
    lines.append(line)
    if line == "write_files:":
        lines += ["  - path: /run/manifest.py", "    encoding: b64", f'    content: "{encoded(manifest)}"']
    if line == "runcmd:":
        lines.append("  - python3 /run/manifest.py >/var/tmp/before.manifest")
open(out, "w", encoding="utf-8").write("\n".join(lines) + "\n")
PY
}

# convert_manifest NAME SECONDS: prints the manifest of all files as they are now.
convert_manifest() {
	vm_sh "$1" "cat >/run/manifest.py <<'PY'
$(cat "$convert_here/manifest.py")
PY
python3 /run/manifest.py" "$2"
}

# convert_files_before NAME DIR: the manifest that was made before the install, into DIR/before, and the paths that packages
# own, into DIR/packaged.
convert_files_before() {
	vm_sh "$1" 'cat /var/tmp/before.manifest' 120 >"$2/before" &&
		vm_sh "$1" 'cat /var/lib/dpkg/info/*.list' 120 >"$2/packaged"
}

# convert_files_same NAME: checks that every file is as it was before the install, but for what exceptions.txt and packages
# explain. Leaves before, after and packaged in vm_home.
convert_files_same() {
	convert_files_before "$1" "$vm_home"
	convert_manifest "$1" 600 >"$vm_home/after"
	check "every file as it was" "$convert_here/compare.py" "$vm_home/before" "$vm_home/after" \
		"$convert_here/exceptions.txt" "$vm_home/packaged"
}

# device EXPRESSION: of the one device that there is; lists leave its evidence out.
device() {
	ctl device list --json | json "(v['devices'] or [{}])[0]$1"
}

# evidence NAME: what the one device there is has sent as evidence of that name.
evidence() {
	ctl device show "$(device "['device']")" --json | json "(v['evidence'] or {}).get('$1')"
}

# What the server says of the conversion: the device's state, its phase, and the progress in that.
device_progress() {
	ctl device list --json | json "' '.join('%s %s %s %.0f%%' % (d['state'], d.get('phase') or '-',
		d.get('phase_state') or '-', d.get('percent') or 0) for d in v['devices'][:1]) or 'not enrolled yet'"
}

# convert_watch NAME SECONDS [HOOK]: shows each new phase as the server hears of it and calls HOOK with it, until the device
# has left. Fails when a phase fails, or in time.
convert_watch() {
	local name=$1 end=$((SECONDS + $2 * vm_slow)) now last=
	while :; do
		now=$(device_progress 2>/dev/null) || now=
		if [ -n "$now" ] && [ "$now" != "$last" ]; then
			printf '%4d s  %s\n' $((SECONDS - convert_start)) "$now"
			last=$now
			${3:-:} "$now"
		fi
		case $now in
		active\ leave\ done*) return 0 ;;
		*\ failed\ * | *\ refused\ *) vm_fail "$name" "the conversion stopped: $now: $(ctl device list --json)" ;;
		esac
		vm_running "$name" || vm_fail "$name" "ended during the conversion"
		[ "$SECONDS" -lt "$end" ] || vm_fail "$name" "not converted after $2 s; last: $now"
		sleep 2
	done
}

# convert_boots NAME: how many boots its journal has.
convert_boots() {
	vm_sh "$1" 'journalctl -q --no-pager --list-boots | grep -cE "\b[0-9a-f]{32}\b"' 120
}

# convert_figures NAME CONVERTED_BOOTS: what "make bench" wants of a converted machine, into bench.json of this case
# (tests/bench/machines.py). CONVERTED_BOOTS: as many boots there were when it was converted; those after it are plain.
# 0: its boots say nothing, only how much memory it had.
convert_figures() {
	local boots=
	[ "$2" = 0 ] || boots=$(vm_sh "$1" 'for id in $(journalctl -q --no-pager --list-boots | grep -oE "\b[0-9a-f]{32}\b"); do
		journalctl -q --no-pager -b "$id" -o short-unix | awk "/Reached target multi-user.target/ && !up { up = \$1 }
			{ last = \$1 } END { print up, last }"
	done' 600) || return 1
	python3 - "$boots" "$2" "${VM_MEMORY:-1024}" "$(git -C "$test_root" describe --always --dirty)" \
		"$vm_home/bench.json" <<'PY'
import json
import sys

boots, converted, memory, version, out = sys.argv[1:]
pairs = [line.split() for line in boots.splitlines()]
if any(len(pair) != 2 for pair in pairs) or (pairs and not 1 < int(converted) < len(pairs)):
    sys.exit(f"{converted} of these boots, which came up and ended at: {boots}")
with open(out, "w", encoding="utf-8") as file:
    json.dump({"version": version, "memory_mib": int(memory), "converted_boots": int(converted),
               "boots": [{"up_s": float(up), "last_s": float(last)} for up, last in pairs]}, file)
PY
}
