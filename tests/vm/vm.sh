# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC2154
#
# Sourced by the VM cases and the demo: verbs for virtual machines made from the cached stock image.
# A VM is a directory, $vm_home/NAME; whatever is started here ends with the sourcing shell (so
# vm_start is not for subshells). Verdicts travel over the guest's command channel (guest.py), the
# serial console is for watching, waiting and typing. docs/testing.md has the whole list by example.

# shellcheck disable=SC1091
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
# shellcheck disable=SC1091
. "$test_root/tests/vm/base.sh"

vm_home=${VM_HOME:-$test_root/build/vm/work}
# How many times slower than an idle machine this one is now, at least 1.
# shellcheck disable=SC2034
vm_slow=$(stretch 1)
vm_guest=$test_root/tests/vm/guest.py
vm_ready_for_use=

# Starts COMMAND as a child that cannot outlive this shell, output to LOG. Sets vm_child.
vm_spawn() {
	local log=$1
	shift
	setpriv --pdeathsig KILL -- "$@" </dev/null >"$log" 2>&1 &
	vm_child=$!
}

# DNS for the guests: the private names are this machine as the guest sees it, all else is unknown.
# An address of 127/8 each, since the user-mode network can only ask port 53.
vm_start_dns() {
	local log=$vm_home/dnsmasq.log
	for _ in 1 2 3 4 5; do
		vm_dns_address=127.$((RANDOM % 250 + 2)).$((RANDOM % 250 + 1)).$((RANDOM % 250 + 1))
		vm_spawn "$log" dnsmasq --keep-in-foreground --conf-file=/dev/null --pid-file= \
			--listen-address=$vm_dns_address --bind-interfaces --no-resolv --no-hosts \
			--local=/#/ --address="/unlock.panocrypt.test/${VM_SERVER_ADDRESS:-10.0.2.2}" \
			--address=/unlock2.panocrypt.test/10.0.2.2 --log-facility=-
		wait_for 60 vm_child_says "$log" 'started' && break
		end_process "$vm_child"
	done
	grep -q started "$log" || die "no DNS for the guests: $(tail -n 1 "$log")"
	cleanup_fn end_process "$vm_child"
	echo "nameserver $vm_dns_address" >"$vm_home/resolv.conf"
}

vm_child_says() {
	grep -q "$2" "$1" || ! kill -0 "$vm_child" 2>/dev/null
}

vm_start_apt() {
	local log=$vm_home/apt.log repo
	repo=$("$test_root/tests/vm/apt-repo") || die "no apt repository for the guests"
	PYTHONUNBUFFERED=1 vm_spawn "$log" python3 -m http.server --bind 127.0.0.1 -d "$repo" 0
	cleanup_fn end_process "$vm_child"
	wait_for 60 vm_child_says "$log" '^Serving' || die "no web server for the apt repository"
	vm_apt_port=$(sed -n 's/^Serving.* port \([0-9]*\) .*/\1/p' "$log")
	[ -n "$vm_apt_port" ] || die "no web server for the apt repository: $(tail -n 1 "$log")"
}

vm_prepare() {
	[ -z "$vm_ready_for_use" ] || return 0
	requires qemu-system-x86_64 qemu-img dnsmasq socat genisoimage unshare setpriv mmdebstrap
	[ "$(id -u)" = 0 ] || skip "VM tests need root (mount namespace, port 53 on loopback)"
	mkdir -p "$vm_home"
	vm_image=$("$test_root/tests/vm/image") || die "no test image"
	vm_start_dns
	vm_start_apt
	vm_ready_for_use=yes
}

# vm_create NAME [SIZE]: a new machine with a disk of SIZE (4G) and a seed that asks for nothing.
vm_create() {
	local dir=$vm_home/$1
	vm_prepare
	rm -rf "$dir"
	mkdir -p "$dir"
	qemu-img create -q -f qcow2 -F raw -b "$vm_image/disk.raw" "$dir/disk.qcow2" "${2:-4G}"
	vm_seed "$1"
}

