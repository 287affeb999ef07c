/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The worker. From its first step on it touches no file of any filesystem on a disk: it speaks by
 * the board alone, and rests between two chunks with nothing suspended.
 */
#include "bootstrap/luks_reencrypt.h"
#include "bootstrap/throttle.h"
#include "bootstrap/worker_board.h"

#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#define NAP_MS 100

#ifndef PR_SET_IO_FLUSHER
#define PR_SET_IO_FLUSHER 57
#endif

struct worker {
	struct worker_board *board;
	int load_fd;
	uint64_t done_bytes;	    /* at the end of the last step */
	uint64_t at_ms, load_bytes; /* when this one began */
	bool has_begun;
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void nap(uint64_t ms)
{
	struct timespec part = { .tv_sec = (time_t)(ms / 1000),
				 .tv_nsec = (long)(ms % 1000) * 1000000 };

	nanosleep(&part, NULL);
}

/* The rest that the throttle asks for; a wish to stop ends it. */
static void rest(const struct worker *worker, uint64_t bytes)
{
	struct throttle_step step = { .bytes = bytes,
				      .own_bytes = 2 * bytes,
				      .took_ms = now_ms() - worker->at_ms };
	uint64_t load_bytes = load_look(worker->load_fd), rest_ms;

	if (load_bytes > worker->load_bytes)
		step.disk_bytes = load_bytes - worker->load_bytes;
	rest_ms = throttle_rest_ms(&step, worker->board->max_bytes_per_s);
	while (rest_ms > 0 && !worker->board->is_stop_wanted) {
		uint64_t part_ms = MIN(rest_ms, NAP_MS);

		nap(part_ms);
		rest_ms -= part_ms;
	}
}

static bool between_chunks(uint64_t done_bytes, uint64_t total_bytes, void *userdata)
{
	struct worker *worker = userdata;
	struct worker_board *board = worker->board;
	uint64_t bytes = done_bytes - MIN(done_bytes, worker->done_bytes);

	board->step_since_ms = 0;
	board->total_bytes = total_bytes;
	board->done_bytes = done_bytes;
	if (worker->has_begun)
		rest(worker, bytes);
	else /* tests find the beginning of the first step by it */
		(void)prctl(PR_SET_NAME, "panocrypt-step");
	worker->has_begun = true;
	worker->done_bytes = done_bytes;
	while (board->is_pause_wanted && !board->is_stop_wanted) {
		board->is_paused = true;
		nap(NAP_MS);
	}
	board->is_paused = false;
	worker->load_bytes = load_look(worker->load_fd);
	worker->at_ms = now_ms();
	board->step_since_ms = worker->at_ms;
	return board->is_stop_wanted;
}

static int read_all(void *data, size_t len)
{
	uint8_t *at = data;

	while (len > 0) {
		ssize_t n = read(WORKER_LINE_FD, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return fail(n < 0 ? -errno : -EPIPE, "the worker got no key");
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

/* May be one of no bytes, which is none. */
static int read_key(struct secret *ret)
{
	uint32_t len = 0;
	int r = read_all(&len, sizeof(len));

	if (r == 0 && len > WORKER_KEY_BYTES_MAX)
		r = fail(-EINVAL, "the worker got a key of %u bytes", len);
	if (r < 0 || len == 0)
		return r;
	r = secret_alloc(ret, len);
	return r < 0 ? r : read_all(ret->data, len);
}

static int read_keys(struct secret *ret_key, struct secret *ret_next)
{
	int r = read_key(ret_key);

	if (r == 0 && ret_key->len == 0)
		r = fail(-EINVAL, "the worker got no key");
	return r < 0 ? r : read_key(ret_next);
}

static int run(struct worker *worker, const char *device, const char *mapping)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, next = SECRET_EMPTY;
	int r = read_keys(&key, &next);

	if (r < 0)
		return r;
	if (load_open(device, &worker->load_fd) < 0)
		fail_clear(); /* then others' load isn't known */
	/* Memory that it needs must not be got by writing to what it has suspended. Kernel 5.6. */
	(void)prctl(PR_SET_IO_FLUSHER, 1, 0, 0, 0);
	worker->board->step_since_ms = now_ms(); /* tables are loaded before the first chunk */
	return luks_reencrypt_run(&(struct luks_run){ .device = device,
						      .mapping = mapping,
						      .volume_key = &key,
						      .next_key = next.len ? &next : NULL,
						      .progress = between_chunks,
						      .userdata = worker });
}

int worker_chunks(struct worker_board *board, const char *device, const char *mapping)
{
	struct worker worker = { .board = board, .load_fd = -1 };
	int r = run(&worker, device, mapping);

	board->result = r;
	memcpy(board->sentence, fail_text(), strlen(fail_text()) + 1);
	board->has_result = true;
	return r < 0;
}
