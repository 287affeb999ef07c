# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: refusals
# purpose: one stock machine that can't be converted for one reason after the other, and says why
# check: yes
# limit: 1200

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

program=/usr/local/bin/panocrypt-bootstrap
ca=/run/ca.pem

guest() {
	vm_sh refusals "$@"
}

# refused NAME CODE COMMANDS: they end with status 3, and plan's JSON names exactly this code.
refused() {
	local name=$1 code=$2 output status
	output=$(guest "$3" 240)
	status=$?
	equal "$name: status" "$status" 3
	equal "$name: code" "$(printf '%s\n' "$output" |
		json "' '.join(x['code'] for x in v['refusals'])" 2>&1)" "$code"
}

# fails NAME SENTENCE COMMANDS: they end with status 1, and the last line has the sentence.
fails() {
	local name=$1 sentence=$2 output status
	output=$(guest "$3" 240)
	status=$?
	equal "$name: status" "$status" 1
	check "$name: says \"$sentence\"" grep -qF "$sentence" <<<"$output"
	printf '%s\n' "$output" | tail -n 1
}

key() {
	ctl enrollment-key create --expires-in "${1:-1h}" --max-uses 1 --json
}

plan="export PANOCRYPT_SERVER=https://$unlock_host PANOCRYPT_ENROLLMENT_KEY=ABCD-EFGHJ-KMN; $program plan --json"

# run KEY [SERVER]: the commands of a start that must fail while enrolling.
run() {
	echo "export PANOCRYPT_ENROLLMENT_KEY=$1; $program run --yes --ca $ca" \
		"--server ${2:-https://$unlock_host:$admin_port} 2>&1"
}

convert_server "$vm_home/server"
vm_create refusals
vm_start refusals
vm_ready refusals 300
base_url=http://10.0.2.2
vm_spawn "$vm_home/files.log" env PYTHONUNBUFFERED=1 python3 -m http.server --bind 127.0.0.1 \
	-d "$server_home/assets" 0
cleanup_fn end_process "$vm_child"
wait_for 20 vm_child_says "$vm_home/files.log" '^Serving'
files_port=$(sed -n 's/^Serving.* port \([0-9]*\) .*/\1/p' "$vm_home/files.log")
guest "curl -fsS -o $program $base_url:$files_port/bootstrap-x86_64 && chmod 755 $program" ||
	die "the program did not get into the machine"
guest "cat >$ca <<'PEM'
$(cat "$server_dir/ca.pem")
PEM" || die "the CA did not get into the machine"
guest "find /etc /boot /usr/lib /var/lib -xdev -newer $program -type f -not -path '/var/lib/systemd/*' | sort" >"$vm_home/touched-before"

# --- a machine that could be converted
guest "$plan" >"$vm_home/plan.json"
equal "a stock machine is accepted" $? 0
facts=$(json "[v['facts'][k] for k in ('root_kind', 'root_fstype', 'table_type', 'initrd', 'is_net_dhcp4',
	'has_bios_boot', 'has_esp', 'esp_mount', 'has_dm_crypt', 'is_boot_separate', 'fs_has_errors')]" <"$vm_home/plan.json")
equal "its facts are right" "$facts" \
	"['partition', 'ext4', 'gpt', 'initramfs-tools', True, True, True, '/boot/efi', True, False, False]"
equal "its identity too" "$(json "v['facts']['root_partuuid'] + v['facts']['fs_uuid']" <"$vm_home/plan.json")" \
	"$(guest 'd=$(findmnt -no SOURCE /); printf %s%s "$(lsblk -no PARTUUID "$d")" "$(lsblk -no UUID "$d")"')"
equal "and its size" "$(json "v['facts']['root_bytes']" <"$vm_home/plan.json")" \
	"$(guest 'blockdev --getsize64 "$(findmnt -no SOURCE /)"')"

# --- refusals
refused "not as root" not-root "setpriv --reuid=65534 --regid=65534 --clear-groups sh -c '$plan'"
refused "in a container" container \
	"unshare --pid --fork --mount-proc env container=lxc sh -c '$plan; exit \$?'"
