/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls_handshake_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

const struct kit_cut kit_cuts[KIT_CUTS] = {
	{ 0, 0 },
	{ 1, 0 },
	{ 0, 1 },
	{ 1, 1 },
	{ 7, 100 },
	{ 1448, 1448 },
};

static char dir[] = "/tmp/sallyport-kit-XXXXXX";
static struct cert certs[KIT_N_KEYS];
static uint8_t *root;
static size_t root_len;

/* One root and intermediate for all; keys as PKCS#8 DER. */
static const char script[] =
    "set -e\n"
    "new() { case $2 in rsa*) openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:${2#rsa};;"
    " ed25519) openssl genpkey -algorithm ed25519;;"
    " *) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:$2;; esac >$1.key 2>/dev/null\n"
    "openssl req -new -key $1.key -subj /CN=$3 -out $1.csr; }\n"
    "new root P-256 kit-root\n"
    "printf 'basicConstraints=critical,CA:TRUE\\nkeyUsage=critical,keyCertSign\\n' >ca.ext\n"
    "printf 'subjectAltName=DNS:www.kit.test\\n' >leaf.ext\n"
    "openssl x509 -req -in root.csr -signkey root.key -days 3650 -extfile ca.ext -out root.pem\n"
    "new mid P-256 kit-intermediate\n"
    "openssl x509 -req -in mid.csr -CA root.pem -CAkey root.key -set_serial 2 -days 3650 -extfile ca.ext"
    " -out mid.pem\n"
    "openssl x509 -in root.pem -outform DER -out root.der\n"
    "openssl x509 -in mid.pem -outform DER -out mid.der\n"
    "n=10; for k in rsa2048 rsa3072 rsa4096 P-256 P-384 P-521 ed25519; do n=$((n+1)); new $k $k www.kit.test\n"
    "openssl x509 -req -in $k.csr -CA mid.pem -CAkey mid.key -set_serial $n -days 3650 -extfile leaf.ext"
    " -outform DER -out $k.der\n"
    "openssl pkcs8 -topk8 -nocrypt -in $k.key -outform DER -out $k.p8\n"
    "done\n";

static uint8_t *slurp(const char *name, const char *suffix, size_t *len)
{
	char path[256];
	uint8_t *at;
	long size;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s%s", dir, name, suffix);
	f = fopen(path, "rb");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	size = ftell(f);
	assert_true(size > 0);
	rewind(f);
	at = malloc((size_t)size);
	assert_non_null(at);
	assert_int_equal(fread(at, 1, (size_t)size, f), size);
	fclose(f);
	*len = (size_t)size;
	return at;
}

int kit_setup(void **state)
{
	static const struct {
		const char *file;
		enum cert_key_type type;
		unsigned bits;
	} keys[KIT_N_KEYS] = {
		[KIT_RSA2048] = { "rsa2048", CERT_RSA, 2048 },
		[KIT_RSA3072] = { "rsa3072", CERT_RSA, 3072 },
		[KIT_RSA4096] = { "rsa4096", CERT_RSA, 4096 },
		[KIT_P256] = { "P-256", CERT_P256, 256 },
		[KIT_P384] = { "P-384", CERT_P384, 384 },
		[KIT_P521] = { "P-521", CERT_P521, 521 },
		[KIT_ED25519] = { "ed25519", CERT_ED25519, 256 },
	};
	char command[4096];

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(
	    command, sizeof command, "( cd '%s' || exit; %s ) >'%s/log' 2>&1", dir, script, dir);
	assert_int_equal(system(command), 0);
	root = slurp("root", ".der", &root_len);
	for (unsigned i = 0; i < KIT_N_KEYS; i++) {
		struct cert *c = &certs[i];

		c->version = i + 1;
		c->n_chain = 2;
		c->chain[0].at = slurp(keys[i].file, ".der", &c->chain[0].len);
		c->chain[1].at = slurp("mid", ".der", &c->chain[1].len);
		c->key.at = slurp(keys[i].file, ".p8", &c->key.len);
		c->key_type = keys[i].type;
		c->key_bits = keys[i].bits;
	}
	return tls_global_init();
}

int kit_teardown(void **state)
{
	char command[128];

	(void)state;
	tls_global_fini();
	for (unsigned i = 0; i < KIT_N_KEYS; i++) {
		free(certs[i].chain[0].at);
		free(certs[i].chain[1].at);
		free(certs[i].key.at);
	}
	free(root);
	snprintf(command, sizeof command, "rm -r '%s'", dir);
	return system(command);
}

const struct cert *kit_cert(enum kit_key key)
{
	return &certs[key];
}

struct policy kit_policy(void)
{
	static const uint16_t suites[] = { 0x1301, 0x1302, 0x1303, 0x1304, 0x1305, 0xc02b, 0xc02f,
		0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc023, 0xc027, 0xc009, 0xc013, 0xc024, 0xc028,
		0xc00a, 0xc014, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x000a };
	static const uint16_t groups[] = { 4588, 29, 23, 24, 25 };
	static uint64_t last;
	struct policy p = { .name = "kit", .min_version = 0x0301, .max_version = 0x0304 };

