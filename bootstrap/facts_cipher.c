/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Which ciphers every kernel here can use at boot, and how fast they are where that matters.
 */
#include "bootstrap/facts_parts.h"

#include "bootstrap/cipher.h"
#include "bootstrap/facts_parse.h"
#include "bootstrap/kmods.h"
#include "bootstrap/luks.h"
#include "common/cleanup.h"
#include "common/err.h"
#include "common/log.h"
#include "common/strbuf.h"

#include <dirent.h>
#include <string.h>

static int is_setting(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static void read_settings(const char *path, struct facts *facts)
{
	CLEANUP_FREE char *text = facts_read(path);

	facts_parse_initramfs_conf(text, facts);
}

/* In mkinitramfs's order: the last one counts. */
static void look_initramfs_modules(struct facts *facts)
{
	static const char *const folders[] = { "/usr/share/initramfs-tools/conf.d",
					       "/etc/initramfs-tools/conf.d" };

	read_settings("/etc/initramfs-tools/initramfs.conf", facts);
	for (size_t i = 0; i < ARRAY_SIZE(folders); i++) {
		struct dirent **entries = NULL;
		int count = scandir(folders[i], &entries, is_setting, alphasort);

		for (int at = 0; at < count; at++) {
			CLEANUP_FREE char *path = NULL;

			if (text_format(&path, "%s/%s", folders[i], entries[at]->d_name) == 0)
				read_settings(path, facts);
			free(entries[at]);
		}
		free(entries);
	}
}

/* With MODULES=dep an image holds only what the running system uses: not what the cipher's parts
 * ask for when it is first used. */
static bool has_everywhere(const struct facts *facts, const struct cipher *cipher)
{
	bool has = strcmp(facts->initramfs_modules, "most") == 0;

	for (size_t i = 0; i < facts->kernel_count && has; i++)
		if (kmods_has(facts->kernels[i], cipher->module, &has) < 0)
			has = false;
	fail_clear();
	return has;
}

static uint64_t rate(const struct cipher *cipher)
{
	uint64_t bytes = 0;

	if (luks_cipher_rate(cipher, &bytes) < 0)
		fail_clear();
	return bytes;
}

void facts_look_ciphers(struct facts *facts)
{
	look_initramfs_modules(facts);
	facts->has_fallback_cipher = has_everywhere(facts, cipher_fallback());
	if (facts->has_aes_instructions || !facts->has_fallback_cipher)
		return;
	log_info("measuring ciphers, because this processor has no AES instructions");
	facts->default_cipher_rate = rate(cipher_default());
	facts->fallback_cipher_rate = rate(cipher_fallback());
}
