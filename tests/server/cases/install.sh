#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# install.sh and the user-data in cloud-init/, as a machine meets them: fetched from a real server,
# with a stand-in for the program that writes down how it was called.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

private_hosts
server_init
key=ABCD-EFGHJ-KMN
calls=$server_home/calls
mkdir -p "$server_dir/assets"
cp "$test_root/install.sh" "$server_dir/assets/"
cat >"$server_dir/assets/bootstrap-$(uname -m)" <<END
#!/bin/sh
{ echo "args: \$*"; echo "server: \$PANOCRYPT_SERVER"; echo "key: \$PANOCRYPT_ENROLLMENT_KEY"
echo "ca: \$PANOCRYPT_CA"; echo "at: \$0"; } >"$calls"
exit 3
END
server_run
unset CURL_CA_BUNDLE PANOCRYPT_CA

# install_with NAME=VALUE… [ARGUMENT…]: runs install.sh; sets output and status, empties calls first.
install_with() {
	rm -f "$calls"
	output=$(env -i PATH="${install_path:-$PATH}" "$@" 2>&1)
	status=$?
}

called() {
	sed -n "s/^$1: //p" "$calls" 2>/dev/null
}

good=("PANOCRYPT_SERVER=$server_admin_url/" "PANOCRYPT_ENROLLMENT_KEY=$key" "PANOCRYPT_CA=$server_ca")

install_with "${good[@]}" sh "$test_root/install.sh" --force-platform
equal "the program's status comes through" "$status" 3
equal "its arguments" "$(called args)" "run --yes --final-reboot --force-platform"
equal "the server, without a slash" "$(called server)" "$server_admin_url"
equal "the key, by the environment" "$(called key)" "$key"
equal "the CA" "$(called ca)" "$server_ca"
check "the program's copy is gone" test ! -e "$(called at)"
check "the key isn't printed" test -z "$(grep -F "$key" <<<"$output")"

if command -v wget >/dev/null; then
	mkdir "$server_home/bin"
	for program in sh id uname mktemp wget sha256sum cut chmod rm cat; do
		ln -s "$(command -v $program)" "$server_home/bin/"
	done
	install_path=$server_home/bin install_with "${good[@]}" sh "$test_root/install.sh"
	equal "the same by wget" "$status $(called args)" "3 run --yes --final-reboot"
fi

# failing NAME SENTENCE NAME=VALUE…: status 1, the sentence, and the program never ran.
failing() {
	local name=$1 sentence=$2
	shift 2
	install_with "$@" sh "$test_root/install.sh"
	equal "$name: status" "$status" 1
	check "$name: says \"$sentence\"" grep -qF "$sentence" <<<"$output"
	check "$name: nothing ran" test ! -e "$calls"
	check "$name: the key isn't printed" test -z "$(grep -F "$key" <<<"$output")"
}

failing "no server" PANOCRYPT_SERVER "PANOCRYPT_ENROLLMENT_KEY=$key"
failing "no https" PANOCRYPT_SERVER PANOCRYPT_SERVER=http://localhost "PANOCRYPT_ENROLLMENT_KEY=$key"
failing "no key" PANOCRYPT_ENROLLMENT_KEY "PANOCRYPT_SERVER=$server_admin_url"
failing "no CA file" /nonexistent "${good[@]:0:2}" PANOCRYPT_CA=/nonexistent
failing "an authority that isn't the server's" "could not be fetched" "${good[@]:0:2}"
failing "a server that isn't there" "could not be fetched" PANOCRYPT_SERVER=https://localhost:1 "${good[@]:1}"

# What a connection cut in the middle leaves of the script must do nothing.
head -c $(($(wc -c <"$test_root/install.sh") - 12)) "$test_root/install.sh" >"$server_home/cut.sh"
install_with "${good[@]}" sh "$server_home/cut.sh"
check "half a script does nothing" test ! -e "$calls"

# --- user-data: the files that people paste
filled() {
	sed -e "s|@SERVER@|$server_admin_url|g; s|@ENROLLMENT_KEY@|$key|g" \
		-e "s|@CA_BASE64@|$(base64 -w 0 "$server_ca")|g" -e "s|/run/panocrypt-ca.pem|$server_home/ca.pem|g" \
		"$test_root/cloud-init/$1"
}

filled user-data.sh >"$server_home/user-data.sh"
check "user-data.sh has no placeholder left" test -z "$(grep -o '@[A-Z_0-9]*@' "$server_home/user-data.sh")"
install_with sh "$server_home/user-data.sh"
equal "user-data.sh" "$(called args) $(called key)" "run --yes --final-reboot $key"
check "its CA is the server's" cmp "$server_home/ca.pem" "$server_ca"

filled cloud-config.yaml >"$server_home/cloud-config.yaml"
check "cloud-config.yaml has no placeholder left" \
	test -z "$(grep -v '^#' "$server_home/cloud-config.yaml" | grep -o '@[A-Z_0-9]*@')"
equal "it begins as cloud-init demands" "$(head -n 1 "$server_home/cloud-config.yaml")" "#cloud-config"
sed -n 's/^    content: "\(.*\)"$/\1/p' "$server_home/cloud-config.yaml" | base64 -d >"$server_home/ca2.pem"
check "its CA is the server's" cmp "$server_home/ca2.pem" "$server_ca"
sed -n '/^runcmd:/,$s/^  - //p' "$server_home/cloud-config.yaml" >"$server_home/runcmd.sh"
install_with sh "$server_home/runcmd.sh"
equal "its command" "$(called args) $(called key)" "run --yes --final-reboot $key"
tests_done
