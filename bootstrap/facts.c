/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Puts the facts together. Every part looks by itself; nothing here or below it writes.
 */
#include "bootstrap/facts.h"

#include "bootstrap/facts_parts.h"
#include "bootstrap/intent.h"
#include "bootstrap/lock.h"
#include "bootstrap/luks.h"
#include "bootstrap/net.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#include <string.h>

#define TEXT_BYTES_MAX (1 * MIB)

char *facts_read(const char *path)
{
	char *text = NULL;

	if (file_read(path, TEXT_BYTES_MAX, &text, NULL) < 0) {
		fail_clear();
		text = strdup("");
	}
	if (!text)
		abort(); /* not even one byte: nothing can go on */
	return text;
}

/* Is it a volume that Clevis opens through a tang server? Then there is nothing left to do. */
static bool is_bound(const struct facts *facts)
{
	const struct luks_where where = { facts->luks_device, NULL };
	CLEANUP_JSON json_t *jwe = NULL;
	int slot;

	if (facts->root_kind != ROOT_LUKS || !facts->luks_device[0])
		return false;
	if (luks_clevis_jwe(&where, &jwe, &slot) < 0) {
		fail_clear();
		return false;
	}
	return true;
}

void facts_look_state(struct facts *facts, const char *state_dir)
{
	struct intent intent;
	int r;

	facts->is_running = lock_is_held_elsewhere();
	r = intent_read(state_dir, &intent);
	if (r == -ENOENT)
		r = intent_read(BOOT_STATE_DIR, &intent);
	facts->has_intent = r == 0;
	facts->is_intent_damaged = r < 0 && r != -ENOENT;
	facts->was_converted = is_bound(facts);
	fail_clear();
}

int facts_collect(struct facts *ret, const char *state_dir)
{
	struct facts facts;

	if (!file_exists("/proc/self/mountinfo"))
		return fail(-ENOENT, "/proc isn't mounted: nothing can be seen without it");
	memset(&facts, 0, sizeof(facts));
	facts_look_host(&facts);
	facts_look_storage(&facts);
	net_look(&facts);
	facts_look_state(&facts, state_dir);
	if (!facts.has_intent) { /* later it is the boot step's to look, and it takes seconds */
		facts_look_ciphers(&facts);
		facts_look_layout(&facts);
	}
	*ret = facts;
	return 0;
}
