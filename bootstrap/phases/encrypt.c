/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `encrypt`: lets the worker run the encryption of the mounted root to its end. Stops at a chunk
 * boundary on SIGTERM; the next start goes on from there.
 */
#include "bootstrap/block.h"
#include "bootstrap/gate.h"
#include "bootstrap/keyring.h"
#include "bootstrap/luks.h"
#include "bootstrap/phase.h"
#include "bootstrap/stop.h"
#include "bootstrap/strikes.h"
#include "bootstrap/unlock.h"
#include "bootstrap/worker.h"
#include "common/err.h"
#include "common/log.h"

#define WAIT_FIRST_S 10
#define WAIT_MOST_S 300
#define WAIT_LOOK_S 5

static int encrypt_done(struct job *job)
{
	char device[FACTS_PATH_MAX];
	struct luks_status status;
	int r;

	r = block_find("UUID", job->intent.luks_uuid, device, sizeof(device));
	if (r == -ENODEV)
		return 0;
	if (r == 0)
		r = luks_look(&(struct luks_where){ device, NULL }, &status);
	return r < 0 ? r : status.is_luks2 && !status.is_reencrypting;
}

/* True: the wish to stop. Ends early when somebody has brought the key (verb_pause.c). */
static bool rest(const struct job *job, unsigned seconds)
{
	for (; seconds > 0; seconds -= MIN(seconds, WAIT_LOOK_S)) {
		CLEANUP_SECRET struct secret found = SECRET_EMPTY;

		if (stop_wait(MIN(seconds, WAIT_LOOK_S)))
			return true;
		if (keyring_get(job->intent.luks_uuid, &found) == 0)
			return false;
	}
	return false;
}

/* The keyring has the key unless stock code opened the volume; then the server is asked until it
 * says yes, or somebody brings the key. */
static int wait_for_key(const struct job *job, const char *device, struct pace *pace,
			struct secret *ret)
{
	unsigned wait_s = WAIT_FIRST_S;

	for (;;) {
		int r = unlock_volume_key(job->intent.luks_uuid,
					  &(struct luks_where){ device, NULL }, ret);

		if (r == 0)
			pace_wait(pace, "");
		if (r != -EACCES)
			return r;
		log_warning("waiting for key: %s; without the server: panocrypt-bootstrap resume "
			    "--recovery-passphrase-file FILE",
			    fail_text());
		pace_wait(pace, "key");
		if (rest(job, wait_s))
			return fail(-EINTR, "stopped while waiting for the key");
		wait_s = MIN(2 * wait_s, WAIT_MOST_S);
	}
}

struct run {
	struct pace pace;
	struct gate gate;
	bool has_warned;
};

/* The worker's figures to people, people's wishes to the worker. */
static void tick(const struct worker_view *view, struct worker_wishes *ret_wishes, void *userdata)
{
	struct run *run = userdata;

	if (view->warning[0] && !run->has_warned) {
		log_warning("encrypt: %s", view->warning);
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
static int begin_run(const struct job *job, const char *device, const struct run *run)
{
	struct luks_status status;
	int r = luks_look(&(struct luks_where){ device, NULL }, &status);

	if (r < 0 || gate_wish(&run->gate).is_paused)
		return r; /* where it stands still, it may be cut any number of times */
	return strikes_begin(job->state_dir, status.encrypted_bytes);
}

static int run_chunks(struct job *job, const char *device, struct run *run)
{
	CLEANUP_SECRET struct secret volume_key = SECRET_EMPTY;
	int r = wait_for_key(job, device, &run->pace, &volume_key);

	if (r == 0)
		r = begin_run(job, device, run);
	if (r < 0)
		return r;
	r = worker_run(&(struct worker_run){ .device = device,
					     .mapping = MAPPING_NAME,
					     .volume_key = &volume_key,
					     .tick = tick,
					     .userdata = run });
	if (r >= 0 && strikes_clear(job->state_dir) < 0)
		log_warning("%s", fail_text());
	if (r == WORKER_STOPPED)
		return fail(-EINTR, "stopped between two chunks: the next start goes on from here");
	return r;
}

static int encrypt_run(struct job *job)
{
	char device[FACTS_PATH_MAX];
	struct run run = { .has_warned = false };
	int r;

	stop_on_signals();
	r = block_find("UUID", job->intent.luks_uuid, device, sizeof(device));
	if (r == -ENODEV)
		return fail(r, "the encrypted volume %s is not there", job->intent.luks_uuid);
	if (r < 0)
		return r;
	pace_start(&run.pace, job, "encrypt", 0);
	gate_open(&run.gate, &run.pace, job->state_dir, device);
	r = run_chunks(job, device, &run);
	gate_close(&run.gate);
	return r;
}

const struct phase phase_encrypt = {
	.name = "encrypt",
	.place = PHASE_RUNNING,
	.done = encrypt_done,
	.run = encrypt_run,
	.power_cut = "both header copies name the hot chunk: activation writes it again; run again",
};
