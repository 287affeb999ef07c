/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See worker_watch.h.
 */
#include "bootstrap/worker_watch.h"

enum watch_action watch_decide(const struct watch_view *view)
{
	if (!view->is_alive) {
		if (!view->is_suspended)
			return WATCH_END;
		return view->is_in_step ? WATCH_REBOOT : WATCH_RESUME;
	}
	if (!view->is_suspended)
		return WATCH_WAIT;
	if (view->is_in_step)
		return view->step_ms >= WATCH_STEP_LONG_MS ? WATCH_WARN : WATCH_WAIT;
	return view->idle_suspended_ms >= WATCH_IDLE_LONG_MS ? WATCH_RESUME : WATCH_WAIT;
}
