/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * libkmod: looks modules up by name or alias, built-in ones included, and inserts them with what
 * they need.
 */
#include "bootstrap/kmods.h"

#include "common/cleanup.h"
#include "common/err.h"
#include "common/strbuf.h"

#include <libkmod.h>
#include <string.h>

DEFINE_CLEANUP(struct kmod_ctx *, kmod_unref);
DEFINE_CLEANUP(struct kmod_list *, kmod_module_unref_list);
#define CLEANUP_KMOD CLEANUP(kmod_unrefp)
#define CLEANUP_LIST CLEANUP(kmod_module_unref_listp)

static int open_kmod(const char *kernel, struct kmod_ctx **ret)
{
	CLEANUP_FREE char *folder = NULL;
	struct kmod_ctx *kmod;
	int r = 0;

	if (kernel)
		r = text_format(&folder, "/lib/modules/%s", kernel);
	if (r < 0)
		return r;
	kmod = kmod_new(folder, NULL);
	if (!kmod)
		return fail(-ENOMEM, "libkmod can't be started");
	*ret = kmod;
	return 0;
}

int kmods_has(const char *kernel, const char *module, bool *ret)
{
	CLEANUP_KMOD struct kmod_ctx *kmod = NULL;
	CLEANUP_LIST struct kmod_list *list = NULL;
	int r;

	r = open_kmod(kernel, &kmod);
	if (r < 0)
		return r;
	r = kmod_module_new_from_lookup(kmod, module, &list);
	*ret = r == 0 && list != NULL;
	return 0;
}

int kmods_load(const char *module)
{
	CLEANUP_KMOD struct kmod_ctx *kmod = NULL;
	CLEANUP_LIST struct kmod_list *list = NULL;
	struct kmod_list *item;
	int r;

	r = open_kmod(NULL, &kmod);
	if (r < 0)
		return r;
	r = kmod_module_new_from_lookup(kmod, module, &list);
	if (r < 0 || !list)
		return fail(-ENOENT, "the running kernel has no module %s", module);
	kmod_list_foreach(item, list)
	{
		struct kmod_module *one = kmod_module_get_module(item);

		r = kmod_module_probe_insert_module(one, 0, NULL, NULL, NULL, NULL);
		kmod_module_unref(one);
		if (r < 0)
			return fail(r, "loading module %s: %s", module, strerror(-r));
	}
	return 0;
}
