/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * pause and resume: write down what people want of the pace. The one at work looks between steps;
 * if nobody is, the next start does, also after a reboot.
 */
#include "bootstrap/intent.h"
#include "bootstrap/verbs.h"
#include "bootstrap/wish.h"
#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <errno.h>
#include <unistd.h>

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

static int change(const struct config *config, bool is_paused)
{
	char rate[24];
	struct wish wish;
	int r;

	r = look(config, &wish);
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
