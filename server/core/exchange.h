/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The server's half of a McCallum-Relyea exchange on P-521: the product of a device's private
 * number with the point of the request. OpenSSL's multiplication is used directly, because the
 * general JWK function rebuilds and checks both keys on every call (3.5 times the price).
 */
#pragma once

#include "common/secret.h"

#define P521_BYTES 66

/* Affine coordinates, big-endian. */
struct exchange_point {
	uint8_t x[P521_BYTES], y[P521_BYTES];
};

/* The curve and working memory; not for use by two threads. */
struct exchange;

/* Outcomes besides 0. */
enum { EXCHANGE_BAD_POINT = 1 };

/* Gives OpenSSL locked memory of its own for numbers on their way through; wiped when freed. Once,
 * at the start of a process. Without it they are in ordinary memory for that moment. */
int exchange_lock_memory(void) MUST_CHECK;

int exchange_open(struct exchange **ret) MUST_CHECK;
void exchange_close(struct exchange *exchange);
DEFINE_CLEANUP(struct exchange *, exchange_close);

/* EXCHANGE_BAD_POINT: a coordinate is outside of the field, or the point is not on the curve. The
 * curve's cofactor is 1, and an affine point isn't infinity: nothing else is to be checked. */
int exchange_check(struct exchange *exchange, const struct exchange_point *point) MUST_CHECK;

/* scalar (P521_BYTES) times point, which must have passed exchange_check(). */
int exchange_multiply(struct exchange *exchange, const uint8_t *scalar,
		      const struct exchange_point *point, struct exchange_point *ret) MUST_CHECK;

/* A new private number, P521_BYTES, from 1 to the group's order - 1. */
int exchange_generate(struct exchange *exchange, struct secret *ret) MUST_CHECK;

/* The public point of a private number. */
int exchange_public(struct exchange *exchange, const uint8_t *scalar,
		    struct exchange_point *ret) MUST_CHECK;
