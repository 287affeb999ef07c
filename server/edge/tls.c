/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * See tls.h. The only file of the edge that calls OpenSSL's TLS.
 */
#include "server/edge/tls.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "common/cleanup.h"
#include "common/err.h"
#include "common/secret.h"

DEFINE_CLEANUP(SSL_CTX *, SSL_CTX_free);
DEFINE_CLEANUP(SSL *, SSL_free);
DEFINE_CLEANUP(X509 *, X509_free);
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free);
DEFINE_CLEANUP(BIO *, BIO_free);

#define LEAF_MAX_BYTES (64 * KIB)

/* Forward secrecy and AEAD only; TLS 1.3's own suites need no list. */
static const char tls12_ciphers[] = "ECDHE+AESGCM:ECDHE+CHACHA20";
static const char tls_groups[] = "X25519:P-256";

/* The library's last reason, for the sentence. */
static const char *tls_reason(void)
{
	const char *reason = ERR_reason_error_string(ERR_peek_last_error());

	return reason ? reason : "no reason given";
}

static bool set_rules(SSL_CTX *context)
{
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION |
					     SSL_OP_NO_COMPRESSION | SSL_OP_IGNORE_UNEXPECTED_EOF);
	SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	return SSL_CTX_set_num_tickets(context, 0) == 1 &&
	       SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1 &&
	       SSL_CTX_set_cipher_list(context, tls12_ciphers) == 1 &&
	       SSL_CTX_set1_groups_list(context, tls_groups) == 1;
}

int tls_load(const char *chain_path, const char *key_path, struct ssl_ctx_st **ret)
{
	CLEANUP(SSL_CTX_freep) SSL_CTX *context = SSL_CTX_new(TLS_server_method());

	if (!context || !set_rules(context))
		return fail(-ENOMEM, "can't set up TLS: %s", tls_reason());
	if (SSL_CTX_use_certificate_chain_file(context, chain_path) != 1)
		return fail(-EINVAL, "can't use the certificate %s: %s", chain_path, tls_reason());
	if (SSL_CTX_use_PrivateKey_file(context, key_path, SSL_FILETYPE_PEM) != 1)
		return fail(-EINVAL, "can't use the TLS key %s: %s", key_path, tls_reason());
	if (SSL_CTX_check_private_key(context) != 1)
		return fail(-EINVAL, "%s isn't the key of %s", key_path, chain_path);
	*ret = TAKE_PTR(context);
	return 0;
}

/* The leaf, and the certificates behind it up to the key. */
static bool use_chain(SSL_CTX *context, BIO *bio)
{
	CLEANUP(X509_freep) X509 *leaf = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	X509 *issuer;

	if (!leaf || SSL_CTX_use_certificate(context, leaf) != 1)
		return false;
	while ((issuer = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		if (SSL_CTX_add0_chain_cert(context, issuer) != 1) {
			X509_free(issuer);
			return false;
		}
	}
	ERR_clear_error(); /* of the end */
	return true;
}

static bool use_key(SSL_CTX *context, BIO *bio)
{
	CLEANUP(EVP_PKEY_freep) EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	return key && SSL_CTX_use_PrivateKey(context, key) == 1 &&
	       SSL_CTX_check_private_key(context) == 1;
}

int tls_load_file(int fd, struct ssl_ctx_st **ret)
{
	CLEANUP_CLOSE int owned = fd;
	CLEANUP_SECRET struct secret text = SECRET_EMPTY;
	CLEANUP(SSL_CTX_freep) SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	CLEANUP(BIO_freep) BIO *certs = NULL;
	CLEANUP(BIO_freep) BIO *key = NULL;
	int r = secret_read_fd(&text, owned, LEAF_MAX_BYTES);

	if (r < 0)
		return fail_at(r, "the new certificate");
	certs = BIO_new_mem_buf(text.data, (int)text.len);
	key = BIO_new_mem_buf(text.data, (int)text.len);
	if (!context || !certs || !key || !set_rules(context))
		return fail(-ENOMEM, "can't set up TLS: %s", tls_reason());
	if (!use_chain(context, certs) || !use_key(context, key))
		return fail(-EINVAL, "the new certificate or its key can't be used: %s",
			    tls_reason());
	*ret = TAKE_PTR(context);
	return 0;
}

void tls_unload(struct ssl_ctx_st *context)
{
	SSL_CTX_free(context);
}

int tls_accept(struct ssl_ctx_st *context, struct event_base *base, int fd,
	       struct bufferevent **ret)
{
	CLEANUP_CLOSE int owned = fd;
	CLEANUP(SSL_freep) SSL *tls = SSL_new(context);
	struct bufferevent *buffer;
	int on = 1;

	if (!tls)
		return fail(-ENOMEM, "can't start TLS: %s", tls_reason());
	if (evutil_make_socket_nonblocking(owned))
		return fail(-errno, "can't use the socket: %m");
	/* Without it an answer waits 40 ms for the client's delayed ACK. */
	(void)setsockopt(owned, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	buffer = bufferevent_openssl_socket_new(base, owned, tls, BUFFEREVENT_SSL_ACCEPTING,
						BEV_OPT_CLOSE_ON_FREE);
	if (!buffer)
		return fail(-ENOMEM, "can't start TLS");
	(void)TAKE_PTR(tls);
	(void)TAKE_FD(owned);
	*ret = buffer;
	return 0;
}

void tls_finish(struct bufferevent *buffer)
{
	SSL *tls = bufferevent_openssl_get_ssl(buffer);

	if (tls && SSL_is_init_finished(tls))
		(void)SSL_shutdown(tls);
	ERR_clear_error();
}