refused "twice at once" already-running "flock /run/panocrypt.lock sh -c '$plan; exit \$?'"
refused "the package manager is busy" package-manager-busy "python3 -c '
import fcntl, subprocess, sys
held = open(\"/var/lib/dpkg/lock-frontend\", \"r+\")
fcntl.lockf(held, fcntl.LOCK_EX)
sys.exit(subprocess.call([\"sh\", \"-c\", sys.argv[1]]))' '$plan'"
refused "too little space" too-little-space "fallocate -l \$((\$(stat -f -c '%a * %S' /) - 700000000)) /fill
	sync; $plan; status=\$?; rm /fill; exit \$status"
refused "a writable disk more" other-writable-filesystems "truncate -s 64M /run/disk && mkfs.ext4 -q /run/disk &&
	d=\$(losetup -f --show /run/disk) && mkdir -p /run/mnt && mount \$d /run/mnt
	$plan; status=\$?; umount /run/mnt; losetup -d \$d; exit \$status"
refused "no key" no-enrollment-key "$program plan --json --server https://$unlock_host"
refused "a damaged intent" damaged-state "mkdir -p /var/lib/panocrypt && echo '{}' >/var/lib/panocrypt/intent.json
	$plan; status=\$?; rm -r /var/lib/panocrypt; exit \$status"
guest "find /etc /boot /usr/lib /var/lib -xdev -newer $program -type f -not -path '/var/lib/systemd/*' | sort" >"$vm_home/touched-after"
equal "looking has written nothing" "$(cat "$vm_home/touched-after")" "$(cat "$vm_home/touched-before")"

# --- enrolling fails
new=$(key) || die "no enrollment key"
good=$(json "v['key']" <<<"$new")
revoked_new=$(key)
ctl enrollment-key revoke "$(json "v['id']" <<<"$revoked_new")" >/dev/null || not_ok "revoking a key"
fails "an unknown key" key-unknown "$(run ZZZZ-ZZZZZ-ZZZ)"
fails "a revoked key" key-revoked "$(run "$(json "v['key']" <<<"$revoked_new")")"
short=$(json "v['key']" <<<"$(key 1s)")
fails "an expired key" key-expired "sleep 2; $(run "$short")"
fails "nobody listens" "nothing was changed" "$(run "$good" "https://$unlock_host:1")"
fails "another certificate" certificate \
	"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
	-keyout /dev/null -subj /CN=other -out /run/other.pem 2>/dev/null; $(run "$good" | sed "s|$ca|/run/other.pem|")"
tls() {
	vm_spawn "$vm_home/tls-$1.log" env PYTHONUNBUFFERED=1 python3 -c '
import socket, ssl, sys, time
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])
listener = socket.create_server(("127.0.0.1", 0))
print("port", listener.getsockname()[1])
held = []
while True:
    connection, _ = listener.accept()
    try:
        connection = context.wrap_socket(connection, server_side=True)
        connection.recv(65536)
        if sys.argv[3] == "garbage":
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nConnection: close\r\n\r\n{\"a\":\x00\xff\n}")
            connection.close()
        held.append(connection)
    except (OSError, ssl.SSLError):
        pass' "$server_dir/leaf.pem" "$server_dir/leaf.key" "$1"
	cleanup_fn end_process "$vm_child"
	wait_for 20 vm_child_says "$vm_home/tls-$1.log" '^port' || die "no $1 server"
	tls_port=$(sed -n 's/^port //p' "$vm_home/tls-$1.log")
}
tls garbage
fails "a server that says garbage" "isn't JSON" "$(run "$good" "https://$unlock_host:$tls_port")"
tls silent
fails "a server that says nothing" "nothing was changed" "$(run "$good" "https://$unlock_host:$tls_port")"
equal "a failed enrollment leaves no unit and no program" \
	"$(guest 'ls /etc/systemd/system/panocrypt-convert* /usr/lib/panocrypt 2>/dev/null')" ""
check "no key is kept" guest "! grep -rlF '$good' /var/lib/panocrypt /etc /run/panocrypt 2>/dev/null"
check "undo removes the rest" guest "$program undo && ! test -e /var/lib/panocrypt" 900
equal "the machine is well" "$(guest 'systemctl is-system-running')" running
tests_done
