/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See recovery_proof.h. Somebody may have taken the slot away in mid-conversion (`cryptsetup
 * luksKillSlot` is allowed then, adding one isn't), or given it another passphrase. That is said,
 * and one that was added since is taken for it when it is shown.
 */
#include "bootstrap/recovery_proof.h"

#include "bootstrap/install.h"
#include "bootstrap/luks_slot.h"
#include "bootstrap/recovery.h"
#include "bootstrap/unlock.h"
#include "common/err.h"
#include "common/file.h"
#include "common/log.h"

#include <errno.h>

#define PASSPHRASE_MAX_BYTES 512

/* Outcome of the first look, beside 0 and negative errors. */
#define OPENS_NOTHING 1

static int clevis_slot(const struct luks_where *where, int *ret)
{
	CLEANUP_JSON json_t *jwe = NULL;

	return luks_clevis_jwe(where, &jwe, ret);
}

/* A passphrase in a file, as it would be typed. OPENS_NOTHING: not this disk. */
static int prove_file(const struct luks_where *where, const char *path)
{
	CLEANUP_SECRET struct secret passphrase = SECRET_EMPTY;
	int of_clevis = -1, r = secret_read_file(&passphrase, path, PASSPHRASE_MAX_BYTES);

	if (r < 0)
		return fail_at(r, "the recovery passphrase file %s", path);
	secret_trim_newline(&passphrase);
	r = luks_try_passphrase(where, &passphrase);
	if (r < 0)
		return r == -EPERM ? OPENS_NOTHING : r;
	if (clevis_slot(where, &of_clevis) == 0 && r == of_clevis)
		return fail(-EINVAL,
			    "%s holds what the server helps to recover: a recovery "
			    "passphrase has to be another one",
			    path);
	fail_clear();
	return 0;
}

static int prove_generated(const struct recovery_proof *proof)
{
	CLEANUP_SECRET struct secret volume_key = SECRET_EMPTY, passphrase = SECRET_EMPTY;
	int r = unlock_volume_key(proof->luks_uuid, &proof->where, &volume_key);

	if (r < 0)
		return r;
	r = recovery_open(&proof->where, &volume_key, &passphrase);
	if (r == -ENOENT) /* an earlier run wrote the file and removed the token */
		return file_exists(proof->output) ? 0 : OPENS_NOTHING;
	if (r < 0)
		return r;
	r = luks_try_passphrase(&proof->where, &passphrase);
	if (r < 0)
		return r == -EPERM ? OPENS_NOTHING : r;
	r = recovery_write_file(proof->output, &passphrase);
	if (r < 0)
		return r;
	log_info("verify: the recovery passphrase is in %s: fetch it, keep it elsewhere, delete it "
		 "here",
		 proof->output);
	return recovery_forget(&proof->where);
}

/* The customer's own passphrase isn't at hand any more; its slot was proven in `header` and must be
 * the same, byte for byte. */
static int prove_kept_slot(const struct recovery_proof *proof)
{
	const char *device = proof->where.header;
	int r = luks_slot_same(proof->copy, device, proof->slot);

	if (r >= 0)
		return r == 1 ? 0 : OPENS_NOTHING;
	/* Which of the two can't be looked at? In the copy nobody takes a slot away. */
	if (luks_slot_same(proof->copy, proof->copy, proof->slot) != 1)
		return fail_at(r, "the header copy %s", proof->copy);
	fail_clear();
	return OPENS_NOTHING;
}

static int say_what_to_do(const struct recovery_proof *proof)
{
	const char *device = proof->where.header;
	int of_clevis = 1;

	if (clevis_slot(&proof->where, &of_clevis) < 0)
		fail_clear();
	return fail(-ENOKEY,
		    "no recovery passphrase is known to open %s: its keyslot %d was taken away or "
		    "changed. The machine boots on through the server, and would be lost with it. "
		    "Add another passphrase, in bash: cryptsetup luksAddKey --key-file "
		    "<(clevis luks pass -d %s -s %d) %s; write it to a file, mode 600, and go on "
		    "with: " INSTALL_PROGRAM " run --recovery-passphrase-file FILE",
		    device, proof->slot, device, of_clevis, device);
}

int recovery_prove(const struct recovery_proof *proof)
{
	int r = proof->is_generated ? prove_generated(proof) : prove_kept_slot(proof);

	if (r <= 0)
		return r;
	if (proof->new_file) {
		r = prove_file(&proof->where, proof->new_file);
		if (r == 0)
			return recovery_forget(&proof->where);
		if (r < 0)
			return r;
	}
	return say_what_to_do(proof);
}
