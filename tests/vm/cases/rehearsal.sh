# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash
#
# case: rehearsal
# purpose: a server that can't unlock stops the conversion before the disk is touched; the machine boots on and says why
# limit: 2700

. "$(dirname "$0")/../vm.sh"
. "$(dirname "$0")/../convert/lib.sh"

most_extra_s=120

guest() {
	vm_sh rehearse "$@"
}

# The time from power-on until the guest answers.
boot() {
	local start=$SECONDS
	vm_start rehearse
	vm_up rehearse 600
	boot_s=$((SECONDS - start))
}

# try NAME REGEX: boots from the prepared disk with the server as it is now.
try() {
	local name=$1
	qemu-img create -q -f qcow2 -F qcow2 -b "$vm_home/rehearse/prepared.qcow2" "$vm_home/rehearse/disk.qcow2"
	boot
	check "$name: boots on, at most $most_extra_s s later ($boot_s s, plain $plain_s s)" \
		test "$boot_s" -le $((plain_s + most_extra_s * vm_slow))
	check "$name: the journal says why" wait_for 180 guest "journalctl -b -u panocrypt-convert | grep -iE '$2'"
	equal "$name: the root is plain" "$(guest 'findmnt -no SOURCE /')" /dev/vda1
	equal "$name: the partition table is as it was" "$(guest 'sfdisk -d /dev/vda')" "$table"
	check "$name: so does status" guest "/usr/lib/panocrypt/panocrypt-bootstrap status 2>&1 | grep -iE '$2'"
	vm_cut rehearse
}

convert_server "$vm_home/server" plain
vm_create rehearse
boot
vm_ready rehearse
key=$(ctl enrollment-key create --json | json "v['key']")
guest "cat >/root/ca.pem <<'E'
$(cat "$server_dir/ca.pem")
E
curl -fsS --cacert /root/ca.pem -o /root/panocrypt-bootstrap https://$unlock_host:$admin_port/bootstrap/x86_64 &&
chmod 755 /root/panocrypt-bootstrap" || die "the server hands out no program"
vm_reboot_wait rehearse
start=$SECONDS
vm_reboot_wait rehearse
plain_s=$((SECONDS - start))
vm_ready rehearse # its network too, which the agent doesn't need
output=$(guest "PANOCRYPT_ENROLLMENT_KEY=$key PANOCRYPT_SERVER=https://$unlock_host:$admin_port PANOCRYPT_CA=/root/ca.pem \
	/root/panocrypt-bootstrap run --yes --no-reboot 2>&1" 1500) || vm_fail rehearse "run failed: $output"
table=$(guest 'sfdisk -d /dev/vda')
equal "nobody but root can read the boot images: they hold the key of redo logs" \
	"$(guest 'find /boot -maxdepth 1 -name "initrd.img-*" -perm /077')" ""
vm_poweroff rehearse
mv "$vm_home/rehearse/disk.qcow2" "$vm_home/rehearse/prepared.qcow2"

end_process "$server_pid"
try "server unreachable" 'rehearse'
for kind in silent hang garbage; do
	convert_trouble $kind "$unlock_port"
	try "server $kind" 'rehearse'
	end_process "$trouble_pid"
done

mkdir "$vm_home/other"
"$test_root/build/panocryptd" init --dir "$vm_home/other/data" --url "https://$unlock_host:$unlock_port" \
	--admin-url "https://$unlock_host:$admin_port" --organization other --admin admin \
	--listen "127.0.0.1:$unlock_port" --admin-listen "127.0.0.1:$admin_port" >/dev/null
vm_spawn "$vm_home/other/log" "$test_root/build/panocryptd" serve --dir "$vm_home/other/data" --ready-file "$vm_home/other/ready"
other=$vm_child
cleanup_fn end_process "$other"
wait_for 30 test -e "$vm_home/other/ready" || die "the other server did not start"
try "certificate of another authority" 'certificate'

# --- and with the right one the same disk goes on
end_process "$other"
convert_server_start
qemu-img create -q -f qcow2 -F qcow2 -b "$vm_home/rehearse/prepared.qcow2" "$vm_home/rehearse/disk.qcow2"
boot
check "the right server: the root is cut, and /boot has its partition" wait_for 300 guest 'test -b /dev/disk/by-partlabel/boot ||
	[ "$(lsblk -nro NAME /dev/vda | grep -c "^vda[0-9]")" = 4 ]'
check "the filesystem is clean" guest '! journalctl -b -k | grep -i "EXT4-fs error"'
tests_done
