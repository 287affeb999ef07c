/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * What the boot step looks at, at each boot of a conversion: files in memory, and in place of the
 * gateways devices that know no name but the one of the day.
 */
#pragma once

#include "bootstrap/boot_run.h"

enum boot { BEFORE_CARVE, BEFORE_PLACE, IN_PLACE, BEHIND_PLACE, IN_ENCRYPT, BOOTS };

struct boot_row {
	const char *name;
	enum boot_action action;
	bool is_separate, has_post, has_marker, is_luks, is_encrypted;
};

extern const struct boot_row boots[BOOTS];

struct boot_world {
	enum boot boot;
	const char *disk; /* its name at this boot */
	bool has_boot_partition, is_luks, is_encrypted, is_mounted, is_used_since;
	bool is_torn, is_beyond_repair; /* the state's filesystem */
	bool is_unknown;		/* its superblock is torn: nobody finds its UUID */
	const char *instead;		/* what blkid says is there then */
	bool has_key;			/* of redo logs */
	unsigned unread, looked;	/* so many times the places of one can't be read */
	bool is_late; /* the root partition isn't there when it is waited for first */
};

extern struct boot_world world;

/* The machine as it is at this boot; its disk is called so. */
void world_set_out(enum boot boot, const char *disk);

/* The folder with the state, as the boot step mounts it. */
const char *world_folder(enum boot boot);

/* A file there, or anywhere; or no more. */
void world_put(const char *folder, const char *name, const char *text);
void world_drop(enum boot boot, const char *name);

bool world_is_root(const char *device);
