/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A request to tangd's answer, from a folder of keys. HTTP and the request's JWK are read by the
 * same functions as on the unlock listener, and the product is core's: what holds for this holds
 * for that.
 */
#pragma once

#include "server/core/exchange.h"
#include "server/edge/http.h"

struct compat {
	const char *dir;
	const char
		*endpoint; /* words before /adv and /rec, without slashes at its ends; "": none */
	struct exchange *exchange;
};

/* Reads "[/endpoint]/adv[/thumbprint]" and "…/rec/thumbprint", slashes repeated as one likes. */
enum compat_route { COMPAT_ADVERTISE, COMPAT_RECOVER, COMPAT_ROUTE_COUNT };
#define COMPAT_THUMBPRINT_CHARS 86 /* S512 */
struct compat_target {
	enum compat_route route;
	char thumbprint[COMPAT_THUMBPRINT_CHARS + 1]; /* "?": one that no key can have */
};

/* 0, 404 or 405. Pure. */
int compat_route(const char *endpoint, const struct request *request,
		 struct compat_target *ret) MUST_CHECK;

/* The answer, its body malloc'd into *ret_body (NULL: none). The status is 500 for what it can't
 * do; the reason is in the log. */
void compat_answer(const struct compat *compat, const struct request *request, struct answer *ret,
		   char **ret_body);
