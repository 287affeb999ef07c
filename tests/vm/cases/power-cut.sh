# SPDX-License-Identifier: GPL-3.0-or-later
# shellcheck shell=bash disable=SC1091,SC2016,SC2154
#
# case: power-cut
# purpose: what was flushed before a power cut is there after the next boot, and the boot is clean
# limit: 600

. "$(dirname "$0")/../vm.sh"

vm_create cut
vm_start cut
vm_ready cut
before=$(vm_boot_id cut)
vm_sh cut 'echo flushed >/var/tmp/flushed && sync /var/tmp/flushed /var/tmp
	( while :; do head -c 1M /dev/urandom >/var/tmp/noise; done ) >/dev/null 2>&1 & sleep 2'
vm_cut cut
check "the machine is off" vm_is_off cut

vm_start cut
vm_wait cut 'Linux version' 60
vm_boot_after cut "$before"
vm_ready cut
equal "flushed data survived" "$(vm_sh cut 'cat /var/tmp/flushed')" flushed
check "the journal was recovered" vm_sh cut 'journalctl -b | grep -E "vda1.*(recover|journal)"'
vm_poweroff cut

disk=$(vm_disk_raw cut)
check "the disk can be read from outside" sfdisk --verify "$disk"
check "its filesystem is clean" e2fsck -fn "$disk?offset=$((262144 * 512))"
tests_done
