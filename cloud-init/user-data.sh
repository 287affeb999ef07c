#!/bin/sh
# Encrypts this machine at its first boot and binds it to an unlock server: user-data as a script,
# for providers that take no cloud-config. Replace @SERVER@, @ENROLLMENT_KEY@ and @CA_BASE64@.
set -eu
export PANOCRYPT_SERVER=@SERVER@
export PANOCRYPT_ENROLLMENT_KEY=@ENROLLMENT_KEY@
export PANOCRYPT_CA=/run/panocrypt-ca.pem
echo @CA_BASE64@ | base64 -d >"$PANOCRYPT_CA"
curl -fsS --retry 5 --cacert "$PANOCRYPT_CA" "$PANOCRYPT_SERVER/install.sh" | sh
