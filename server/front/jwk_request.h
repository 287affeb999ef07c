/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The recovery request's JWK (RFC 7517; docs/protocol.md §1) to two numbers: a pure function over
 * foreign bytes, fuzzed. Whether the point is on its curve is core's to say: it has the
 * arithmetic.
 */
#pragma once

#include "server/message.h"

#define JWK_REQUEST_MAX_BYTES (4 * KIB)

struct jwk_request {
	enum message_curve curve;
	uint8_t x[FIELD_BYTES_MAX], y[FIELD_BYTES_MAX]; /* big-endian, right-aligned */
};

/* 0, or -EINVAL with a sentence that never repeats what was sent. */
int jwk_request_parse(const uint8_t *data, size_t len, struct jwk_request *ret) MUST_CHECK;

/* The reply for the product: {"alg":"ECMR",…}, as tang prints it. The caller frees it. */
int jwk_reply_print(const struct message_exchanged *exchanged, char **ret) MUST_CHECK;
