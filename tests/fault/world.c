/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See world.h. Functions __wrap_x take the place of x (ld --wrap), __real_x is the product's.
 */
#include "tests/fault/world.h"

#include "bootstrap/block.h"
#include "bootstrap/boot_run.h"
#include "bootstrap/keyring.h"
#include "bootstrap/kmods.h"
#include "bootstrap/mount.h"
#include "bootstrap/place.h"
#include "common/err.h"
#include "common/file.h"
#include "common/strbuf.h"

#include <fcntl.h>
#include <libcryptsetup.h>
#include <poll.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define LOCKS_ABOVE "/run"
#define LOCKS LOCKS_ABOVE "/cryptsetup/"

static struct world *world;

static _Noreturn void end(enum world_end how)
{
	world->end = how;
	_exit(0);
}

/* --- reading the kernel and the image --------------------------------------------------------- */

int __real_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len);
int __wrap_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len);

int __wrap_file_read(const char *path, size_t max_bytes, char **ret_data, size_t *ret_len)
{
	static const struct {
		const char *path, *text;
	} texts[] = {
		{ "/proc/cmdline", "panocrypt.boot=" WORLD_BOOT_UUID },
		{ BOOT_CONFIG,
		  "{\"state_uuid\":\"" WORLD_BOOT_UUID "\",\"state_path\":\"/panocrypt\","
		  "\"root_partuuid\":\"" WORLD_ROOT_PARTUUID "\"}" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (strcmp(path, texts[i].path) == 0) {
			*ret_data = strdup(texts[i].text);
			if (ret_len)
				*ret_len = strlen(texts[i].text);
			return 0;
		}
	}
	return __real_file_read(path, max_bytes, ret_data, ret_len);
}

/* --- devices and mounts ----------------------------------------------------------------------- */

int __wrap_block_find(const char *tag, const char *value, char *ret, size_t size);
int __wrap_block_wait(const char *tag, const char *value, unsigned timeout_s, char *ret,
		      size_t size);

int __wrap_block_find(const char *tag UNUSED, const char *value, char *ret, size_t size)
{
	bool is_root = strcmp(value, WORLD_ROOT_PARTUUID) == 0;

	if (!is_root && strcmp(value, WORLD_BOOT_UUID) != 0)
		return -ENODEV;
	snprintf(ret, size, "%s/%s", world->folder, is_root ? MACHINE_DEVICE : "boot");
	return 0;
}

int __wrap_block_wait(const char *tag, const char *value, unsigned timeout_s UNUSED, char *ret,
		      size_t size)
{
	return __wrap_block_find(tag, value, ret, size);
}

int kmods_load(const char *name UNUSED)
{
	return 0;
}

/* The folder is always there: RUN_DIR is relative, and each machine runs in its own. */
int mount_device(const char *device UNUSED, const char *target UNUSED, const char *fstype UNUSED,
		 unsigned long flags UNUSED, const char *data UNUSED)
{
	return 0;
}

int mount_remove(const char *target UNUSED)
{
	return 0;
}

int mount_settle(const char *target)
{
	CLEANUP_CLOSE int fd = open(target, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || syncfs(fd) < 0 ? fail(-errno, "syncing %s: %s", target, strerror(errno))
					: 0;
}

/* libcryptsetup allows one reencryption of a UUID at a time, by a lock file below /run: each
 * machine has its own. */
int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int __real_stat(const char *path, struct stat *ret);
int __wrap_stat(const char *path, struct stat *ret);

int __wrap_open(const char *path, int flags, ...)
{
	va_list args;
	unsigned mode = 0;

	va_start(args, flags);
	if (flags & O_CREAT)
		mode = va_arg(args, unsigned);
	va_end(args);
	return __real_open(world && strcmp(path, LOCKS_ABOVE) == 0 ? world->folder : path, flags,
			   mode);
}

int __wrap_stat(const char *path, struct stat *ret)
{
	char own[512];

	if (!world || strncmp(path, LOCKS, strlen(LOCKS)) != 0)
		return __real_stat(path, ret);
	snprintf(own, sizeof(own), "%s%s", world->folder, path + strlen(LOCKS_ABOVE));
	return __real_stat(own, ret);
}

/* --- keys ------------------------------------------------------------------------------------- */

int boot_network(void)
{
	return 0;
}

int boot_secret(const struct luks_where *where, const char *device_url UNUSED,
		unsigned budget_s UNUSED, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r = secret_copy(&secret, WORLD_CLEVIS_SECRET, strlen(WORLD_CLEVIS_SECRET));

	if (r == 0)
		r = luks_try_passphrase(where, &secret);
	if (r < 0)
		return r == -EPERM ? fail(r, "the Clevis secret opens no slot of %s", where->header)
				   : r;
	return secret_copy(ret, secret.data, secret.len);
}

int keyring_put(const char *luks_uuid UNUSED, const struct secret *volume_key UNUSED,
		unsigned timeout_s UNUSED)
{
	return 0;
}

int world_volume_key(const char *header, struct secret *ret)
{
	CLEANUP_SECRET struct secret secret = SECRET_EMPTY;
	int r = secret_copy(&secret, WORLD_CLEVIS_SECRET, strlen(WORLD_CLEVIS_SECRET));

	return r < 0 ? r : luks_volume_key(&(struct luks_where){ header, NULL }, &secret, ret);
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

/* boot_act.c waits without an end only where it holds the machine. */
int __real_poll(struct pollfd *fds, nfds_t count, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout);

int __wrap_poll(struct pollfd *fds, nfds_t count, int timeout)
{
	if (!fds)
		end(WORLD_HELD);
	return __real_poll(fds, count, timeout);
}

int __real_place_first_chunk(const struct place *place, const struct secret *volume_key);
int __wrap_place_first_chunk(const struct place *place, const struct secret *volume_key);

int __wrap_place_first_chunk(const struct place *place, const struct secret *volume_key)
{
	if (world->is_known && place_has_marker(place->state_dir)) {
		world->device_hash = world_device_hash(world->folder);
		if (world->is_known(world->device_hash))
			end(WORLD_KNOWN);
	}
	return __real_place_first_chunk(place, volume_key);
}

int __real_place_park(const struct place *place, const struct secret *volume_key);
int __wrap_place_park(const struct place *place, const struct secret *volume_key);

int __wrap_place_park(const struct place *place, const struct secret *volume_key)
{
	if (world->is_stopped_before_place)
		end(WORLD_STOPPED);
	return __real_place_park(place, volume_key);
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
	world = w;
}

void world_boot(struct world *w)
{
	static struct boot_run run;
	struct boot_result result = { .exists = true };
	struct boot_decision decision;
	int said;

	world_enter(w);
	said = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (chdir(w->folder) < 0 || (!getenv("CRASH_SAY") && dup2(said, STDERR_FILENO) < 0))
		_exit(1);
	boot_look(&run);
	decision = boot_decide(&run.facts);
	snprintf(w->action, sizeof(w->action), "%s", boot_action_name(decision.action));
	snprintf(w->reason, sizeof(w->reason), "%s", decision.reason);
	boot_act(&run, &decision, &result);
	snprintf(w->reason, sizeof(w->reason), "%s", result.reason);
	end(WORLD_PLAIN);
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
