#!/bin/bash
# SPDX-License-Identifier: GPL-3.0-or-later
# /v1/devices: create, list, show, disable, enable, revoke; what each does to unlocking.
set -u
# shellcheck source=tests/server/lib.sh
. "$(dirname "$0")/../lib.sh"

requires jose
server_start
new_device
equal "the bind command" "$(member .bind_command)" \
	"clevis luks bind -d DEVICE tang '{\"url\":\"$device_url\",\"thp\":\"$thumbprint\"}'"
kid=$(exchange_thumbprint "$device_url")
point=$(a_point)
unlock() { recover "$device_url" "$kid" "$point"; }
change() { api POST "/v1/devices/$device/$1"; }

unlock
equal "active: unlocks" "$status" 200
change enable
expect "enable what isn't disabled" 409 conflict
change disable
expect "disable" 200
equal "its state" "$(member .state)" disabled
unlock
equal "disabled: refused" "$status" 403
equal "with an empty body" "$body" ""
change disable
expect "disable twice" 409 conflict
change enable
expect "enable" 200
unlock
equal "enabled: unlocks" "$status" 200
change revoke
expect "revoke" 200
unlock
equal "revoked: refused" "$status" 403
for word in disable enable revoke; do
	change "$word"
	expect "$word what is revoked" 409 conflict
done

device=$(random_hex 16)
for word in disable enable revoke; do
	change "$word"
	expect "$word an unknown one" 404 not-found
done
api GET "/v1/devices/$device"
expect "show an unknown one" 404 not-found
api GET /v1/devices/x
expect "show nonsense" 404 not-found
api GET /v1/devices
expect "list" 200
equal "it has the one" "$(member '.devices | length')" 1
for text in '{}' '{"name":"x"}' '{"name":"x","allow_from":[]}' '{"name":"","allow_from":["10.0.0.0/8"]}' \
	'{"name":"x","allow_from":["nowhere"]}' '{"name":"x\n","allow_from":["10.0.0.0/8"]}' \
	'{"name":"x","allow_from":["10.0.0.0/8"],"state":"active"}'; do
	api POST /v1/devices "$text"
	expect "invalid: $text" 400 invalid
done
api_token=- api GET /v1/devices
expect "without a token" 401 token-unknown
tests_done
