/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See scenario.h.
 */
#include "tests/fault/scenario.h"

#include "bootstrap/hot_chunk.h"
#include "bootstrap/spawn.h"
#include "common/err.h"
#include "tests/fault/world_phases.h"

#include <string.h>

static int boot(void *userdata)
{
	world_boot(userdata);
}

static int run_on(void *userdata)
{
	struct world *world = userdata;
	char device[300];

	world_enter(world);
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, world->folder);
	return judge_encrypt(device) == 0 ? 0 : 1;
}

static int finish(void *userdata)
{
	struct world *world = userdata;
	char device[300];

	world_enter(world);
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, world->folder);
	return world_finish_chunk(device) == HOT_CHUNK_FINISHED ? 0 : 1;
}

/* The same by the distribution's cryptsetup: a seeded bug. */
static int repair(void *userdata)
{
	const struct world *world = userdata;
	char device[300];
	const struct spawn repair = { .argv = { "cryptsetup", "repair", "--batch-mode",
						"--key-file=-", device },
				      .input_text = WORLD_CLEVIS_SECRET };

	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, world->folder);
	return spawn_run(&repair) < 0 ? 1 : 0;
}

static int wipe(void *userdata)
{
	if (world_wipe(userdata) < 0)
		die("the wipe: %s", fail_text());
	return 0;
}

static int refuse_to_wipe(void *userdata)
{
	(void)world_wipe(userdata); /* that it refuses is for the judge */
	return 0;
}

static int mend(void *userdata)
{
	if (world_mount(userdata) < 0)
		die("the mount: %s", fail_text());
	return 0;
}

static int install_grub(void *userdata)
{
	if (world_install_grub(userdata) < 0)
		die("the boot loader: %s", fail_text());
	return 0;
}

static const struct scenario scenarios[] = {
	{ .name = "carve",
	  .run = boot,
	  .judge = judge_carves,
	  .is_first_stage = true,
	  .is_end_expected = true,
	  .has_programs = true },
	{ .name = "shrink",
	  .run = boot,
	  .judge = judge_shrinks,
	  .is_stopped_before_place = true,
	  .is_end_expected = true,
	  .has_programs = true },
	{ .name = "place", .run = boot, .judge = judge_places, .is_shown_to_stock = true },
	{ .name = "grub", .run = install_grub, .judge = judge_starts, .is_for_grub = true },
	{ .name = "mend", .run = mend, .judge = judge_mends },
	{ .name = "wipe", .run = wipe, .judge = judge_wipes },
	{ .name = "wipe-grown", .run = refuse_to_wipe, .judge = judge_refuses_to_wipe },
	{ .name = "encrypt", .run = run_on, .judge = judge_run },
	{ .name = "rotate", .run = run_on, .judge = judge_run },
	{ .name = "finish", .run = finish, .judge = judge_run },
	{ .name = "finish-unpatched", .run = repair, .judge = judge_run },
	{ .name = "encrypt-unpatched", .run = run_on, .judge = judge_run, .is_unpatched = true },
};

const struct scenario *scenario_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(scenarios); i++) {
		if (strcmp(scenarios[i].name, name) == 0)
			return &scenarios[i];
	}
	die("no scenario %s", name);
}

void scenario_prepare(const struct scenario *scenario, struct world *world)
{
	world->is_first_stage = scenario->is_first_stage;
	world->is_stopped_before_place = scenario->is_stopped_before_place;
}
