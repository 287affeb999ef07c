/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pause and resume: write down what people want of the pace. The one at work looks between steps;
 * if nobody is, the next start does, also after a reboot. resume can bring the key, too.
 */
#include "bootstrap/block.h"
#include "bootstrap/facts.h"
#include "bootstrap/intent.h"
#include "bootstrap/unlock.h"
#include "bootstrap/verbs.h"
#include "bootstrap/wish.h"
#include "common/err.h"
#include "common/log.h"
#include "common/secret.h"
#include "common/strbuf.h"

#include <errno.h>
#include <unistd.h>

#define PASSPHRASE_BYTES_MAX 512

static int look(const struct config *config, struct wish *ret)
{
	struct intent intent;
	int r;

	if (geteuid() != 0)
		return fail(-EPERM, "only root can do this: run it again with sudo");
	r = intent_read(config->state_dir, &intent);
	if (r == -ENOENT)
		return fail(r, "no conversion is under way here");
	if (r == 0)
		r = wish_read(config->state_dir, ret);
	if (r == -EBADMSG) { /* a damaged wish is replaced, a damaged intent isn't ours */
		*ret = (struct wish){ .is_paused = false };
		r = intent_read(config->state_dir, &intent);
	}
	return r;
}

/* The volume key by a passphrase, for a unit that waits for it: where the server is lost, or stock
 * code took the passphrase at boot. */
static int give_key(const struct config *config)
{
	CLEANUP_SECRET struct secret passphrase = SECRET_EMPTY;
	const char *path = config->recovery_passphrase_file;
	char device[FACTS_PATH_MAX];
	struct luks_where where = { device, NULL };
	struct intent intent;
	int r = intent_read(config->state_dir, &intent);

	if (r == 0)
		r = secret_read_file(&passphrase, path, PASSPHRASE_BYTES_MAX);
	if (r < 0)
		return fail_at(r, "the recovery passphrase file");
	secret_trim_newline(&passphrase);
	r = block_find("UUID", intent.luks_uuid, device, sizeof(device));
	if (r == -ENODEV)
		return fail(r, "the disk isn't encrypted yet: no key is waited for");
	if (r == 0)
		r = unlock_keep(intent.luks_uuid, &where, &passphrase);
	if (r == -EPERM)
		return fail(r, "the passphrase in %s opens no keyslot of %s", path, device);
	if (r == 0)
		log_info("the key is at hand until the next reboot, for a day at most");
	return r;
}

static int change(const struct config *config, bool is_paused)
{
	char rate[24];
	struct wish wish;
	int r;

	r = look(config, &wish);
	if (r == 0 && !is_paused && config->recovery_passphrase_file)
		r = give_key(config);
	if (r < 0)
		return r;
	wish.is_paused = is_paused;
	if (config->max_rate != CONFIG_NO_RATE)
		wish.max_bytes_per_s = config->max_rate;
	r = wish_write(config->state_dir, &wish);
	if (r < 0)
		return r;
	log_info(is_paused ? "paused: encrypting and wiping stand still between two steps, also "
			     "after a reboot; go on with: panocrypt-bootstrap resume"
			   : "resumed");
	if (wish.max_bytes_per_s)
		log_info("at most %s a second", text_bytes(rate, wish.max_bytes_per_s));
	return 0;
}

int verb_pause(const struct config *config)
{
	return change(config, true);
}

int verb_resume(const struct config *config)
{
	return change(config, false);
}
