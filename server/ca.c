/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Makes and renews certificates with OpenSSL. Keys are EC P-256: cheap handshakes, understood by
 * every client. Hosts carry the CA, so a leaf may change at any time; the CA may not.
 */
#include "server/ca.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/file.h"

#define DAY_S (24L * 60 * 60)
#define CA_DAYS (CA_YEARS * 365L + CA_YEARS / 4)
/* The CA begins a little earlier, for machines whose clock is behind, and each leaf with the CA: at
 * boot a machine may know no later time than when its image was made, and leaves change behind
 * that. */
#define BACKDATE_S DAY_S
#define PEM_MAX_BYTES (64 * KIB)
#define LEAF_NAMES_SIZE ((2 + CONFIG_NAMES_MAX) * (CONFIG_HOST_SIZE + 8))
#define NAME_MAX_CHARS 64 /* of a common name, RFC 5280 */

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(X509_NAME *, X509_NAME_free);
DEFINE_CLEANUP(BIGNUM *, BN_free);
DEFINE_CLEANUP(BIO *, BIO_free_all);
#define CLEANUP_KEY CLEANUP(EVP_PKEY_freep)
#define CLEANUP_X509 CLEANUP(X509_freep)

/* What differs between the CA and a leaf. */
struct profile {
	long days;
	const char *basic_constraints, *key_usage, *extended_key_usage;
};

static const struct profile ca_profile = { CA_DAYS, "critical,CA:TRUE,pathlen:0",
					   "critical,keyCertSign,cRLSign", NULL };
static const struct profile leaf_profile = { LEAF_DAYS, "critical,CA:FALSE",
					     "critical,digitalSignature", "serverAuth" };

static int failed(const char *what)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());
	int r = fail(-EIO, "can't make %s: OpenSSL: %s", what, reason ? reason : "unknown reason");

	ERR_clear_error();
	return r;
}

static int add_extension(X509 *cert, X509 *issuer, int nid, const char *value)
{
	X509V3_CTX context;
	X509_EXTENSION *extension;
	int done;

	X509V3_set_ctx(&context, issuer, cert, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	done = extension && X509_add_ext(cert, extension, -1);
	X509_EXTENSION_free(extension);
	return done ? 0 : failed("a certificate's extension");
}

static int set_serial(X509 *cert)
{
	CLEANUP(BN_freep) BIGNUM *serial = BN_new();

	if (!serial || !BN_rand(serial, 159, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) ||
	    !BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)))
		return failed("a serial number");
	return 0;
}

static int set_subject(X509 *cert, const char *name)
{
	X509_NAME *subject = X509_get_subject_name(cert);

	/* Clients look at the alternative names; a longer name just isn't repeated here. */
	if (strlen(name) <= NAME_MAX_CHARS &&
	    !X509_NAME_add_entry_by_NID(subject, NID_commonName, MBSTRING_UTF8,
					(const unsigned char *)name, -1, -1, 0))
		return failed("a certificate's name");
	return 0;
}

/* All of a certificate but alternative names and signature. issuer NULL: itself. */
static int begin(const struct profile *profile, const char *name, EVP_PKEY *key, X509 *issuer,
		 X509 **ret)
{
	CLEANUP_X509 X509 *cert = X509_new();
	X509 *by = issuer ? issuer : cert;
	int r;

	if (!cert || !X509_set_version(cert, X509_VERSION_3) || !X509_set_pubkey(cert, key) ||
	    !X509_gmtime_adj(X509_getm_notBefore(cert), -BACKDATE_S) ||
	    (issuer && !X509_set1_notBefore(cert, X509_get0_notBefore(issuer))) ||
	    !X509_time_adj_ex(X509_getm_notAfter(cert), (int)profile->days, 0, NULL))
		return failed("a certificate");
	r = set_serial(cert);
	if (r == 0)
		r = set_subject(cert, name);
	if (r < 0)
		return r;
	if (!X509_set_issuer_name(cert, X509_get_subject_name(by)))
		return failed("a certificate");
	r = add_extension(cert, by, NID_basic_constraints, profile->basic_constraints);
	if (r == 0)
		r = add_extension(cert, by, NID_key_usage, profile->key_usage);
	if (r == 0 && profile->extended_key_usage)
		r = add_extension(cert, by, NID_ext_key_usage, profile->extended_key_usage);
	if (r == 0)
		r = add_extension(cert, by, NID_subject_key_identifier, "hash");
	if (r == 0 && issuer)
		r = add_extension(cert, by, NID_authority_key_identifier, "keyid:always");
	if (r == 0)
		*ret = TAKE_PTR(cert);
	return r;
}

