/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * config.json in the server's folder: the few things that can't be in the store. Written once by
 * "panocryptd init", edited by people, read at start. Parsing is a pure function (and fuzzed).
 * All other files have fixed names in the same folder; config_path() knows them.
 */
#pragma once

#include "server/config_address.h"

#define CONFIG_MAX_BYTES (16 * KIB)
#define CONFIG_NAMES_MAX 8
#define CONFIG_DIR_SIZE 1024
#define CONFIG_PATH_SIZE (CONFIG_DIR_SIZE + 64)
#define CONFIG_NODE_SIZE 33
#define CONFIG_WRITER_SIZE 48

struct server_config {
	char dir[CONFIG_DIR_SIZE];    /* as given, no slash at the end */
	char assets[CONFIG_DIR_SIZE]; /* install.sh and bootstrap-<arch>; DIR/assets by default */
	struct config_url url;	      /* what hosts are told; never an address */
	struct config_url admin_url;
	/* further DNS names in the certificate, for what is to call another name later */
	char names[CONFIG_NAMES_MAX][CONFIG_HOST_SIZE];
	size_t name_count;
	struct config_listen listen;
	struct config_listen admin_listen;
	unsigned fronts; /* 1 .. 64, by default 1 */
	/* where the store is: an absolute path (DIR/panocrypt.db by default), or a URL of a
	 * PostgreSQL database, which never holds a password */
	char store[CONFIG_PATH_SIZE];
	char node[CONFIG_NODE_SIZE];   /* this server among those on one database; "" with SQLite */
	char kek[CONFIG_DIR_SIZE];     /* where the KEK is: server/core/kek.h; "": "file" */
	char witness[CONFIG_DIR_SIZE]; /* "": DIR/witness */
	char user[64]; /* whom the children run as when root started them; "" stays */
};

enum config_file {
	CONFIG_FILE_CONFIG,	  /* config.json */
	CONFIG_FILE_STORE,	  /* panocrypt.db, unless the configuration says otherwise */
	CONFIG_FILE_KEK,	  /* kek: core only */
	CONFIG_FILE_KEK_NEXT,	  /* kek.next: while keys are rewrapped */
	CONFIG_FILE_KEK_COPY,	  /* kek-copy.jwe: the KEK, for who can open it */
	CONFIG_FILE_CA_KEY,	  /* ca.key (PEM), main only */
	CONFIG_FILE_CA,		  /* ca.pem: what hosts trust, public */
	CONFIG_FILE_LEAF_KEY,	  /* leaf.key (PEM): front and admin */
	CONFIG_FILE_LEAF,	  /* leaf.pem: leaf, then CA */
	CONFIG_FILE_AUDIT_KEY,	  /* audit.jwk: signs checkpoints, core only */
	CONFIG_FILE_AUDIT_PUBLIC, /* audit.pub.jwk: checks them, public */
	CONFIG_FILE_WITNESS,	  /* witness: checkpoints, unless config.json names another place */
	CONFIG_FILE_ADMIN_TOKEN,  /* admin-token: written by init, never read by the server */
	CONFIG_FILE_COUNT,
};

/* The path of a file in the folder. */
void config_path(const char *dir, enum config_file file, char ret[static CONFIG_PATH_SIZE]);

/* The path of the file that gets the audit's checkpoints. */
void config_witness(const struct server_config *config, char ret[static CONFIG_PATH_SIZE]);

/* Reads and checks DIR/config.json. -ENOENT with a sentence that names "panocryptd init" when the
 * folder isn't initialised; -EINVAL with a sentence that names the member when it is damaged. */
int config_load(const char *dir, struct server_config *ret) MUST_CHECK;

/* The pure half of config_load(). */
int config_parse(const char *text, size_t len, const char *dir,
		 struct server_config *ret) MUST_CHECK;

/* The file's text; the caller frees it. */
int config_print(const struct server_config *config, char **ret) MUST_CHECK;

/* The name of a process's audit lanes: "core", or "core@NODE". */
void config_writer(const struct server_config *config, const char *process,
		   char ret[static CONFIG_WRITER_SIZE]);

/* Where the store is, and the node's name: an absolute path or a URL; letters, digits and dashes.
 * Both may be NULL: the default. -EINVAL with a sentence. */
int config_set_store(struct server_config *config, const char *store, const char *node) MUST_CHECK;

/* Adds one to names. -EINVAL with a sentence. */
int config_add_name(struct server_config *config, const char *name) MUST_CHECK;
