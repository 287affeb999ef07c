/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What a phase is. phases.c holds the one ordered table; each phase is one file in phases/ and
 * exports one const struct.
 *
 *	done()	looks at the machine: 1 done (and so is every phase before it), 0 not done,
 *		negative error. Writes nothing.
 *	run()	does it; may be run twice; leaves before or after if power fails; what done() looks
 *		for comes last. 0, negative, or an outcome.
 *	undo()	puts it back; NULL: nothing to put back. Restartable.
 */
#pragma once

#include "bootstrap/config.h"
#include "bootstrap/facts.h"
#include "bootstrap/intent.h"

enum phase_place {
	PHASE_RUNNING,	 /* in the running system */
	PHASE_BOOT_STEP, /* in the initramfs, by verb_boot; the runner asks done() and reboots */
};

enum phase_outcome {
	PHASE_NEEDS_REBOOT = 1, /* what comes next happens in the boot step */
	PHASE_WAITS = 2,	/* for a reboot that isn't ours to make (no --final-reboot) */
};

struct job {
	const struct config *config; /* of this invocation; defaults under the unit */
	struct facts *facts;	     /* of this invocation */
	struct intent intent;
	const char *state_dir; /* where intent lives now */
	unsigned boot;	       /* 1 .. 3, for reports */
};

struct phase {
	const char *name;
	enum phase_place place;
	bool (*is_wanted)(const struct job *job); /* by the intent; NULL: always */
	int (*done)(struct job *job);
	int (*run)(struct job *job);
	int (*undo)(struct job *job);
	const char *power_cut; /* what a cut inside run() leaves, and who repairs it */
};

extern const struct phase phase_enroll, phase_packages, phase_header, phase_initramfs,
	phase_rehearse, phase_carve, phase_bootpart, phase_shrink, phase_place, phase_open,
	phase_encrypt, phase_wipe, phase_grow, phase_rotate, phase_native, phase_verify,
	phase_leave;

extern const struct phase *const phases[];
extern const size_t phase_count;

/* Runs what is left, in order, reporting progress: everything behind the last phase that is done
 * (later phases take earlier results away: `native` removes what `initramfs` made). 0: all done. An
 * outcome: stopped there. Negative: stopped with a sentence; the machine is left booting. */
int phases_run(struct job *job) MUST_CHECK;

/* Undoes in reverse order; refuses (-EBUSY, `too-late`) once the header was written. The first
 * thing that it writes is that it is wanted: from then on neither a boot nor a run goes on. */
int phases_undo(struct job *job) MUST_CHECK;

/* Does the header of this conversion stand on the disk? By looking alone: that the boot step has
 * stopped before it is an error of phase_place.done(), and none here. 1 yes, 0 no, or negative. */
int place_is_begun(struct job *job) MUST_CHECK;

/* The very end of `leave`: the state folder, then the unit and the program. The unit does it again
 * when a power cut came in between and no intent is left to go on from. */
int leave_rest(void) MUST_CHECK;

/* Name of the first phase that isn't done; NULL when all are. */
int phases_current(struct job *job, const char **ret) MUST_CHECK;
