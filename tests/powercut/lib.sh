# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# Sourced by what makes the prepared machine and by what cuts its power: where the guest finds the server.
# The address of the server is in the machine's binding, but the server's ports are chosen when it starts. So the guest
# knows an address and ports of its own user-mode network, which lead to whatever ports these are now.

VM_SERVER_ADDRESS=10.0.2.81
cut_unlock_port=8443 cut_admin_port=9443
VM_CPUS=1
# In their order; those that are hit on the way (rehearse, unlock, behind the end) are none of them.
cut_phases=carve,bootpart,shrink,place,open,encrypt,wipe,grow,native,verify,leave

# cut_forward UNLOCK ADMIN: sets VM_FORWARD, so that the guest finds its server at these ports of ours.
cut_forward() {
	VM_FORWARD="guestfwd=tcp:$VM_SERVER_ADDRESS:$cut_unlock_port-cmd:socat - TCP4:127.0.0.1:$1"
	VM_FORWARD+=",guestfwd=tcp:$VM_SERVER_ADDRESS:$cut_admin_port-cmd:socat - TCP4:127.0.0.1:$2"
}

# cut_server DIR: starts the server of the folder DIR/data, or makes it first. Sets server_dir, VM_FORWARD and what
# convert/lib.sh needs.
cut_server() {
	local unlock_real admin_real
	server_home=$1 server_dir=$1/data server_log=$1/server.log server_hosts=$1/hosts
	unlock_real=$(free_port) admin_real=$(free_port)
	[ ! -e "$1/ports" ] || read -r cut_unlock_port cut_admin_port <"$1/ports"
	unlock_port=$cut_unlock_port admin_port=$admin_real
	mkdir -p "$1/assets"
	if [ ! -d "$server_dir" ]; then
		"$test_root/build/panocryptd" init --dir "$server_dir" --organization example --admin admin \
			--url "https://$unlock_host:$cut_unlock_port" \
			--admin-url "https://$unlock_host:$cut_admin_port" \
			--listen "127.0.0.1:$unlock_real" --admin-listen "127.0.0.1:$admin_real" >&2 ||
			die "panocryptd init failed"
	fi
	echo "127.0.0.1 localhost $unlock_host" >"$server_hosts"
	ln -sf "$cut_bootstrap" "$1/assets/bootstrap-x86_64"
	server_command=("$test_root/build/panocryptd" serve --dir "$server_dir" --ready-file "$1/ready"
		--assets "$1/assets" --listen "127.0.0.1:$unlock_real" --admin-listen "127.0.0.1:$admin_real")
	convert_server_start
	cut_forward "$unlock_real" "$admin_real"
}

# cut_keep NAME DIR FIRST: into DIR what tests/powercut/stage makes, of a machine in mid-conversion, whose disk and server stand still
# for that long. What DIR/before and DIR/packaged list must be there. FIRST: the first phase that can be cut from there on.
cut_keep() {
	local dir=$vm_home/$1 status=0
	mkdir -p "$2/server"
	"$vm_guest" qmp "$dir/qmp.sock" stop || return 1
	end_process "$server_pid"
	cp -a "$server_dir" "$2/server/data" && cp "$dir/seed.iso" "$2/" &&
		qemu-img convert -U -O raw "$dir/disk.qcow2" "$2/disk.raw" || status=1
	convert_server_start
	"$vm_guest" qmp "$dir/qmp.sock" cont || return 1
	echo "$cut_unlock_port $cut_admin_port" >"$2/server/ports"
	echo "$3" >"$2/first"
	return $status
}
cut_bootstrap=${BOOTSTRAP:-$test_root/build/static/x86_64-musl/panocrypt-bootstrap}
