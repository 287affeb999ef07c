/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See rotate.h.
 */
#include "bootstrap/rotate.h"

#include "bootstrap/luks_next.h"
#include "common/err.h"

#define FIRST_SLOTS (1U << 0 | 1U << 1) /* as `header` makes them */
#define NEXT_SLOTS (1U << LUKS_NEXT_RECOVERY_SLOT | 1U << LUKS_NEXT_CLEVIS_SLOT)

static int check_begin(const struct luks_status *status)
{
	uint32_t missing = NEXT_SLOTS & ~status->slots_of[LUKS_NEXT_KEY];
	uint32_t added = status->slots_of[0] & ~FIRST_SLOTS;

	if (missing)
		return fail(-ENOKEY,
			    "keyslot %d, which was to open the disk by its new volume key, was "
			    "removed: the key stays as it is. Put the header's keyslots back from "
			    "a copy",
			    __builtin_ctz(missing));
	if (added)
		return fail(-EEXIST,
			    "keyslot %d was added to the disk and would be lost with the old "
			    "volume key: remove it (cryptsetup luksKillSlot), and add it again "
			    "when the conversion has ended",
			    __builtin_ctz(added));
	return 0;
}

int rotate_decide(const struct luks_status *status, enum rotate_step *ret)
{
	int r;

	if (status->is_rotating) {
		*ret = ROTATE_GO_ON;
		return 0;
	}
	if (status->is_reencrypting)
		return fail(-EBUSY, "the disk is still being encrypted");
	if (status->used_key == LUKS_NEXT_KEY) {
		*ret = status->slots_of[0] || status->has_idle_clevis ? ROTATE_TIDY : ROTATE_DONE;
		return 0;
	}
	if (status->used_key != 0)
		return fail(-EUCLEAN, "the disk is under a volume key that is not of this "
				      "conversion");
	r = check_begin(status);
	if (r == 0)
		*ret = ROTATE_BEGIN;
	return r;
}
