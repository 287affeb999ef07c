/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * The gateways of the boot step as a machine in a folder has them (world.c), and a boot of it. All
 * that decides, writes to the disk or to the state folder is the product's own code; replaced are
 * only finding devices, mounting, the network, the keyring, and the distribution's `cryptsetup
 * open`.
 */
#pragma once

#include "bootstrap/intent.h"
#include "common/secret.h"
#include "tests/fault/machine.h"

#define WORLD_FS_UUID "11111111-2222-4333-8444-555555555555"
#define WORLD_LUKS_UUID "5a1e7c0d-0000-4000-8000-00000000c0de"
#define WORLD_BOOT_UUID "66666666-7777-4888-8999-aaaaaaaaaaaa"
#define WORLD_ROOT_PARTUUID "bbbbbbbb-cccc-4ddd-8eee-ffffffffffff"
#define WORLD_BOOT_PARTUUID "dddddddd-0000-4000-8000-000000000000"
#define WORLD_TABLE_COPY "table.json" /* in the machine's folder: what the image has */
#define WORLD_CLEVIS_SECRET                                                                        \
	"opens the cheap slot, so that thousands of boots don't pay for argon2id"

enum world_end {
	WORLD_DIED,    /* killed by a signal, or exited by itself */
	WORLD_PLAIN,   /* booted on without opening anything */
	WORLD_OPENED,  /* came to the distribution's `cryptsetup open` */
	WORLD_KNOWN,   /* before the first chunk in a state that is known to end well */
	WORLD_STOPPED, /* where this scenario ends: the filesystem is shrunk, place would begin */
	WORLD_HELD,    /* the boot step stopped the machine */
};

struct world {
	char folder[256];    /* of the machine; absolute */
	bool is_first_stage; /* the root partition holds /boot: the boot step carves */
	bool is_stopped_before_place;
	bool is_first_try_refused; /* `shrink` has to do without moving a block */
	bool is_mount_refused;	   /* by the kernel, the next time */
	unsigned views;		   /* that were opened since */
	enum world_end end;
	char action[24], reason[512];
	/* asked before the first chunk, with what is on the disk then; NULL: never known */
	bool (*is_known)(uint64_t device_hash);
	uint64_t device_hash; /* what it was asked with; 0: it wasn't */
};

/* From here on this process works on this machine. */
void world_enter(struct world *world);

/* One boot in this process: never returns; the end is in *world, which is shared with the parent.
 */
_Noreturn void world_boot(struct world *world);

/* In a child; returns the end. */
enum world_end world_run(struct world *world);

/* In this process: mounts the root partition as the boot step does what the kernel refuses. */
int world_mount(struct world *world);

int world_volume_key(const char *header, struct secret *ret);

/* While the volume gets another key, the old one and that; else *ret_next stays empty. */
int world_keys(const char *device, struct secret *ret_used, struct secret *ret_next);

/* As the boot step does before anything activates the volume. */
int world_finish_chunk(const char *device);
uint64_t world_device_hash(const char *folder);

/* Uses what libraries set up when they are first used: forked boots needn't do it again. */
void world_warm_up(const char *header);