# vm_seed NAME [FILE]: FILE is the user-data that a provider would pass on.
vm_seed() {
	local dir=$vm_home/$1/seed
	mkdir -p "$dir"
	if [ -n "${2:-}" ]; then
		cp "$2" "$dir/user-data"
	else
		printf '#cloud-config\npackage_update: false\n' >"$dir/user-data"
	fi
	printf 'instance-id: %s\nlocal-hostname: %s\n' "$1-$RANDOM" "$1" >"$dir/meta-data"
	genisoimage -quiet -volid cidata -joliet -rational-rock -o "$dir.iso" "$dir" 2>/dev/null
}

# vm_start NAME [QEMU ARGUMENT…]: power on. VM_MEMORY (MiB), VM_CPUS; VM_DRIVE (of -drive, instead of
# the overlay on the image), VM_DISK_DEVICE (nvme; virtio-blk-pci unless told), VM_FORWARD (more of -netdev).
vm_start() {
	local name=$1 dir=$vm_home/$1 net drive
	shift
	vm_running "$name" && die "VM $name is running already"
	rm -f "$dir"/*.sock
	touch "$dir/serial.log"
	stat -c %s "$dir/serial.log" | tee "$dir/power-on" >"$dir/offset"
	net="user,id=net0,ipv6=off,guestfwd=tcp:10.0.2.80:80-cmd:socat - TCP4:127.0.0.1:$vm_apt_port"
	net+=${VM_FORWARD:+,$VM_FORWARD}
	drive=${VM_DRIVE:-format=qcow2,file=$dir/disk.qcow2}
	# QEMU reads the resolver's address from /etc/resolv.conf, so it gets one of its own.
	# shellcheck disable=SC2016
	vm_spawn "$dir/qemu.log" unshare -m sh -c \
		'mount --make-rprivate / && mount --bind "$1" /etc/resolv.conf && shift && exec "$@"' \
		sh "$vm_home/resolv.conf" "${vm_machine[@]}" \
		-name "$name" -m "${VM_MEMORY:-1024}" -smp "${VM_CPUS:-2}" \
		-drive "if=none,id=disk0,discard=unmap,$drive" \
		-device "${VM_DISK_DEVICE:-virtio-blk-pci},drive=disk0,serial=root,bootindex=0" \
		-drive "if=none,id=seed,format=raw,readonly=on,file=$dir/seed.iso" \
		-device virtio-blk-pci,drive=seed,serial=seed \
		-netdev "$net" -device virtio-net-pci,netdev=net0 \
		-chardev "socket,id=serial,path=$dir/serial.sock,server=on,wait=off,logfile=$dir/serial.log,logappend=on" \
		-serial chardev:serial -device virtio-serial-pci \
		-chardev "socket,id=agent,path=$dir/agent.sock,server=on,wait=off" \
		-device virtserialport,chardev=agent,name=panocrypt.test \
		-qmp "unix:$dir/qmp.sock,server=on,wait=off" "$@"
	echo "$vm_child" >"$dir/pid"
	cleanup_fn vm_cut "$name"
	wait_for 60 test -S "$dir/qmp.sock" || vm_fail "$name" "QEMU did not start: $(cat "$dir/qemu.log")"
}

vm_running() {
	[ -s "$vm_home/$1/pid" ] && kill -0 "$(cat "$vm_home/$1/pid")" 2>/dev/null
}

# Why NAME can't be waited for any longer, if so.
vm_trouble() {
	if ! vm_running "$1"; then
		echo "ended"
	elif tail -c "+$(($(cat "$vm_home/$1/power-on") + 1))" "$vm_home/$1/serial.log" |
		grep -aqE 'Kernel panic - not syncing|You are in emergency mode'; then
		echo "stopped (a panic, or emergency mode: see its console)"
	fi
}

# Ends the test with what is needed to see why.
vm_fail() {
	local name=$1
	shift
	echo "error: VM $name: $*" >&2
	exit 1
}

# vm_wait NAME REGEX SECONDS: until REGEX (grep -E, within a line) appears on the serial console
# after what earlier calls have matched. Fails at once when the VM has ended.
vm_wait() {
	local name=$1 regex=$2 start=$SECONDS dir=$vm_home/$1 offset hit trouble
	offset=$(cat "$dir/offset")
	while :; do
		trouble=$(vm_trouble "$name")
		hit=$(tail -c "+$((offset + 1))" "$dir/serial.log" | LC_ALL=C grep -aobE -m 1 -e "$regex" | head -n 1)
		if [ -n "$hit" ]; then
			echo $((offset + ${hit%%:*} + $(printf %s "${hit#*:}" | wc -c))) >"$dir/offset"
			return 0
		fi
		[ -z "$trouble" ] || vm_fail "$name" "$trouble while waiting for: $regex"
		time_over "$start" "$3" && vm_fail "$name" "after $3 s not on the console: $regex"
		sleep 0.2
	done
}

# vm_type NAME TEXT: types TEXT and Enter at the serial console.
vm_type() {
	"$vm_guest" type "$vm_home/$1/serial.sock" "$2"$'\r'
}

# vm_sh NAME COMMANDS [SECONDS]: runs them in the guest as root; their output, their status.
# 124 means no answer in time (300 s unless told otherwise), 125 that the VM is gone.
vm_sh() {
	"$vm_guest" sh "$vm_home/$1/agent.sock" "$(stretch "${3:-300}")" "$2"
}

# vm_up NAME [SECONDS]: until the guest's command channel answers.
vm_up() {
	local start=$SECONDS trouble
	until "$vm_guest" sh "$vm_home/$1/agent.sock" 5 true 2>/dev/null; do
		trouble=$(vm_trouble "$1")
		[ -z "$trouble" ] || vm_fail "$1" "$trouble while booting"
		time_over "$start" "${2:-240}" && vm_fail "$1" "not up after ${2:-240} s"
	done
}

# vm_ready NAME [SECONDS]: up, and cloud-init and the boot are through, with nothing failed.
vm_ready() {
	local output
	vm_up "$1" "${2:-240}"
	output=$(vm_sh "$1" 'cloud-init status --wait --long && systemctl is-system-running --wait ||
		{ systemctl --failed --no-legend --plain; false; }' "${2:-240}") ||
		vm_fail "$1" "not ready: $output"
}

# vm_boot_id NAME: another one after each boot.
vm_boot_id() {
	vm_sh "$1" 'cat /proc/sys/kernel/random/boot_id' 30
}

# vm_boot_after NAME BOOT_ID [SECONDS]: until another boot than BOOT_ID answers.
vm_boot_after() {
	local start=$SECONDS now trouble
	until now=$("$vm_guest" sh "$vm_home/$1/agent.sock" 5 'cat /proc/sys/kernel/random/boot_id' 2>/dev/null) &&
		[ "$now" != "$2" ]; do
		trouble=$(vm_trouble "$1")
		[ -z "$trouble" ] || vm_fail "$1" "$trouble while rebooting"
		time_over "$start" "${3:-300}" && vm_fail "$1" "no new boot after ${3:-300} s"
	done
}

# vm_reboot_wait NAME [SECONDS]: reboots from inside and waits until the next boot answers.
vm_reboot_wait() {
	local before
	before=$(vm_boot_id "$1") || vm_fail "$1" "does not answer"
	vm_sh "$1" 'systemctl reboot' 10 || :
	vm_boot_after "$1" "$before" "${2:-300}"
}

# vm_wait_off NAME [SECONDS]: until it has switched itself off.
vm_wait_off() {
	local pid
	pid=$(cat "$vm_home/$1/pid")
	wait_for "${2:-120}" vm_is_off "$1" || vm_fail "$1" "still on after ${2:-120} s"
	wait "$pid" 2>/dev/null || :
	rm -f "$vm_home/$1/pid"
}

vm_is_off() {
	! vm_running "$1"
}

# vm_poweroff NAME [SECONDS]: presses the power button.
vm_poweroff() {
	"$vm_guest" qmp "$vm_home/$1/qmp.sock" system_powerdown || vm_fail "$1" "no power button"
	vm_wait_off "$1" "${2:-120}"
}

# vm_cut NAME: the power is gone, now. What the guest had flushed is on the disk.
vm_cut() {
	local pid
	vm_running "$1" || return 0
	pid=$(cat "$vm_home/$1/pid")
	kill -KILL "$pid"
	wait "$pid" 2>/dev/null || :
	rm -f "$vm_home/$1/pid"
}

# vm_disk_raw NAME: prints the path of a raw copy of the disk of a machine that is off.
vm_disk_raw() {
	vm_running "$1" && die "VM $1 is running; its disk cannot be read from outside"
	qemu-img convert -O raw "$vm_home/$1/disk.qcow2" "$vm_home/$1/disk.raw" >&2
	echo "$vm_home/$1/disk.raw"
}
