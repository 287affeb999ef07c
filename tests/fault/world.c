/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See world.h. Functions __wrap_x take the place of x (ld --wrap), __real_x is the product's.
 */
#include "tests/fault/world_private.h"

#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/hot_chunk.h"
#include "bootstrap/luks_next.h"
#include "bootstrap/place.h"
#include "bootstrap/unlock.h"
#include "common/err.h"
#include "common/file.h"

#include <fcntl.h>
#include <libcryptsetup.h>
#include <poll.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

struct world *here;

static _Noreturn void end(enum world_end how)
{
	here->end = how;
	_exit(0);
}

/* --- keys ------------------------------------------------------------------------------------- */

int boot_network(void)
{
	return 0;
}

void boot_load_crypt(void)
{
}

int boot_try_cipher(const char *text)
{
	return cipher_find(text) ? 0 : fail(-EINVAL, "no cipher %s", text);
}

static int clevis_secret(struct secret *ret)
{
	return secret_copy(ret, WORLD_CLEVIS_SECRET, strlen(WORLD_CLEVIS_SECRET));
}

int boot_secret(const struct luks_where *where, const char *device_url UNUSED,
		unsigned budget_s UNUSED, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r = clevis_secret(&secret);

	if (r == 0)
		r = luks_try_passphrase(where, &secret);
	if (r < 0)
		return r == -EPERM ? fail(r, "the Clevis secret opens no slot of %s", where->header)
				   : r;
	return secret_copy(ret, secret.data, secret.len);
}

int unlock_keep(const char *luks_uuid UNUSED, const struct luks_where *where UNUSED,
		const struct secret *passphrase UNUSED)
{
	return 0;
}

int world_volume_key(const char *header, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r = clevis_secret(&secret);

	return r < 0 ? r : luks_volume_key(&(struct luks_where){ header, NULL }, &secret, ret);
}

int world_keys(const char *device, struct secret *ret_used, struct secret *ret_next)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	const struct luks_where where = { device, NULL };
	struct luks_status status;
	int r = luks_look(&where, &status);

	if (r == 0)
		r = clevis_secret(&secret);
	if (r < 0)
		return r;
	return status.is_rotating ? luks_both_keys(&where, &secret, ret_used, ret_next)
				  : luks_volume_key(&where, &secret, ret_used);
}

int world_finish_chunk(const char *device)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r = clevis_secret(&secret);

	return r < 0 ? r : hot_chunk_finish(&(struct luks_where){ device, NULL }, &secret);
}

/* Half a second a boot to find out how many rounds the digest of a volume key shall have: few here.
 */
int __wrap_crypt_benchmark_pbkdf_internal(struct crypt_device *cd, struct crypt_pbkdf_type *pbkdf,
					  size_t key_bytes);

int __real_crypt_benchmark_pbkdf_internal(struct crypt_device *cd, struct crypt_pbkdf_type *pbkdf,
					  size_t key_bytes);

int __wrap_crypt_benchmark_pbkdf_internal(struct crypt_device *cd, struct crypt_pbkdf_type *pbkdf,
					  size_t key_bytes)
{
	if (strcmp(pbkdf->type, CRYPT_KDF_PBKDF2) != 0)
		return __real_crypt_benchmark_pbkdf_internal(cd, pbkdf, key_bytes);
	pbkdf->iterations = 1000;
	return 0;
}

/* Salts and wiping: the same in every boot, so that equal machines stay equal. */
int __wrap_crypt_random_get(struct crypt_device *cd, char *data, size_t len, int quality);

int __wrap_crypt_random_get(struct crypt_device *cd UNUSED, char *data, size_t len,
			    int quality UNUSED)
{
	static uint64_t state = 1;

	for (size_t at = 0; at < len; at += sizeof(state)) {
		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		memcpy(data + at, &state, MIN(sizeof(state), len - at));
	}
	return 0;
}

/* --- where a boot ends ------------------------------------------------------------------------ */

int boot_open(const char *device, const struct secret *secret)
{
	int r = luks_try_passphrase(&(struct luks_where){ device, NULL }, secret);

	if (r < 0)
		return fail(r, "the secret doesn't open the disk");
	end(WORLD_OPENED);
}

/* Waiting for nothing but time: where the boot step holds the machine, half a minute at once; else
 * a pause before it tries again. */
#define PAUSE_MOST_MS 5000

int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (!fds && timeout > PAUSE_MOST_MS)
		end(WORLD_HELD);
	return fds ? __real_poll(fds, count, timeout) : 0;
}

int __real_place_first_chunk(const struct place *place, const struct secret *volume_key);
int __wrap_place_first_chunk(const struct place *place, const struct secret *volume_key);

int __wrap_place_first_chunk(const struct place *place, const struct secret *volume_key)
{
	if (here->is_known && place_has_marker(place->state_dir)) {
		here->device_hash = world_device_hash(here->folder);
		if (here->is_known(here->device_hash))
			end(WORLD_KNOWN);
	}
	return __real_place_first_chunk(place, volume_key);
}

int __real_place_park(const struct place *place, const struct secret *volume_key);
int __wrap_place_park(const struct place *place, const struct secret *volume_key);

int __wrap_place_park(const struct place *place, const struct secret *volume_key)
{
	if (here->is_stopped_before_place)
		end(WORLD_STOPPED);
	return __real_place_park(place, volume_key);
}

void world_warm_up(const char *header)
{
	CLEANUP_SECRET struct secret key = SECRET_EMPTY;

	if (world_volume_key(header, &key) < 0)
		die("%s: %s", header, fail_text());
}

uint64_t world_device_hash(const char *folder)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/" MACHINE_DEVICE, folder);
	return image_hash_file(path);
}

/* --- a boot ----------------------------------------------------------------------------------- */

void world_enter(struct world *w)
{
	here = w;
}

void world_be_quiet(void)
{
	int said = open("/dev/null", O_WRONLY | O_CLOEXEC);

	if (!getenv("CRASH_SAY") && dup2(said, STDERR_FILENO) < 0)
		_exit(1);
	close(said);
}

void world_boot(struct world *w)
{
	static struct boot_run run;
	struct boot_result result = { .exists = true };
	struct boot_decision decision;

	world_enter(w);
	if (chdir(w->folder) < 0)
		_exit(1);
	world_be_quiet();
	world_cut_device();
	boot_look(&run);
	decision = boot_decide(&run.facts);
	snprintf(w->action, sizeof(w->action), "%s", boot_action_name(decision.action));
	snprintf(w->reason, sizeof(w->reason), "%s", decision.reason);
	boot_act(&run, &decision, &result);
	snprintf(w->reason, sizeof(w->reason), "%s", result.reason);
	end(WORLD_PLAIN);
}

int world_mount(struct world *w)
{
	struct block_content content;
	char device[300];

	world_enter(w);
	if (chdir(w->folder) < 0)
		return -errno;
	world_be_quiet();
	w->is_mount_refused = true;
	snprintf(device, sizeof(device), "%s/" MACHINE_DEVICE, w->folder);
	if (block_probe(device, &content) == 0 && !content.type[0] &&
	    boot_mend(device, WORLD_FS_UUID) < 0)
		return -EUCLEAN;
	return boot_mount(device, "mounted", "ext4", MS_RDONLY);
}

enum world_end world_run(struct world *w)
{
	pid_t pid;
	int status = 0;

	w->end = WORLD_DIED;
	w->device_hash = 0;
	pid = fork();
	if (pid == 0)
		world_boot(w);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		die("a boot can't be waited for: %s", strerror(errno));
	return w->end;
}