static int sign(X509 *cert, EVP_PKEY *key)
{
	return X509_sign(cert, key, EVP_sha256()) ? 0 : failed("a certificate");
}

/* --- files ----------------------------------------------------------------------------------- */

static int write_key(const char *path, EVP_PKEY *key)
{
	CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_secmem());
	char *text;
	long len;

	if (!bio || !PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL))
		return failed("a private key's file");
	len = BIO_get_mem_data(bio, &text);
	return file_replace(path, text, (size_t)len, 0600);
}

static int write_certs(const char *path, X509 *first, X509 *second)
{
	CLEANUP(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long len;

	if (!bio || !PEM_write_bio_X509(bio, first) || (second && !PEM_write_bio_X509(bio, second)))
		return failed("a certificate's file");
	len = BIO_get_mem_data(bio, &text);
	return file_replace(path, text, (size_t)len, 0644);
}

/* -ENOENT: no such file (no sentence). */
static int read_pem(const char *path, BIO **ret)
{
	CLEANUP_FREE char *text = NULL;
	size_t len;
	BIO *bio;
	int r;

	r = file_read(path, PEM_MAX_BYTES, &text, &len);
	if (r < 0)
		return r;
	bio = BIO_new(BIO_s_secmem());
	if (!bio || BIO_write(bio, text, (int)len) != (int)len)
		r = failed("room for a PEM file");
	OPENSSL_cleanse(text, len);
	if (r < 0)
		BIO_free_all(bio);
	else
		*ret = bio;
	return r;
}

static int read_key(const char *path, EVP_PKEY **ret)
{
	CLEANUP(BIO_free_allp) BIO *bio = NULL;
	int r = read_pem(path, &bio);

	if (r < 0)
		return r;
	*ret = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
	ERR_clear_error();
	return *ret ? 0 : fail(-EINVAL, "%s holds no private key: restore a backup of it", path);
}

static int read_cert(const char *path, X509 **ret)
{
	CLEANUP(BIO_free_allp) BIO *bio = NULL;
	int r = read_pem(path, &bio);

	if (r < 0)
		return r;
	*ret = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	ERR_clear_error();
	return *ret ? 0 : fail(-EINVAL, "%s holds no certificate: restore a backup of it", path);
}

/* --- the CA ---------------------------------------------------------------------------------- */

/* The alternative names of both URLs, and further ones, each once. */
static void leaf_names(const struct server_config *config, char ret[static LEAF_NAMES_SIZE])
{
	const struct config_url *first = &config->url, *second = &config->admin_url;
	int used = snprintf(ret, LEAF_NAMES_SIZE, "DNS:%s", first->host);

	if (strcmp(first->host, second->host) != 0)
		used += snprintf(ret + used, LEAF_NAMES_SIZE - (size_t)used, ",%s:%s",
				 second->is_address ? "IP" : "DNS", second->host);
	for (size_t i = 0; i < config->name_count; i++)
		if (strcmp(config->names[i], first->host) != 0 &&
		    strcmp(config->names[i], second->host) != 0)
			used += snprintf(ret + used, LEAF_NAMES_SIZE - (size_t)used, ",DNS:%s",
					 config->names[i]);
}

static int make_leaf(const struct server_config *config, EVP_PKEY *ca_key, X509 *ca)
{
	CLEANUP_KEY EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP_X509 X509 *leaf = NULL;
	char path[CONFIG_PATH_SIZE], names[LEAF_NAMES_SIZE];
	int r;

	if (!key)
		return failed("a key");
	leaf_names(config, names);
	r = begin(&leaf_profile, config->url.host, key, ca, &leaf);
	if (r == 0)
		r = add_extension(leaf, ca, NID_subject_alt_name, names);
	if (r == 0)
		r = sign(leaf, ca_key);
	config_path(config->dir, CONFIG_FILE_LEAF_KEY, path);
	if (r == 0)
		r = write_key(path, key);
	config_path(config->dir, CONFIG_FILE_LEAF, path);
	return r < 0 ? r : write_certs(path, leaf, ca);
}

int ca_create(const struct server_config *config, const char *organization)
{
	CLEANUP_KEY EVP_PKEY *key = EVP_EC_gen("P-256");
	CLEANUP_X509 X509 *ca = NULL;
	char path[CONFIG_PATH_SIZE], name[NAME_MAX_CHARS + 1];
	int r;

	if (!key)
		return failed("a key");
	snprintf(name, sizeof(name), "Panocrypt CA of %.40s", organization);
	config_path(config->dir, CONFIG_FILE_CA, path);
	if (file_exists(path))
		return fail(-EEXIST, "%s exists: hosts may trust it, so it is never replaced",
			    path);
	r = begin(&ca_profile, name, key, NULL, &ca);
	if (r == 0)
		r = sign(ca, key);
	if (r == 0)
		r = write_certs(path, ca, NULL);
	config_path(config->dir, CONFIG_FILE_CA_KEY, path);
	if (r == 0)
		r = write_key(path, key);
	return r < 0 ? r : make_leaf(config, key, ca);
}

/* --- renewal --------------------------------------------------------------------------------- */

static bool has_name(X509 *leaf, const struct config_url *url)
{
	if (url->is_address)
		return X509_check_ip_asc(leaf, url->host, 0) == 1;
	return X509_check_host(leaf, url->host, 0, 0, NULL) == 1;
}

static bool has_further_names(X509 *leaf, const struct server_config *config)
{
	for (size_t i = 0; i < config->name_count; i++)
		if (X509_check_host(leaf, config->names[i], 0, 0, NULL) != 1)
			return false;
	return true;
}

static bool is_past_half_life(X509 *leaf)
{
	time_t half = time(NULL) + LEAF_DAYS * DAY_S / 2;

	return X509_cmp_time(X509_get0_notAfter(leaf), &half) <= 0;
}

/* Is the present leaf good for another while? */
static bool leaf_is_good(const struct server_config *config, X509 *ca)
{
	CLEANUP_KEY EVP_PKEY *key = NULL;
	CLEANUP_X509 X509 *leaf = NULL;
	char path[CONFIG_PATH_SIZE];
	bool is_good;

	config_path(config->dir, CONFIG_FILE_LEAF, path);
	if (read_cert(path, &leaf) < 0)
		return false;
	config_path(config->dir, CONFIG_FILE_LEAF_KEY, path);
	if (read_key(path, &key) < 0)
		return false;
	is_good = X509_check_private_key(leaf, key) == 1 &&
		  X509_verify(leaf, X509_get0_pubkey(ca)) == 1 && has_name(leaf, &config->url) &&
		  has_name(leaf, &config->admin_url) && has_further_names(leaf, config) &&
		  !is_past_half_life(leaf);
	ERR_clear_error();
	return is_good;
}

int ca_renew_leaf(const struct server_config *config, bool *ret_renewed)
{
	CLEANUP_KEY EVP_PKEY *key = NULL;
	CLEANUP_X509 X509 *ca = NULL;
	char path[CONFIG_PATH_SIZE];
	bool is_good;
	int r;

	config_path(config->dir, CONFIG_FILE_CA, path);
	r = read_cert(path, &ca);
	if (r == -ENOENT)
		return fail(r, "%s is missing: restore a backup of it", path);
	if (r < 0)
		return r;
	is_good = leaf_is_good(config, ca);
	fail_clear();
	config_path(config->dir, CONFIG_FILE_CA_KEY, path);
	if (!is_good) {
		r = read_key(path, &key);
		if (r == -ENOENT)
			return fail(r,
				    "the certificate must be renewed and %s is missing: restore "
				    "a backup of it",
				    path);
		if (r == 0)
			r = make_leaf(config, key, ca);
	}
	if (r == 0 && ret_renewed)
		*ret_renewed = !is_good;
	return r;
}
