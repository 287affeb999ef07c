# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2034,SC2154
#
# Sourced by what makes the prepared machine and by what cuts its power: where the guest finds the server.
# The address of the server is in the machine's binding, but the server's ports are chosen when it starts. So the guest
# knows an address of its own user-mode network, which leads to whatever ports these are now.

VM_SERVER_ADDRESS=10.0.2.81
cut_unlock_port=8443 cut_admin_port=9443
VM_CPUS=1
# In their order; those that are hit on the way (rehearse, unlock, behind the end) are none of them.
cut_phases=carve,bootpart,shrink,place,open,encrypt,wipe,grow,native,verify,leave

# cut_server DIR: starts the server of the folder DIR/data, or makes it first. Sets server_dir, VM_FORWARD and what
# convert/lib.sh needs.
cut_server() {
	local unlock_real admin_real
	server_home=$1 server_dir=$1/data server_log=$1/server.log server_hosts=$1/hosts
	unlock_real=$(free_port) admin_real=$(free_port)
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
	VM_FORWARD="guestfwd=tcp:$VM_SERVER_ADDRESS:$cut_unlock_port-cmd:socat - TCP4:127.0.0.1:$unlock_real"
	VM_FORWARD+=",guestfwd=tcp:$VM_SERVER_ADDRESS:$cut_admin_port-cmd:socat - TCP4:127.0.0.1:$admin_real"
}
cut_bootstrap=${BOOTSTRAP:-$test_root/build/static/x86_64-musl/panocrypt-bootstrap}
