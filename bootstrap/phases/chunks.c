/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Lets the worker go over the mounted root, chunk by chunk. Stops at a chunk boundary on SIGTERM;
 * the next start goes on from there.
 */
#include "bootstrap/phases/chunks.h"

#include "bootstrap/block.h"
#include "bootstrap/gate.h"
#include "bootstrap/keyring.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/stop.h"
#include "bootstrap/strikes.h"
#include "bootstrap/unlock.h"
#include "bootstrap/worker.h"
#include "common/err.h"
#include "common/log.h"

#define WAIT_FIRST_S 10
#define WAIT_MOST_S 300
#define WAIT_LOOK_S 5

struct run {
	const struct job *job;
	const struct chunks *chunks;
	char device[FACTS_PATH_MAX];
	struct pace pace;
	struct gate gate;
	bool has_warned;
};

/* Has somebody brought what is waited for (verb_pause.c)? */
static bool is_key_there(const struct run *run)
{
	const char *luks_uuid = run->job->intent.luks_uuid;
	CLEANUP_SECRET struct secret key = SECRET_EMPTY, next = SECRET_EMPTY;

	if (keyring_get(luks_uuid, 0, &key) < 0)
		return false;
	return !run->chunks->needs_next_key || keyring_get(luks_uuid, LUKS_NEXT_KEY, &next) == 0;
}

/* True: the wish to stop. Ends early when somebody has brought the key. */
static bool rest(const struct run *run, unsigned seconds)
{
	for (; seconds > 0; seconds -= MIN(seconds, WAIT_LOOK_S)) {
		if (stop_wait(MIN(seconds, WAIT_LOOK_S)))
			return true;
		if (is_key_there(run))
			return false;
	}
	return false;
}

static int find_keys(const struct run *run, struct secret *ret, struct secret *ret_next)
{
	const char *luks_uuid = run->job->intent.luks_uuid;
	const struct luks_where where = { run->device, NULL };

	return run->chunks->needs_next_key ? unlock_both_keys(luks_uuid, &where, ret, ret_next)
					   : unlock_volume_key(luks_uuid, &where, ret);
}

/* The keyring has the key unless stock code opened the volume; then the server is asked until it
 * says yes, or somebody brings the key. */
static int wait_for_key(struct run *run, struct secret *ret, struct secret *ret_next)
{
	unsigned wait_s = WAIT_FIRST_S;

	for (;;) {
		int r = find_keys(run, ret, ret_next);

		if (r == 0)
			pace_wait(&run->pace, "");
		if (r != -EACCES)
			return r;
		log_warning("waiting for key: %s; without the server: panocrypt-bootstrap resume "
			    "--recovery-passphrase-file FILE",
			    fail_text());
		pace_wait(&run->pace, "key");
		if (rest(run, wait_s))
			return fail(-EINTR, "stopped while waiting for the key");
		wait_s = MIN(2 * wait_s, WAIT_MOST_S);
	}
}

/* The worker's figures to people, people's wishes to the worker. */
static void tick(const struct worker_view *view, struct worker_wishes *ret_wishes, void *userdata)
{
	struct run *run = userdata;

	if (view->warning[0] && !run->has_warned) {
		log_warning("%s: %s", run->chunks->phase, view->warning);
		run->has_warned = true;
	}
	if (view->total_bytes) {
		pace_total(&run->pace, view->total_bytes);
		pace_wait(&run->pace, view->is_paused ? "resume" : "");
		pace_step(&run->pace, view->done_bytes);
	}
	ret_wishes->wish = gate_wish(&run->gate);
	ret_wishes->is_stop_wanted = stop_wanted();
}

/* Not for ever from one boot to the next at a chunk that can't be read. */
static int begin_run(const struct run *run)
{
	struct luks_status status;
	int r = luks_look(&(struct luks_where){ run->device, NULL }, &status);

	if (r < 0 || gate_wish(&run->gate).is_paused)
		return r; /* where it stands still, it may be cut any number of times */
	return strikes_begin(run->job->state_dir, status.encrypted_bytes);
}

static int run_chunks(struct run *run)
{
	CLEANUP_SECRET struct secret volume_key = SECRET_EMPTY, next_key = SECRET_EMPTY;
	const struct chunks *chunks = run->chunks;
	int r = wait_for_key(run, &volume_key, &next_key);

	if (r == 0 && chunks->begin)
		r = chunks->begin(run->device, &volume_key, &next_key);
	if (r == 0)
		r = begin_run(run);
	if (r < 0)
		return r;
	r = worker_run(&(struct worker_run){ .device = run->device,
					     .mapping = MAPPING_NAME,
					     .volume_key = &volume_key,
					     .next_key = chunks->needs_next_key ? &next_key : NULL,
					     .tick = tick,
					     .userdata = run });
	if (r >= 0 && strikes_clear(run->job->state_dir) < 0)
		log_warning("%s", fail_text());
	if (r == WORKER_STOPPED)
		return fail(-EINTR, "stopped between two chunks: the next start goes on from here");
	return r;
}

int chunks_look(const struct job *job, char *ret_device, size_t size, struct luks_status *ret)
{
	int r = block_find("UUID", job->intent.luks_uuid, ret_device, size);

	return r < 0 ? r : luks_look(&(struct luks_where){ ret_device, NULL }, ret);
}

int chunks_run(struct job *job, const struct chunks *chunks)
{
	struct run run = { .job = job, .chunks = chunks };
	int r;

	stop_on_signals();
	r = block_find("UUID", job->intent.luks_uuid, run.device, sizeof(run.device));
	if (r == -ENODEV)
		return fail(r, "the encrypted volume %s is not there", job->intent.luks_uuid);
	if (r < 0)
		return r;
	pace_start(&run.pace, job, chunks->phase, 0);
	gate_open(&run.gate, &run.pace, job->state_dir, run.device);
	r = run_chunks(&run);
	gate_close(&run.gate);
	return r;
}
