/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Rest and pause between steps. Holds nothing up but the phase itself.
 */
#include "bootstrap/gate.h"

#include "bootstrap/stop.h"
#include "bootstrap/throttle.h"
#include "common/err.h"
#include "common/log.h"

#include <time.h>
#include <unistd.h>

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void begin_step(struct gate *gate)
{
	gate->at_ms = now_ms();
	gate->load_bytes = load_look(gate->load_fd);
}

void gate_open(struct gate *gate, struct pace *pace, const char *state_dir, const char *device)
{
	*gate = (struct gate){ .pace = pace, .state_dir = state_dir, .load_fd = -1 };
	if (load_open(device, &gate->load_fd) < 0) {
		log_debug("the disk's load is not watched: %s", fail_text());
		fail_clear();
	}
	begin_step(gate);
}

void gate_close(struct gate *gate)
{
	if (gate->load_fd >= 0)
		close(gate->load_fd);
	gate->load_fd = -1;
}

struct wish gate_wish(const struct gate *gate)
{
	static bool has_said;
	struct wish wish = { .is_paused = false };

	if (wish_read(gate->state_dir, &wish) < 0) {
		if (!has_said)
			log_warning("%s", fail_text());
		has_said = true;
		fail_clear();
	}
	return wish;
}

bool gate_pass(struct gate *gate, uint64_t bytes, uint64_t own_bytes)
{
	struct throttle_step step = { .bytes = bytes,
				      .own_bytes = own_bytes,
				      .took_ms = now_ms() - gate->at_ms };
	struct wish wish = gate_wish(gate);
	uint64_t load_bytes = load_look(gate->load_fd);

	if (load_bytes > gate->load_bytes)
		step.disk_bytes = load_bytes - gate->load_bytes;
	stop_rest(throttle_rest_ms(&step, wish.max_bytes_per_s));
	while (wish.is_paused && !stop_wanted()) {
		pace_wait(gate->pace, "resume");
		stop_wait(1);
		wish = gate_wish(gate);
	}
	pace_wait(gate->pace, "");
	begin_step(gate);
	return stop_wanted();
}
