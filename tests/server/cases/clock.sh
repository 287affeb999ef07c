#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# A machine without a clock of its own, which boots in 1970: the network script of the image sets its clock to when the image
# was made, and stock clevis trusts the server from there, also after its leaf was renewed. What is faked: the machine's clock.
# stores: sqlite
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires clevis jose faketime openssl
private_hosts

# A server of long ago, whose leaf is renewed when it starts.
real=$panocryptd
panocryptd=$(mktemp)
cleanup_fn rm -f "$panocryptd"
printf '#!/bin/sh\nexec faketime -f -300d "%s" "$@"\n' "$real" >"$panocryptd"
chmod 755 "$panocryptd"
server_init
panocryptd=$real
old=$(openssl x509 -in "$server_dir/leaf.pem" -noout -serial)
server_run
check "the leaf was renewed" [ "$(openssl x509 -in "$server_dir/leaf.pem" -noout -serial)" != "$old" ]
cd "$server_home" || exit 1
new_device
echo "attack at dawn" >plain
clevis encrypt tang "$(jq -nc --arg url "$device_url" --arg thp "$thumbprint" '{$url, $thp}')" <plain >jwe ||
	die "clevis encrypt"

# at SECONDS COMMAND…: with the machine's clock there.
at() {
	local seconds=$1
	shift
	faketime "$(date -u -d "@$seconds" '+%Y-%m-%d %H:%M:%S UTC')" "$@"
}
opens_at() { at "$1" clevis decrypt <jwe 2>/dev/null | cmp -s - plain; }
refuses_at() { ! at "$1" clevis decrypt <jwe >/dev/null 2>&1; }

check "now it opens" opens_at "$(date +%s)"
check "in 1970 it doesn't" refuses_at 60
at 60 curl -sSg -o /dev/null "$device_url/adv" 2>said
check "curl says why" grep -q "not yet valid" said

# The scripts of the image, on an image and a clock in files.
image=$server_home/image
mkdir -p bin "$image/etc/panocrypt" "$image/etc/ssl/certs"
cat >bin/date <<'SH'
#!/bin/sh
[ "$1" != -s ] || { echo "${2#@}" >"$CLOCK"; exit; }
[ "$1" = +%s ] && cat "$CLOCK"
SH
chmod 755 bin/date
: >hook-functions
printf '%s\n' 'wait_for_udev() { :; }' 'configure_networking() { :; }' >functions
# run_script FILE ARGUMENT…: its places in the image below this folder.
run_script() {
	local script
	script=$(sed -e "s|/usr/share/initramfs-tools/hook-functions|$server_home/hook-functions|" \
		-e "s|/scripts/functions|$server_home/functions|" -e "s|cat /etc/|cat $image/etc/|" \
		-e "s|^ca=.*|ca=$server_ca|; s|/etc/panocrypt/curlrc|$test_root/initramfs-tools/curlrc|" "$1")
	shift
	PATH=$PWD/bin:$PATH CLOCK=$PWD/clock DESTDIR=$image MODULES=most sh -c "$script" script "$@"
}
network=$test_root/initramfs-tools/scripts/local-top/panocrypt-network
made=$(($(date +%s) - 299 * 86400)) # long before the leaf of today
echo "$made" >clock
check "the image is made" run_script "$test_root/initramfs-tools/hooks/panocrypt-network"
echo 60 >clock
check "it boots in 1970" run_script "$network" foreground
equal "the clock is that of the image" "$(cat clock)" "$made"
check "and clevis opens" opens_at "$(cat clock)"
now=$(date +%s)
echo "$now" >clock
check "it boots with a clock" run_script "$network" foreground
equal "which stays as it is" "$(cat clock)" "$now"
rm "$image/etc/panocrypt/made"
echo 60 >clock
check "an image of an older version boots" run_script "$network" foreground
equal "as it did" "$(cat clock)" 60
tests_done
