/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the boot step does with what it found: one table, first match wins (docs/boot-step.md shows
 * the same), and the small file that carries the result into the running system. boot_decide() is
 * pure.
 */
#include "bootstrap/boot_step.h"

#include "common/err.h"
#include "common/file.h"
#include "common/json.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define RESULT_PATH RUN_DIR "/" BOOT_RESULT_FILE
#define BOOT_ID_PATH "/proc/sys/kernel/random/boot_id"

enum fact {
	INTENT = 1 << 0,
	HEADER = 1 << 1,
	POST = 1 << 2,
	MARKER = 1 << 3,
	BOOTPART = 1 << 4,
	SEPARATE = 1 << 5,
	PROVEN = 1 << 6,
	PLAIN = 1 << 7,
	LUKS = 1 << 8,
	PARKED = 1 << 9,
	SKIP = 1 << 10,
	REDO = 1 << 11,
	FOREIGN = 1 << 12,
	UNKNOWN = 1 << 13,
	UNDO = 1 << 14,
};

/* "trouble" rows end a run instead of a reboot. The order matters: what was placed is looked at
 * before what is wanted. */
static const struct rule {
	unsigned yes, no;
	enum boot_action action;
	bool is_trouble;
	const char *reason;
} rules[] = {
	/* before anything is mounted, and whatever else is wanted */
	{ REDO, 0, BOOT_REDO, false,
	  "a change of the filesystem was cut short, and its log is whole" },
	{ UNKNOWN | SKIP, 0, BOOT_NOTHING, true,
	  "panocrypt.skip is on the command line, and where a redo log could be can't be read" },
	{ UNKNOWN, 0, BOOT_HOLD, true,
	  "where the log of a change that was cut short would be, the disk can't be read: copy it "
	  "to a sound one from a rescue system; if e2fsck -fn finds nothing there, panocrypt.skip "
	  "on the kernel command line boots it" },
	/* nothing is known of a conversion */
	{ SKIP, INTENT, BOOT_NOTHING, true, "panocrypt.skip is on the command line" },
	{ POST, INTENT | MARKER, BOOT_HOLD, true,
	  "the header was being placed, and the intent file can't be read any more" },
	{ 0, INTENT, BOOT_NOTHING, true, "no readable intent of a conversion was found" },
	/* the user's way out: only where what stands on the disk may be used as it is */
	{ SKIP | PLAIN, 0, BOOT_NOTHING, true, "panocrypt.skip is on the command line" },
	{ SKIP | LUKS | MARKER, 0, BOOT_NOTHING, true, "panocrypt.skip is on the command line" },
	{ UNDO | PLAIN, MARKER, BOOT_NOTHING, false, "the conversion is being undone" },
	/* placed */
	{ MARKER | LUKS, 0, BOOT_UNLOCK, false, "the header is in place" },
	{ MARKER, 0, BOOT_HOLD, true,
	  "the header was in place and is not recognised any more; it is never written a second "
	  "time" },
	/* cut inside `place` */
	{ POST | LUKS, 0, BOOT_PLACE_AGAIN, false, "the header is not yet known to be whole" },
	{ POST | PLAIN | PARKED, 0, BOOT_PLACE_AGAIN, false,
	  "the header is ready, the disk is as it was parked" },
	{ POST, PLAIN, BOOT_PLACE_AGAIN, false,
	  "the head of the filesystem was cleared for the header" },
	{ FOREIGN, LUKS, BOOT_NOTHING, true,
	  "a change of the filesystem was cut short, and the disk was used since: repair it with "
	  "e2fsck from a rescue system, then undo" },
	/* before `place`; a header.post that is left here is older than the filesystem and will be
	   thrown away */
	{ LUKS, 0, BOOT_NOTHING, false, "the disk is encrypted, nothing of ours is left to do" },
	{ 0, PLAIN, BOOT_NOTHING, true,
	  "the root partition does not hold the intended filesystem" },
	{ 0, HEADER, BOOT_NOTHING, true, "the prepared header is missing or damaged" },
	{ 0, SEPARATE | BOOTPART, BOOT_CARVE, false, "a partition for /boot is to be made" },
	{ 0, SEPARATE, BOOT_NOTHING, false,
	  "the partition for /boot is there, the running system goes on" },
	{ 0, PROVEN, BOOT_NOTHING, true,
	  "the firmware did not boot through the new /boot (its mark is not on the command line)" },
	{ 0, 0, BOOT_CONVERT, false, "everything is ready for encryption" },
};

static unsigned to_bits(const struct boot_facts *facts)
{
	return (facts->has_intent ? INTENT : 0) | (facts->has_header ? HEADER : 0) |
	       (facts->has_post ? POST : 0) | (facts->has_marker ? MARKER : 0) |
	       (facts->has_boot_partition ? BOOTPART : 0) |
	       (facts->is_boot_separate ? SEPARATE : 0) | (facts->is_boot_proven ? PROVEN : 0) |
	       (facts->is_root_filesystem ? PLAIN : 0) | (facts->is_root_luks ? LUKS : 0) |
	       (facts->is_root_same_as_parked ? PARKED : 0) | (facts->has_skip ? SKIP : 0) |
	       (facts->has_redo ? REDO : 0) | (facts->is_redo_foreign ? FOREIGN : 0) |
	       (facts->is_redo_unknown ? UNKNOWN : 0) | (facts->is_undo_wanted ? UNDO : 0);
}

