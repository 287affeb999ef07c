/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The world of the hostile front: devices of all states and ranges, keys, points. Made from a seed.
 */
#include <openssl/objects.h>

#include "common/jwk.h"
#include "common/strbuf.h"
#include "tests/fault/hostile.h"

struct world world = {
	.devices = {
		{ .state = ACTIVE, .network = 0x0a000000, .bits = 8 },
		{ .state = ACTIVE, .network = 0xc0000207, .bits = 32 },
		{ .state = ACTIVE, .network = 0xac100000, .bits = 12 },
		{ .state = ACTIVE, .network = 0x0a0a0a00, .bits = 30 },
		{ .state = DISABLED, .network = 0x0a000000, .bits = 8 },
		{ .state = REVOKED, .network = 0x0a000000, .bits = 8 },
		{ .state = ACTIVE, .network = 0xc6120000, .bits = 15 },
	},
};

uint64_t draw(uint64_t below)
{
	/* splitmix64 */
	uint64_t z = world.seed += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return (z ^ (z >> 31)) % below;
}

static void make_points(void)
{
	for (size_t i = 0; i < POINTS; i++) {
		EC_POINT *point = EC_POINT_new(world.group);
		BIGNUM *x = BN_new(), *y = BN_new();

		world.points[i].scalar = BN_new();
		NEED(BN_rand_range(world.points[i].scalar, EC_GROUP_get0_order(world.group)));
		NEED(EC_POINT_mul(world.group, point, world.points[i].scalar, NULL, NULL,
				  world.work));
		NEED(EC_POINT_get_affine_coordinates(world.group, point, x, y, world.work));
		NEED(BN_bn2binpad(x, world.points[i].x, FIELD_BYTES_MAX) > 0);
		NEED(BN_bn2binpad(y, world.points[i].y, FIELD_BYTES_MAX) > 0);
		if (i >= POINTS - 2) {
			world.points[i].y[FIELD_BYTES_MAX - 1] ^= 1;
			BN_free(world.points[i].scalar);
			world.points[i].scalar = NULL;
		}
		EC_POINT_free(point);
		BN_free(x);
		BN_free(y);
	}
}

/* The public half of a device's exchange key, and its thumbprint, out of the advertisement. */
static void read_device(struct fixture *fixture, struct device *device)
{
	CLEANUP_JSON json_t *jws = NULL, *keys = NULL;
	CLEANUP_FREE uint8_t *x = NULL, *y = NULL;
	const char *text = NULL, *x_text, *y_text;
	json_t *key;
	size_t x_len, y_len;
	BIGNUM *bx, *by;

	NEED(adverts_get(fixture->parts.adverts, fixture->parts.keys, fixture->parts.store,
			 device->id, "", &text) == 0);
	NEED(js_parse(text, strlen(text), 64 * KIB, &jws) == 0);
	NEED(jwk_verify_advertisement(jws, NULL, &keys) == 0);
	NEED(jwk_exchange_key(keys, &key) == 0 && jwk_thumbprint(key, device->kid) == 0);
	NEED(js_string(key, "x", &x_text) == 0 && js_string(key, "y", &y_text) == 0);
	NEED(b64url_decode(x_text, 66, &x, &x_len) == 0 &&
	     b64url_decode(y_text, 66, &y, &y_len) == 0);
	bx = BN_bin2bn(x, (int)x_len, NULL);
	by = BN_bin2bn(y, (int)y_len, NULL);
	device->public = EC_POINT_new(world.group);
	NEED(EC_POINT_set_affine_coordinates(world.group, device->public, bx, by, world.work));
	BN_free(bx);
	BN_free(by);
}

static void make_devices(struct fixture *fixture)
{
	for (size_t i = 0; i < DEVICES; i++) {
		struct device *device = &world.devices[i];
		uint32_t n = device->network;
		struct message_redeemed made;
		char list[64], sql[160], hex[2 * DEVICE_ID_BYTES + 1];

		snprintf(list, sizeof(list), "[\"%u.%u.%u.%u/%u\"]", n >> 24, n >> 16 & 255,
			 n >> 8 & 255, n & 255, device->bits);
		made = fixture_device(fixture, list);
		memcpy(device->id, made.device, sizeof(device->id));
		read_device(fixture, device);
		text_hex(hex, device->id, sizeof(device->id));
		snprintf(sql, sizeof(sql), "UPDATE device SET %s = 1700000000 WHERE id = %s%s'",
			 device->state == DISABLED ? "disabled" : "revoked_s",
			 postgres_url() ? "'\\x" : "x'", hex);
		if (device->state != ACTIVE)
			fixture_sql(fixture, sql);
	}
}

void make_world(struct fixture *fixture, uint64_t seed)
{
	world.seed = seed;
	world.group = EC_GROUP_new_by_curve_name(NID_secp521r1);
	world.work = BN_CTX_new();
	NEED(world.group && world.work);
	make_points();
	make_devices(fixture);
}

uint32_t draw_address(void)
{
	const struct device *device = &world.devices[draw(INTRUDED)];
	uint32_t size = device->bits == 0 ? UINT32_MAX : (uint32_t)(1ULL << (32 - device->bits));

	switch (draw(4)) {
	case 0: return device->network + (uint32_t)draw(size);
	case 1: return device->network + size - 1;
	case 2: return device->network - 1;
	default: return (uint32_t)draw(UINT32_MAX);
	}
}
