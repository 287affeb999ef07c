/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The developer build with libcryptsetup 2.6 or 2.7: every function refuses. Those versions count
 * the shift into device_size, and would cut the payload by it.
 */
#include "bootstrap/luks_reencrypt.h"

#include "common/err.h"

static int refuse(void)
{
	return fail(-EOPNOTSUPP, "this build has an old libcryptsetup and never touches a disk: "
				 "use the static program (make static)");
}

int luks_reencrypt_init(const char *header_file UNUSED, const char *data UNUSED,
			const struct secret *volume_key UNUSED, uint64_t payload_bytes UNUSED)
{
	return refuse();
}

int luks_rotate_init(const char *device UNUSED, const char *mapping UNUSED,
		     const struct secret *volume_key UNUSED, const struct secret *next_key UNUSED)
{
	return refuse();
}

int luks_reencrypt_run(const struct luks_run *run UNUSED)
{
	return refuse();
}

int luks_finish_chunk(const char *device UNUSED, const struct secret *volume_key UNUSED,
		      const struct secret *next_key UNUSED)
{
	return refuse();
}

unsigned luks_library_version(void)
{
	return 0x020600;
}
