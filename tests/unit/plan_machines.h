/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine that can be converted, the options for it, and every defect that stands against it.
 */
#pragma once

#include "bootstrap/plan.h"

#define DEFECTS 32

struct defect {
	const char *code; /* of the refusal that it must raise */
	void (*make)(struct facts *f, struct config *c);
};

extern const struct defect defects[DEFECTS];

void good_machine(struct facts *f);
void good_config(struct config *c);

/* One more writable filesystem, at /srv. */
void data_disk(struct facts *f, struct config *c);

/* A machine, and what is planned for it. */
struct machine {
	struct facts facts;
	struct config config;
	struct plan plan;
};

/* The good machine, with its options. */
void good(struct machine *m);

void plan_it(struct machine *m);

/* Does the plan have this refusal? */
bool has(const struct plan *plan, const char *code);