struct boot_decision boot_decide(const struct boot_facts *facts)
{
	const unsigned bits = to_bits(facts);
	const struct rule *rule = rules;

	while ((bits & rule->yes) != rule->yes || (bits & rule->no))
		rule++; /* the last one matches everything */
	return (struct boot_decision){ rule->action, rule->is_trouble, rule->reason };
}

const char *boot_action_name(enum boot_action action)
{
	static const char *const names[] = {
		[BOOT_NOTHING] = "nothing",
		[BOOT_REDO] = "redo",
		[BOOT_CARVE] = "carve",
		[BOOT_CONVERT] = "convert",
		[BOOT_PLACE_AGAIN] = "place-again",
		[BOOT_UNLOCK] = "unlock",
		[BOOT_HOLD] = "hold",
	};

	return names[action];
}

bool boot_cmdline_has(const char *cmdline, const char *word)
{
	size_t len = strlen(word);

	while (*cmdline) {
		size_t n = strcspn(cmdline, " \t\n");

		if (n == len && memcmp(cmdline, word, len) == 0)
			return true;
		cmdline += n;
		cmdline += strspn(cmdline, " \t\n");
	}
	return false;
}

/* --- the result ------------------------------------------------------------------------------- */

int boot_result_write(const struct boot_result *result)
{
	CLEANUP_JSON json_t *object = NULL;
	CLEANUP_FREE char *text = NULL;
	int r;

	object = json_pack("{s:s, s:b, s:s, s:s, s:I}", "action", result->action, "ok",
			   result->is_ok, "phase", result->phase, "reason", result->reason, "at_s",
			   (json_int_t)time(NULL));
	if (!object)
		return fail(-EINVAL, "the boot step's result can't be written down");
	r = js_print_pretty(object, &text);
	if (r < 0)
		return r;
	r = file_mkdirs(RUN_DIR, 0700);
	if (r < 0)
		return r;
	return file_replace_text(RESULT_PATH, text, 0600);
}

int boot_result_read(struct boot_result *ret)
{
	CLEANUP_JSON json_t *object = NULL;
	struct boot_result result = { .exists = true };
	int r;

	if (!file_exists(RESULT_PATH)) {
		*ret = (struct boot_result){ .exists = false };
		return 0;
	}
	r = js_read_file(RESULT_PATH, JSON_TEXT_MAX, &object);
	if (r == 0)
		r = js_copy(object, "action", result.action, sizeof(result.action));
	if (r == 0)
		r = js_copy(object, "phase", result.phase, sizeof(result.phase));
	if (r == 0)
		r = js_copy(object, "reason", result.reason, sizeof(result.reason));
	if (r == 0)
		r = js_bool(object, "ok", &result.is_ok);
	if (r < 0)
		return fail_at(r, RESULT_PATH);
	*ret = result;
	return 0;
}

/* Was the machine rebooted since the image with the boot step was made? boot.json names the boot in
 * which it was. */
static int was_booted_since(bool *ret)
{
	CLEANUP_JSON json_t *object = NULL;
	CLEANUP_FREE char *boot_id = NULL;
	const char *made_in = "";
	int r;

	*ret = false;
	r = js_read_file(STATE_DIR "/boot.json", JSON_TEXT_MAX, &object);
	if (r == 0)
		r = js_string_or(object, "made_in_boot", "", &made_in);
	if (r == 0)
		r = file_read(BOOT_ID_PATH, 64, &boot_id, NULL);
	if (r < 0)
		return r;
	*ret = made_in[0] && strncmp(made_in, boot_id, strlen(made_in)) != 0;
	return 0;
}

/* The phase of the running system's table that a stop belongs to: each boot rehearses first. */
static const char *stopped_phase(const struct boot_result *result)
{
	const char *first = file_exists(BOOT_STATE_DIR "/" INTENT_FILE) ? "shrink" : "rehearse";

	if (!result->exists || strcmp(result->phase, "look") == 0 ||
	    strcmp(result->phase, "rehearse") == 0)
		return first;
	if (strcmp(result->phase, "redo") == 0)
		return file_exists(BOOT_STATE_DIR "/" INTENT_FILE) ? "shrink" : "carve";
	return strcmp(result->phase, "unlock") == 0 ? "open" : result->phase;
}

int boot_result_check(const char *phase)
{
	struct boot_result result;
	bool is_later = false, has_image = true;
	int r = boot_result_read(&result);

	if (r < 0 || strcmp(stopped_phase(&result), phase) != 0)
		return r;
	if (result.exists && result.is_ok &&
	    strcmp(result.action, boot_action_name(BOOT_NOTHING)) != 0)
		return 0;
	if (was_booted_since(&is_later) < 0) {
		fail_clear(); /* no image was made yet */
		has_image = false;
	}
	/* An image that was made in this boot hasn't had its chance: what the one before it said
	 * counts no more. */
	if (has_image && !is_later)
		return 0;
	if (result.exists && !result.is_ok)
		return fail(-EIO,
			    "at boot, `%s` stopped: %s. The machine was left as it is: reboot to "
			    "try again, or run "
			    "\"panocrypt-bootstrap undo\"",
			    result.phase, result.reason);
	return has_image
		       ? fail(-EIO, "this boot went around the new boot step: another kernel or "
				    "menu entry was booted; "
				    "choose the default entry, or run \"panocrypt-bootstrap undo\"")
		       : 0;
}
