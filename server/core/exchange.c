/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Point arithmetic on P-521 by OpenSSL's EC_POINT functions (SEC 1, 2.2 and 3.2). Handles private
 * numbers as bytes given by the caller and keeps none.
 */
#include "server/core/exchange.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <stdlib.h>

#include "common/err.h"

DEFINE_CLEANUP(BIGNUM *, BN_clear_free);

#define SECURE_HEAP_BYTES 32768
#define SECURE_MIN_BYTES 16

struct exchange {
	EC_GROUP *group;
	EC_POINT *in, *out;
	BIGNUM *field, *x, *y;
	BN_CTX *work;
};

static int failed(void)
{
	ERR_clear_error();
	return fail(-EIO, "OpenSSL can't compute on P-521");
}

void exchange_close(struct exchange *exchange)
{
	EC_POINT_clear_free(exchange->in);
	EC_POINT_clear_free(exchange->out);
	EC_GROUP_free(exchange->group);
	BN_free(exchange->field);
	BN_clear_free(exchange->x);
	BN_clear_free(exchange->y);
	BN_CTX_free(exchange->work);
	free(exchange);
}

int exchange_lock_memory(void)
{
	if (!CRYPTO_secure_malloc_initialized() &&
	    CRYPTO_secure_malloc_init(SECURE_HEAP_BYTES, SECURE_MIN_BYTES) != 1)
		return fail(-ENOMEM,
			    "memory for keys can't be locked: raise the limit (ulimit -l)");
	return 0;
}

int exchange_open(struct exchange **ret)
{
	CLEANUP(exchange_closep) struct exchange *exchange = calloc(1, sizeof(*exchange));

	if (!exchange)
		return fail(-ENOMEM, "out of memory");
	exchange->group = EC_GROUP_new_by_curve_name(NID_secp521r1);
	exchange->work = BN_CTX_secure_new();
	exchange->field = BN_new();
	exchange->x = BN_new();
	exchange->y = BN_new();
	if (!exchange->group || !exchange->work || !exchange->field || !exchange->x ||
	    !exchange->y ||
	    !EC_GROUP_get_curve(exchange->group, exchange->field, NULL, NULL, exchange->work))
		return failed();
	exchange->in = EC_POINT_new(exchange->group);
	exchange->out = EC_POINT_new(exchange->group);
	if (!exchange->in || !exchange->out)
		return failed();
	*ret = TAKE_PTR(exchange);
	return 0;
}

/* Reads the point into exchange->in. OpenSSL reduces coordinates by itself: the range is ours to
 * check. Setting affine coordinates fails for a point that isn't on the curve. */
static int load_point(struct exchange *exchange, const struct exchange_point *point)
{
	if (!BN_bin2bn(point->x, P521_BYTES, exchange->x) ||
	    !BN_bin2bn(point->y, P521_BYTES, exchange->y))
		return failed();
	if (BN_cmp(exchange->x, exchange->field) >= 0 || BN_cmp(exchange->y, exchange->field) >= 0)
		return EXCHANGE_BAD_POINT;
	if (EC_POINT_set_affine_coordinates(exchange->group, exchange->in, exchange->x, exchange->y,
					    exchange->work) != 1) {
		ERR_clear_error();
		return EXCHANGE_BAD_POINT;
	}
	return 0;
}

int exchange_check(struct exchange *exchange, const struct exchange_point *point)
{
	return load_point(exchange, point);
}

static int store_point(struct exchange *exchange, struct exchange_point *ret)
{
	struct exchange_point point;

	if (EC_POINT_is_at_infinity(exchange->group, exchange->out) ||
	    !EC_POINT_get_affine_coordinates(exchange->group, exchange->out, exchange->x,
					     exchange->y, exchange->work) ||
	    BN_bn2binpad(exchange->x, point.x, P521_BYTES) != P521_BYTES ||
	    BN_bn2binpad(exchange->y, point.y, P521_BYTES) != P521_BYTES)
		return failed();
	*ret = point;
	return 0;
}

static BIGNUM *load_scalar(const uint8_t *scalar)
{
	CLEANUP(BN_clear_freep) BIGNUM *number = BN_secure_new();

	if (!number || !BN_bin2bn(scalar, P521_BYTES, number))
		return NULL;
	BN_set_flags(number, BN_FLG_CONSTTIME);
	return TAKE_PTR(number);
}

int exchange_multiply(struct exchange *exchange, const uint8_t *scalar,
		      const struct exchange_point *point, struct exchange_point *ret)
{
	CLEANUP(BN_clear_freep) BIGNUM *number = load_scalar(scalar);
	int r;

	if (!number)
		return failed();
	r = load_point(exchange, point);
	if (r != 0)
		return r < 0 ? r : fail(-EINVAL, "an unchecked point got to the multiplication");
	if (!EC_POINT_mul(exchange->group, exchange->out, NULL, exchange->in, number,
			  exchange->work))
		return failed();
	return store_point(exchange, ret);
}

int exchange_public(struct exchange *exchange, const uint8_t *scalar, struct exchange_point *ret)
{
	CLEANUP(BN_clear_freep) BIGNUM *number = load_scalar(scalar);

	if (!number ||
	    !EC_POINT_mul(exchange->group, exchange->out, number, NULL, NULL, exchange->work))
		return failed();
	return store_point(exchange, ret);
}

int exchange_generate(struct exchange *exchange, struct secret *ret)
{
	CLEANUP(BN_clear_freep) BIGNUM *number = BN_secure_new();
	CLEANUP_SECRET struct secret scalar = SECRET_EMPTY;
	const BIGNUM *order = EC_GROUP_get0_order(exchange->group);
	int r;

	r = secret_alloc(&scalar, P521_BYTES);
	if (r < 0)
		return r;
	do {
		if (!number || !BN_priv_rand_range(number, order))
			return failed();
	} while (BN_is_zero(number));
	if (BN_bn2binpad(number, scalar.data, P521_BYTES) != P521_BYTES)
		return failed();
	*ret = scalar;
	scalar = SECRET_EMPTY;
	return 0;
}