	memcpy(p.suites, suites, sizeof suites);
	p.n_suites = sizeof suites / sizeof suites[0];
	memcpy(p.groups, groups, sizeof groups);
	p.n_groups = sizeof groups / sizeof groups[0];
	p.id = ++last;
	return p;
}

void kit_choose(struct kit_choice *c, const struct cert *cert, const struct policy *policy)
{
	memset(c, 0, sizeof *c);
	c->rules.own.policy = policy;
	c->service.rules = &c->rules;
	c->choice.service = &c->service;
	c->choice.rule = &c->rules.own;
	c->choice.cert = cert;
}

void kit_put(struct kit_pipe *p, const void *from, size_t len)
{
	if (len == 0)
		return;
	if (p->head == p->len)
		p->head = p->len = 0;
	if (p->len + len > p->size) {
		p->size = (p->len + len) * 2;
		p->at = realloc(p->at, p->size);
		assert_non_null(p->at);
	}
	memcpy(p->at + p->len, from, len);
	p->len += len;
}

static int client_read(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct kit_client *c = arg;
	size_t n = kit_left(&c->in) < (size_t)len ? kit_left(&c->in) : (size_t)len;

	(void)ssl;
	if (n == 0)
		return WOLFSSL_CBIO_ERR_WANT_READ;
	memcpy(buf, c->in.at + c->in.head, n);
	c->in.head += n;
	return (int)n;
}

static int client_write(WOLFSSL *ssl, char *buf, int len, void *arg)
{
	struct kit_client *c = arg;

	(void)ssl;
	kit_put(&c->out, buf, (size_t)len);
	return len;
}

static int version_number(uint16_t v)
{
	return v == 0x0301 ? TLS1_VERSION
	    : v == 0x0302  ? TLS1_1_VERSION
	    : v == 0x0303  ? TLS1_2_VERSION
			   : TLS1_3_VERSION;
}

void kit_client_open(struct kit_client *c, const struct kit_client_config *config)
{
	uint16_t min = config->min_version ? config->min_version : 0x0303;
	uint16_t max = config->max_version ? config->max_version : 0x0304;
	int n = 0;

	memset(c, 0, sizeof *c);
	c->ctx = wolfSSL_CTX_new(wolfSSLv23_client_method());
	assert_non_null(c->ctx);
	if (!config->no_trust)
		assert_int_equal(wolfSSL_CTX_load_verify_buffer(
				     c->ctx, root, (long)root_len, WOLFSSL_FILETYPE_ASN1),
		    WOLFSSL_SUCCESS);
	assert_int_equal(
	    wolfSSL_CTX_set_min_proto_version(c->ctx, version_number(min)), WOLFSSL_SUCCESS);
	assert_int_equal(
	    wolfSSL_CTX_set_max_proto_version(c->ctx, version_number(max)), WOLFSSL_SUCCESS);
	if (config->suites != NULL)
		assert_int_equal(
		    wolfSSL_CTX_set_cipher_list(c->ctx, config->suites), WOLFSSL_SUCCESS);
	if (config->device != 0)
		assert_int_equal(wolfSSL_CTX_SetDevId(c->ctx, config->device), WOLFSSL_SUCCESS);
	wolfSSL_CTX_SetIORecv(c->ctx, client_read);
	wolfSSL_CTX_SetIOSend(c->ctx, client_write);
	c->ssl = wolfSSL_new(c->ctx);
	assert_non_null(c->ssl);
	wolfSSL_SetIOReadCtx(c->ssl, c);
	wolfSSL_SetIOWriteCtx(c->ssl, c);
	assert_int_equal(
	    wolfSSL_UseSNI(c->ssl, WOLFSSL_SNI_HOST_NAME, "www.kit.test", 12), WOLFSSL_SUCCESS);
	while (n < 6 && config->groups[n] != 0)
		n++;
	if (n > 0) {
		int groups[6];

		memcpy(groups, config->groups, sizeof groups);
		assert_int_equal(wolfSSL_set_groups(c->ssl, groups, n), WOLFSSL_SUCCESS);
	}
	if (config->share != 0)
		assert_int_equal(
		    wolfSSL_UseKeyShare(c->ssl, (uint16_t)config->share), WOLFSSL_SUCCESS);
	if (config->alpn != NULL) {
		char list[64];

		snprintf(list, sizeof list, "%s", config->alpn);
		assert_int_equal(wolfSSL_UseALPN(c->ssl, list, (unsigned)strlen(list),
				     WOLFSSL_ALPN_CONTINUE_ON_MISMATCH),
		    WOLFSSL_SUCCESS);
	}
}

