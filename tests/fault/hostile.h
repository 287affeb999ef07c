/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the parts of the hostile front share: the world as the oracle knows it (hostile_world.c),
 * and the real core between an honest monitor and an intruder's fronts (hostile_core.c).
 */
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>

#include "server/message_io.h"
#include "tests/unit/server_fixture.h"

#define FRONTS 32
#define HONEST (FRONTS - 1) /* this one is never an intruder's */
#define CONNECTIONS 64
#define DEVICES 7
/* The last one is asked for honestly alone, from an address range of its own. */
#define INTRUDED (DEVICES - 1)
#define POINTS 8

enum state { ACTIVE, DISABLED, REVOKED };

/* IPv4 alone, as numbers, so that nothing of cidr.c is used. */
struct device {
	uint8_t id[DEVICE_ID_BYTES];
	char kid[THUMBPRINT_CHARS + 1];
	EC_POINT *public;
	enum state state;
	uint32_t network;
	unsigned bits;
};

/* Points c·G with c known, so that c·S tells the right product. The last ones aren't on the curve.
 */
struct point {
	uint8_t x[FIELD_BYTES_MAX], y[FIELD_BYTES_MAX];
	BIGNUM *scalar; /* NULL: no point of the curve */
};

struct world {
	struct device devices[DEVICES];
	struct point points[POINTS];
	EC_GROUP *group;
	BN_CTX *work;
	uint64_t seed;
};

extern struct world world;

struct named_connection {
	uint64_t id;
	uint32_t address;
	bool is_open;
};

struct hostile_core {
	pid_t pid;
	struct message_port monitor, admin, fronts[FRONTS];
	struct named_connection connections[CONNECTIONS];
	uint64_t next_connection;
};

extern struct hostile_core core;

#define NEED(condition)                                                                            \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			printf("not ok %s:%d: %s (%s)\n", __func__, __LINE__, #condition,          \
			       fail_text());                                                       \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

/* Below this number; reproducible from the seed that is printed. */
uint64_t draw(uint64_t below);

/* Fills the world, and the store with the same devices. */
void make_world(struct fixture *fixture, uint64_t seed);

/* Half of the addresses lie in a device's ranges, at their borders above all. */
uint32_t draw_address(void);

/* In a process and sandbox of its own; no connection is named. */
void start_core(const struct fixture *fixture);
void stop_core(void);

/* The monitor names another connection in this place, from this address. */
void name_connection(size_t at, uint32_t address);
