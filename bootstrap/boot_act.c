/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Does what boot_decide() said. Up to the first byte of the header every failure is a result and
 * the machine boots on; from there until the marker nothing but the whole header lets it go on
 * (boot_hold()).
 */
#include "bootstrap/boot_run.h"
#include "bootstrap/mount.h"
#include "bootstrap/place.h"
#include "bootstrap/unlock.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"

#include <errno.h>
#include <poll.h>
#include <string.h>

#define REHEARSE_BUDGET_S 45
#define UNLOCK_BUDGET_S 60
#define WRITE_ATTEMPTS 3
#define HOLD_MESSAGE_S 30

/* From here on the result and people's lines name this phase. */
static void enter(struct boot_result *result, const char *phase)
{
	snprintf(result->phase, sizeof(result->phase), "%s", phase);
	log_info("%s: starting", phase);
}

/* Nothing may be mounted from this disk: says why, for ever. */
_Noreturn void boot_hold(const char *reason)
{
	for (;;) {
		log_error("stopped, because %s. The disk must not be used like this, and nothing "
			  "more is written to "
			  "it. Its data is not lost: see docs/power-cut.md, or reset the machine "
			  "to try again",
			  reason);
		poll(NULL, 0, HOLD_MESSAGE_S * 1000);
	}
}

static int rehearse(const struct boot_run *run, struct boot_result *result,
		    struct secret *ret_secret)
{
	const struct luks_where copy = { run->header, NULL };
	int r;

	enter(result, "rehearse");
	r = boot_try_cipher(run->intent.cipher);
	if (r == 0)
		r = boot_network();
	if (r == 0)
		r = boot_secret(&copy, run->intent.device_url, REHEARSE_BUDGET_S, ret_secret);
	if (r < 0)
		return r;
	log_info("rehearse: done, the prepared header opens through the server");
	return 0;
}

/* --- carve ------------------------------------------------------------------------------------ */

static int carve(struct boot_run *run, struct boot_result *result)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r = rehearse(run, result, &secret);

	if (r < 0)
		return r;
	enter(result, "carve");
	return boot_carve(run);
}

/* --- place ------------------------------------------------------------------------------------ */

static void settle_state(const char *state_dir)
{
	if (mount_settle(state_dir) < 0)
		log_warning("%s", fail_text()); /* only GRUB would notice; it reads none of it */
}

static struct place place_of(const struct boot_run *run)
{
	return (struct place){
		.device = run->root_device,
		.state_dir = run->state_dir,
		.shift_bytes = run->intent.shift_bytes,
		.payload_bytes = run->intent.payload_bytes,
		.luks_uuid = run->intent.luks_uuid,
		.settle = settle_state,
	};
}

/* A header.post that the filesystem has outlived: it was mounted after the head had been parked. */
static int drop_stale_post(const struct boot_run *run)
{
	char path[BOOT_PATH_MAX + 32];

	if (!run->facts.has_post)
		return 0;
	log_info("place: %s is older than the filesystem, made again", HEADER_POST_FILE);
	snprintf(path, sizeof(path), "%s/%s", run->state_dir, HEADER_POST_FILE);
	return file_remove(path);
}

/* Returns 0 with the marker set, or negative with the head untouched; there is no third way out. */
static int write_header(const struct boot_run *run)
{
	const struct place place = place_of(run);
	bool is_untouched = false;
	int r = 0;

	for (unsigned attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
		r = place_write(&place);
		if (r == 0 || place_has_marker(run->state_dir))
			return 0;
		log_error("place: attempt %u: %s", attempt, fail_text());
	}
	if (boot_is_head_parked(run, &is_untouched) == 0 && is_untouched)
		return r;
	boot_hold("the header could not be written");
}

