/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * `encrypt`: lets the worker run the encryption of the mounted root to its end (chunks.h).
 */
#include "bootstrap/phases/chunks.h"

#include <errno.h>

static int encrypt_done(struct job *job)
{
	char device[FACTS_PATH_MAX];
	struct luks_status status;
	int r = chunks_look(job, device, sizeof(device), &status);

	if (r == -ENODEV)
		return 0;
	return r < 0 ? r : status.is_luks2 && !status.is_reencrypting;
}

static int encrypt_run(struct job *job)
{
	return chunks_run(job, &(struct chunks){ .phase = "encrypt" });
}

const struct phase phase_encrypt = {
	.name = "encrypt",
	.place = PHASE_RUNNING,
	.done = encrypt_done,
	.run = encrypt_run,
	.power_cut =
		"both header copies name the hot chunk: the next boot writes it again; run again",
};
