/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * A machine after a cut is booted until it is where its scenario ends. See judge.h.
 */
#include "bootstrap/table.h"
#include "common/err.h"
#include "tests/fault/judge_private.h"

#include <string.h>

#define BOOTS_MAX 3

static const char *end_name(enum world_end end)
{
	static const char *const names[] = {
		[WORLD_DIED] = "the boot step died", [WORLD_PLAIN] = "booted on plain",
		[WORLD_OPENED] = "opened",	     [WORLD_KNOWN] = "known",
		[WORLD_STOPPED] = "stopped",	     [WORLD_HELD] = "held",
	};

	return names[end];
}

/* --- each way to end -------------------------------------------------------------------------- */

/* The filesystem is cut to its size; `place` would begin. */
static bool is_shrunk(struct judge *judge, char *ret_loss)
{
	struct judge expected = *judge;
	struct intent intent;
	char state[300];

	snprintf(state, sizeof(state), "%s/" MACHINE_STATE, judge->world->folder);
	if (intent_read(state, &intent) < 0)
		return judge_lost(ret_loss, "the intent: %s", fail_text());
	if (judge->second_filesystem && intent.payload_bytes == judge->second_payload_bytes) {
		expected.filesystem = judge->second_filesystem;
		expected.payload_bytes = judge->second_payload_bytes;
	}
	if (intent.payload_bytes != expected.payload_bytes)
		return judge_lost(ret_loss, "the payload would be %llu bytes",
				  (unsigned long long)intent.payload_bytes);
	return judge_device_same(&expected, ret_loss);
}

/* The kernel finds both partitions, both copies of the table are whole, the filesystem is cut. */
static bool is_carved(struct judge *judge, char *ret_loss)
{
	struct gpt_partition root = { 0 }, boot = { 0 };
	struct gpt_copies copies;
	char disk[300];

	snprintf(disk, sizeof(disk), "%s/" MACHINE_TABLE, judge->world->folder);
	copies = gpt_look(disk);
	if (!copies.has_primary && !copies.has_alternate)
		return judge_lost(ret_loss, "neither copy of the partition table is whole");
	if (!copies.has_primary || !copies.has_alternate)
		return judge_lost(ret_loss, "a copy of the partition table is still damaged");
	if (!gpt_find(disk, WORLD_ROOT_PARTUUID, &root) ||
	    !gpt_find(disk, WORLD_BOOT_PARTUUID, &boot) ||
	    memcmp(&root, &judge->root, sizeof(root)) != 0 ||
	    memcmp(&boot, &judge->boot, sizeof(boot)) != 0)
		return judge_lost(ret_loss, "the partitions aren't what they should be: %s: %s",
				  judge->world->action, judge->world->reason);
	return judge_device_same(judge, ret_loss);
}

/* --- boots ------------------------------------------------------------------------------------ */

/* Boots until nothing more is done, or what a boot left is known to end well: WORLD_KNOWN. Returns
 * hashes of what each left. */
static void boot_on(struct judge *judge, uint64_t ret_left[static BOOTS_MAX])
{
	struct world *world = judge->world;

	for (unsigned i = 0; i < BOOTS_MAX; i++) {
		world_run(world);
		if (world->end != WORLD_PLAIN || strcmp(world->action, "nothing") == 0)
			return;
		ret_left[i] = machine_hash_folder(world->folder);
		if (judge_set_has(judge->ends, ret_left[i])) {
			world->end = WORLD_KNOWN;
			return;
		}
	}
}

static bool is_opened(struct judge *judge, char *ret_loss)
{
	uint64_t known = judge->world->device_hash;

	if (!judge_run(judge, ret_loss))
		return false;
	if (known)
		judge_set_add(judge->placed, known);
	return true;
}

static bool boots(struct judge *judge, enum world_end end,
		  bool (*is_good)(struct judge *judge, char *ret_loss), char *ret_loss)
{
	struct world *world = judge->world;
	uint64_t left[BOOTS_MAX] = { 0 };

	boot_on(judge, left);
	if (world->end == WORLD_KNOWN)
		return true;
	if (world->end != end)
		return judge_lost(ret_loss, "%s: %s: %s", end_name(world->end), world->action,
				  world->reason);
	if (!is_good(judge, ret_loss))
		return false;
	for (unsigned i = 0; i < BOOTS_MAX && left[i]; i++)
		judge_set_add(judge->ends, left[i]);
	return true;
}

bool judge_places(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	return boots(judge, WORLD_OPENED, is_opened, ret_loss);
}

bool judge_shrinks(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	return boots(judge, WORLD_STOPPED, is_shrunk, ret_loss);
}

bool judge_carves(struct judge *judge, char ret_loss[static JUDGE_TEXT])
{
	return boots(judge, WORLD_PLAIN, is_carved, ret_loss);
}