void kit_client_step(struct kit_client *c)
{
	int ret;

	if (c->done || c->error != 0)
		return;
	ret = wolfSSL_connect(c->ssl);
	if (ret == WOLFSSL_SUCCESS) {
		c->done = true;
		return;
	}
	c->error = wolfSSL_get_error(c->ssl, ret);
	if (c->error == WOLFSSL_ERROR_WANT_READ)
		c->error = 0;
}

void kit_client_close(struct kit_client *c)
{
	wolfSSL_free(c->ssl);
	wolfSSL_CTX_free(c->ctx);
	free(c->in.at);
	free(c->out.at);
}

enum handshake_status
kit_server_step(struct tls_worker *w, struct handshake *h, struct kit_client *c, struct kit_cut cut)
{
	size_t shown = kit_left(&c->out), room = 64 * 1024;
	enum handshake_status status;
	void *ready;
	uint8_t *out;
	struct iovec in_v[2], out_v[2];
	struct record_io io = { .in = in_v, .n_in = 2, .out = out_v, .n_out = 2 };

	if (cut.in != 0 && shown > cut.in)
		shown = cut.in;
	if (cut.out != 0)
		room = cut.out;
	out = malloc(room);
	assert_non_null(out);
	/* Cut in two, so that no step sees only contiguous bytes. */
	in_v[0] = (struct iovec){ c->out.at + c->out.head, shown / 2 };
	in_v[1] = (struct iovec){ c->out.at + c->out.head + shown / 2, shown - shown / 2 };
	out_v[0] = (struct iovec){ out, room / 2 };
	out_v[1] = (struct iovec){ out + room / 2, room - room / 2 };
	status = handshake_step(h, &io);
	assert_true(io.consumed <= shown && io.produced <= room);
	c->out.head += io.consumed;
	kit_put(&c->in, out, io.produced);
	free(out);
	if (status == HANDSHAKE_WANT_KEY) {
		/* Nothing happens before the poll. */
		io.n_in = 0;
		out_v[0].iov_len = out_v[1].iov_len = 0;
		assert_int_equal(handshake_step(h, &io), HANDSHAKE_WANT_KEY);
		for (ready = NULL; ready == NULL; ready = tls_worker_ready(w))
			tls_worker_poll(w);
		assert_ptr_equal(ready, c);
		assert_null(tls_worker_ready(w));
	}
	return status;
}

enum handshake_status
kit_run(struct tls_worker *w, struct handshake *h, struct kit_client *c, struct kit_cut cut)
{
	enum handshake_status status;
	size_t before;

	kit_client_step(c);
	for (;;) {
		before = kit_left(&c->out);
		status = kit_server_step(w, h, c, cut);
		if (status == HANDSHAKE_DONE || status == HANDSHAKE_FAILED)
			break;
		if (status == HANDSHAKE_WANT_READ && kit_left(&c->out) == before) {
			kit_client_step(c);
			if (kit_left(&c->out) == 0)
				break; /* nobody has anything left to say */
		}
	}
	kit_client_step(c);
	return status;
}

static void server_writes(
    struct tls_worker *w, struct record *r, struct kit_client *c, const uint8_t *data, size_t len)
{
	uint8_t *out = malloc(RECORD_MAX), *got = malloc(len);
	size_t at = 0, have = 0;

	while (at < len) {
		struct iovec in_v = { (void *)(uintptr_t)(data + at), len - at },
			     out_v = { out, RECORD_MAX };
		struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

		assert_int_equal(record_seal(r, tls_worker_aead(w), &io), RECORD_OK);
		at += io.consumed;
		kit_put(&c->in, out, io.produced);
	}
	while (have < len) {
		int n = wolfSSL_read(c->ssl, got + have, (int)(len - have));

		assert_true(n > 0);
		have += (size_t)n;
	}
	assert_memory_equal(got, data, len);
	free(out);
	free(got);
}

static void client_writes(
    struct tls_worker *w, struct record *r, struct kit_client *c, const uint8_t *data, size_t len)
{
	uint8_t *got = malloc(len + RECORD_MAX);
	size_t have = 0;

	assert_int_equal(wolfSSL_write(c->ssl, data, (int)len), (int)len);
	while (kit_left(&c->out) > 0) {
		struct iovec in_v = { c->out.at + c->out.head, kit_left(&c->out) },
			     out_v = { got + have, RECORD_MAX };
		struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };

		assert_int_equal(record_open(r, tls_worker_aead(w), &io), RECORD_OK);
		c->out.head += io.consumed;
		have += io.produced;
		assert_true(have <= len);
	}
	assert_int_equal(have, len);
	assert_memory_equal(got, data, len);
	free(got);
}

void kit_exchange(struct tls_worker *w, struct record *r, struct kit_client *c, size_t len)
{
	uint8_t *data = malloc(len);

	for (size_t i = 0; i < len; i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8));
	server_writes(w, r, c, data, len);
	client_writes(w, r, c, data, len);
	free(data);
}
