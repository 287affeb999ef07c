# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: stock-boot
# purpose: two stock machines at once boot as a provider's would, grow their disks, use apt and DNS
# limit: 600

. "$(dirname "$0")/../vm.sh"

vm_create big 8G
vm_create small
cat >"$vm_home/user-data" <<'EOF'
#cloud-config
hostname: seeded
runcmd:
  - [touch, /var/tmp/seeded]
EOF
vm_seed small "$vm_home/user-data"
vm_start small
vm_start big
vm_ready small
vm_ready big

root_mib() {
	vm_sh "$1" 'df --output=size --block-size=1M / | tail -n 1 | tr -d " "'
}

# p1 ends at 2 GiB in the image; growpart and x-systemd.growfs have made it as large as the disk.
check "small: the root has grown to 4 GiB" test "$(root_mib small)" -gt 3700
check "big: the root has grown to 8 GiB" test "$(root_mib big)" -gt 7700
check "growpart did it" vm_sh small 'grep "cc_growpart.*changed" /var/log/cloud-init.log'
check "user-data was used" vm_sh small 'test -e /var/tmp/seeded && [ "$(hostname)" = seeded ]'

equal "partitions in their places" "$(vm_sh small 'for p in 14 15 1; do
	echo $p $(cat /sys/block/vda/vda$p/start); done')" $'14 2048\n15 8192\n1 262144'
check "/boot is inside the root" vm_sh small '[ "$(stat -c %d /boot)" = "$(stat -c %d /)" ]'
check "booted by PARTUUID" vm_sh small 'grep -q "root=PARTUUID=$(findmnt -no PARTUUID /) " /proc/cmdline'
check "fstab by PARTUUID, with growfs" vm_sh small 'grep -q "^PARTUUID=.* / ext4 .*x-systemd.growfs" /etc/fstab'
check "GRUB for BIOS and EFI" vm_sh small 'test -s /boot/grub/i386-pc/core.img -a -s /boot/efi/EFI/BOOT/BOOTX64.EFI'
check "grub-cloud is enabled" vm_sh small 'test -e /etc/grub.d/enable_cloud'
check "no encryption package" vm_sh small '! command -v cryptsetup && ! command -v clevis &&
	! dpkg -l | grep -E "^ii +(cryptsetup|clevis|luksmeta|jose) "'
check "by DHCP, no ip= on the command line" vm_sh small '! grep -q " ip=" /proc/cmdline'

for vm in small big; do
	for name in unlock unlock2; do
		equal "$vm: $name.panocrypt.test is the host" \
			"$(vm_sh $vm "getent ahostsv4 $name.panocrypt.test | awk '{ print \$1; exit }'")" 10.0.2.2
	done
	check "$vm: other names are unknown" vm_sh $vm '! getent hosts debian.org'
done
check "apt-get update" vm_sh small 'apt-get -q update'
check "apt-get install" vm_sh small 'DEBIAN_FRONTEND=noninteractive apt-get -q -y install jq && echo "[7]" | jq .[0] | grep -qx 7'
check "what a conversion needs can be installed" vm_sh small \
	'apt-get -s install cryptsetup cryptsetup-initramfs clevis clevis-luks clevis-initramfs'

vm_sh small 'exit 7'
equal "an exit status comes through" $? 7
vm_sh small 'sleep 60' 2
equal "a hanging command is no success" $? 124
vm_type small root
vm_wait small 'Password:' 30
ok "the console takes typing"

vm_reboot_wait small
vm_ready small
ok "rebooted from inside"
vm_poweroff small
ok "the power button works"
tests_done
