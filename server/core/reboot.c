/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See reboot.h.
 */
#include "server/core/reboot.h"

bool reboot_is_surprise(const struct store_unlock *device, const struct reboot_question *question)
{
	bool is_announced = question->now_s >= device->reboot_from_s &&
			    question->now_s < device->reboot_until_s;
	/* A clock that was set back may have put the last one into the future. */
	bool is_known = question->now_s >= device->surprised_s &&
			question->now_s - device->surprised_s < REBOOT_SURPRISE_S;

	return device->announces_reboots && !is_announced && !is_known &&
	       !question->is_converting && !question->is_waived;
}

int reboot_note(struct core_parts *parts, const struct store_unlock *device,
		const struct reboot_question *question, const struct store_audit_entry *like)
{
	const struct store_audit_entry entry = { .event = "unlock-unexpected",
						 .source = like->source,
						 .device = like->device };
	int r;

	if (!reboot_is_surprise(device, question))
		return 0;
	r = store_unlock_surprised(parts->store, like->device, question->now_s);
	return r != 0 ? r : store_audit_append(parts->store, device->organization, &entry);
}
