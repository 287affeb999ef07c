/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The multiplication on P-521: against the jose tool's own exchange (another implementation's
 * answer), against a second multiplication in another order, and bad points of every kind.
 * UNIT_SOURCES: server/core/exchange.c
 */
#include "server/core/exchange.h"

#include "common/file.h"
#include "common/jwk.h"
#include "tests/unit/unit.h"

static struct exchange *exchange;

static int set_up(void **state)
{
	(void)state;
	return exchange_open(&exchange);
}

static int tear_down(void **state)
{
	(void)state;
	exchange_close(exchange);
	return 0;
}

/* A member of a JWK into a field of P521_BYTES. */
static void read_member(const json_t *jwk, const char *name, uint8_t ret[P521_BYTES])
{
	CLEANUP_FREE uint8_t *bytes = NULL;
	size_t len;

	assert_ok(b64url_decode(json_string_value(json_object_get(jwk, name)), P521_BYTES, &bytes,
				&len));
	assert_int_equal(len, P521_BYTES);
	memcpy(ret, bytes, len);
}

static void write_jwk(const char *path, const json_t *jwk)
{
	CLEANUP_FREE char *text = NULL;

	assert_ok(js_print(jwk, &text));
	assert_ok(file_replace_text(path, text, 0600));
}

static void agrees_with_jose(void **state)
{
	char dir[] = "/tmp/panocrypt-exchange-XXXXXX", mine[64], theirs[64], out[64], command[300];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(mine, sizeof(mine), "%s/l", dir);
	snprintf(theirs, sizeof(theirs), "%s/r", dir);
	snprintf(out, sizeof(out), "%s/o", dir);
	snprintf(command, sizeof(command), "jose jwk exc -l %s -r %s -o %s", mine, theirs, out);
	for (int i = 0; i < 8; i++) {
		CLEANUP_JSON json_t *server = NULL;
		CLEANUP_JSON json_t *client = NULL;
		CLEANUP_JSON json_t *public = NULL;
		CLEANUP_JSON json_t *product = NULL;
		uint8_t scalar[P521_BYTES];
		struct exchange_point point, wanted, got;

		assert_ok(jwk_generate("ECMR", &server));
		assert_ok(jwk_generate("ECMR", &client));
		assert_ok(jwk_public(client, &public));
		write_jwk(mine, server);
		write_jwk(theirs, public);
		assert_int_equal(system(command), 0);
		assert_ok(js_read_file(out, 4096, &product));
		read_member(server, "d", scalar);
		read_member(public, "x", point.x);
		read_member(public, "y", point.y);
		read_member(product, "x", wanted.x);
		read_member(product, "y", wanted.y);
		assert_ok(exchange_check(exchange, &point));
		assert_ok(exchange_multiply(exchange, scalar, &point, &got));
		assert_memory_equal(&got, &wanted, sizeof(got));
		assert_ok(exchange_public(exchange, scalar, &got));
		read_member(server, "x", wanted.x);
		read_member(server, "y", wanted.y);
		assert_memory_equal(&got, &wanted, sizeof(got));
	}
	unlink(mine);
	unlink(theirs);
	unlink(out);
	rmdir(dir);
}

static void commutes(void **state)
{
	(void)state;
	for (int i = 0; i < 16; i++) {
		CLEANUP_SECRET struct secret a = SECRET_EMPTY;
		CLEANUP_SECRET struct secret b = SECRET_EMPTY;
		struct exchange_point pa, pb, ab, ba;

		assert_ok(exchange_generate(exchange, &a));
		assert_ok(exchange_generate(exchange, &b));
		assert_false(secret_equal(&a, &b));
		assert_ok(exchange_public(exchange, a.data, &pa));
		assert_ok(exchange_public(exchange, b.data, &pb));
		assert_ok(exchange_multiply(exchange, a.data, &pb, &ab));
		assert_ok(exchange_multiply(exchange, b.data, &pa, &ba));
		assert_memory_equal(&ab, &ba, sizeof(ab));
		assert_ok(exchange_check(exchange, &ab));
	}
}

/* The field's prime, 2^521 - 1, big-endian. */
static void set_prime(uint8_t field[P521_BYTES])
{
	memset(field, 0xff, P521_BYTES);
	field[0] = 0x01;
}

static void refuses_bad_points(void **state)
{
	CLEANUP_SECRET struct secret a = SECRET_EMPTY;
	struct exchange_point good, point;

	(void)state;
	assert_ok(exchange_generate(exchange, &a));
	assert_ok(exchange_public(exchange, a.data, &good));
	assert_ok(exchange_check(exchange, &good));
	memset(&point, 0, sizeof(point));
	assert_int_equal(exchange_check(exchange, &point), EXCHANGE_BAD_POINT);
	memset(&point, 0xff, sizeof(point));
	assert_int_equal(exchange_check(exchange, &point), EXCHANGE_BAD_POINT);
	for (int bit = 0; bit < 8 * P521_BYTES; bit++) {
		point = good;
		point.y[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		assert_int_equal(exchange_check(exchange, &point), EXCHANGE_BAD_POINT);
	}
	point = good;
	set_prime(point.x);
	assert_int_equal(exchange_check(exchange, &point), EXCHANGE_BAD_POINT);
	memcpy(point.x, good.y, sizeof(point.x));
	memcpy(point.y, good.x, sizeof(point.y));
	assert_int_equal(exchange_check(exchange, &point), EXCHANGE_BAD_POINT);
	assert_int_equal(exchange_multiply(exchange, a.data, &point, &good), -EINVAL);
}

/* x + p is the same number for arithmetic, but not a coordinate: it must not pass. */
static void refuses_unreduced_coordinates(void **state)
{
	CLEANUP_SECRET struct secret a = SECRET_EMPTY;
	struct exchange_point point, moved;

	(void)state;
	assert_ok(exchange_generate(exchange, &a));
	assert_ok(exchange_public(exchange, a.data, &point));
	moved = point;
	/* + 2^521 - 1: add 2 to the top byte, then subtract 1. It fits into 66 bytes. */
	moved.x[0] = (uint8_t)(moved.x[0] + 2);
	for (int i = P521_BYTES - 1; i >= 0; i--)
		if (moved.x[i]-- != 0)
			break;
	assert_int_equal(exchange_check(exchange, &point), 0);
	assert_int_equal(exchange_check(exchange, &moved), EXCHANGE_BAD_POINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(agrees_with_jose),
		cmocka_unit_test(commutes),
		cmocka_unit_test(refuses_bad_points),
		cmocka_unit_test(refuses_unreduced_coordinates),
	};

	return cmocka_run_group_tests_name("server_exchange", tests, set_up, tear_down);
}