/* Behind the marker: a failure leaves the disk to the distribution's own unlocking. */
static int open_root(const struct boot_run *run, struct boot_result *result,
		     const struct secret *secret, const struct secret *volume_key)
{
	const struct luks_where where = { run->root_device, NULL };
	const struct place place = place_of(run);
	int chunk, r;

	boot_load_crypt();
	chunk = place_first_chunk(&place, volume_key);
	if (chunk < 0)
		log_error("place: the first chunk: %s", fail_text());
	enter(result, "open");
	r = unlock_keep(run->intent.luks_uuid, &where, secret);
	if (r < 0)
		log_warning("%s: the running system will ask the server for the key", fail_text());
	r = boot_open(run->root_device, secret);
	if (r < 0)
		return r;
	log_info("open: done");
	return 0;
}

static int remount_state(struct boot_run *run, bool is_writable)
{
	boot_unmount_state(run);
	return boot_mount_state(run, is_writable);
}

static int convert(struct boot_run *run, struct boot_result *result)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, volume_key = SECRET_EMPTY;
	const struct luks_where copy = { run->header, run->root_device };
	struct place place;
	int r;

	r = rehearse(run, result, &secret);
	if (r == 0)
		r = remount_state(run, true);
	if (r < 0)
		return r;
	enter(result, "shrink");
	r = boot_shrink(run);
	if (r < 0)
		return r;
	enter(result, "place");
	place = place_of(run);
	r = luks_volume_key(&copy, &secret, &volume_key);
	if (r == 0)
		r = drop_stale_post(run);
	if (r == 0)
		r = place_park(&place, &volume_key);
	if (r == 0)
		r = write_header(run);
	return r < 0 ? r : open_root(run, result, &secret, &volume_key);
}

static int unlock(struct boot_run *run, struct boot_result *result)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY, volume_key = SECRET_EMPTY;
	const struct luks_where where = { run->root_device, NULL };
	int r;

	enter(result, "unlock");
	r = boot_network();
	if (r == 0)
		r = boot_secret(&where, run->intent.device_url, UNLOCK_BUDGET_S, &secret);
	if (r == 0)
		r = luks_volume_key(&where, &secret, &volume_key);
	return r < 0 ? r : open_root(run, result, &secret, &volume_key);
}

static int place_again(struct boot_run *run, struct boot_result *result)
{
	int r;

	enter(result, "place");
	r = remount_state(run, true);
	if (r < 0) {
		log_failure(r);
		boot_hold("the folder with the header can't be written to");
	}
	r = write_header(run);
	return r < 0 ? r : unlock(run, result);
}

/* The rest of a `carve` or `shrink` that was cut. Without it the filesystem may be neither the old
 * one nor the new one. */
static int redo(struct boot_run *run, struct boot_result *result)
{
	enter(result, "redo");
	boot_apply(run->root_device, &run->redo);
	redo_done(&run->redo);
	log_info("redo: done, the filesystem is whole");
	return 0;
}

/* --- all of it -------------------------------------------------------------------------------- */

static int act(struct boot_run *run, const struct boot_decision *decision,
	       struct boot_result *result)
{
	switch (decision->action) {
	case BOOT_REDO: return redo(run, result);
	case BOOT_CARVE: return carve(run, result);
	case BOOT_CONVERT: return convert(run, result);
	case BOOT_PLACE_AGAIN: return place_again(run, result);
	case BOOT_UNLOCK: return unlock(run, result);
	case BOOT_HOLD: boot_hold(decision->reason);
	case BOOT_NOTHING: break;
	}
	snprintf(result->phase, sizeof(result->phase), "look");
	return decision->is_trouble ? fail(-ECANCELED, "%s", decision->reason) : 0;
}

void boot_act(struct boot_run *run, const struct boot_decision *decision,
	      struct boot_result *result)
{
	int r;

	snprintf(result->action, sizeof(result->action), "%s", boot_action_name(decision->action));
	boot_mend_table(run);
	r = act(run, decision, result);
	result->is_ok = r == 0;
	if (r < 0 && !fail_text()[0])
		fail(r, "%s", strerror(-r));
	snprintf(result->reason, sizeof(result->reason), "%s",
		 r < 0 ? fail_text() : decision->reason);
}
