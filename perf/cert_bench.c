/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cert_bench [N]: makes N certificates (100,000), loads them, builds the table, looks names up, replaces
 * certificates. Seven of ten have P-256 keys, each its own; the others share twenty RSA-2048 keys, since making
 * keys is not what is measured. Each has two names: www.N.example.com's exact one and a wildcard.
 * All are issued by one intermediate. OpenSSL makes them; its time does not count.
 */
#include <malloc.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "config/err.h"
#include "tls/cert.h"
#include "tls/policy.h"
#include "tls/service.h"
#include "tls/sni.h"

#define N_RSA     20
#define N_LOOKUPS 2000000u
#define N_CHANGES 5000u

static EVP_PKEY *rsa_keys[N_RSA], *ca_key;
static X509 *ca;
static struct err e;

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* the machine may be busy otherwise */
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
	fprintf(stderr, "cert_bench: %s\n%s", what, e.text);
	exit(1);
}

/* --- making --- */

static X509 *certificate(EVP_PKEY *key, const char *name, const char *alt, bool is_ca)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	X509_EXTENSION *extension;
	static unsigned serial;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), ++serial + 0x10000000);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 90L * 86400);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, ca ? X509_get_subject_name(ca) : subject);
	X509_set_pubkey(x, key);
	extension = X509V3_EXT_conf_nid(NULL, NULL,
	    is_ca ? NID_basic_constraints : NID_subject_alt_name, is_ca ? "critical,CA:TRUE" : alt);
	X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
	if (X509_sign(x, ca_key, EVP_sha256()) <= 0)
		die("cannot sign");
	return x;
}

struct text {
	char *chain, *key;
	long chain_len, key_len;
	BIO *bios[2];
};

static void make(struct text *t, unsigned i)
{
	EVP_PKEY *key = i % 10 < 3 ? rsa_keys[i % N_RSA] : EVP_EC_gen("P-256");
	char name[64], alt[160];
	X509 *x;

	snprintf(name, sizeof(name), "www%u.example.com", i);
	snprintf(alt, sizeof(alt), "DNS:%s,DNS:*.%s", name, name);
	x = certificate(key, name, alt, false);
	t->bios[0] = BIO_new(BIO_s_mem());
	t->bios[1] = BIO_new(BIO_s_mem());
	PEM_write_bio_X509(t->bios[0], x);
	PEM_write_bio_X509(t->bios[0], ca);
	PEM_write_bio_PrivateKey(t->bios[1], key, NULL, NULL, 0, NULL, NULL);
	t->chain_len = BIO_get_mem_data(t->bios[0], &t->chain);
	t->key_len = BIO_get_mem_data(t->bios[1], &t->key);
	X509_free(x);
	if (i % 10 >= 3)
		EVP_PKEY_free(key);
}

static void text_free(struct text *t)
{
	BIO_free(t->bios[0]);
	BIO_free(t->bios[1]);
}

/* --- measuring --- */

static size_t locked_bytes(void)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[256];
	size_t kb = 0;

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "VmLck: %zu", &kb) == 1)
			break;
	if (f)
		fclose(f);
	return kb * 1024;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void load_all(struct cert **certs, unsigned n)
{
	double spent[2] = { 0 };
	unsigned count[2] = { 0 };
	size_t heap = mallinfo2().uordblks, locked = locked_bytes();

	for (unsigned i = 0; i < n; i++) {
		char name[32];
		const struct cert_source source = {
			.name = name, .chain_path = "c", .key_path = "k"
		};
		struct text t;
		bool is_rsa = i % 10 < 3;
		double start;

		snprintf(name, sizeof(name), "c%u", i);
		make(&t, i);
		start = seconds();
		certs[i] = cert_parse(&source, t.chain, (size_t)t.chain_len, t.key,
		    (size_t)t.key_len, (int64_t)time(NULL), &e);
		spent[is_rsa] += seconds() - start;
		count[is_rsa]++;
		text_free(&t);
		if (!certs[i])
			die("cannot load");
	}
	/* Once: it takes its time with every free block. What OpenSSL keeps besides is little. */
	heap = mallinfo2().uordblks - heap;
	printf("load: P-256 %.1f us, RSA-2048 %.1f us each; %u in %.2f s\n",
	    spent[0] / count[0] * 1e6, spent[1] / (count[1] ? count[1] : 1) * 1e6, n,
	    spent[0] + spent[1]);
	printf("memory: %.0f bytes of heap and %.0f bytes locked (keys) a certificate\n",
	    (double)heap / n, (double)(locked_bytes() - locked) / n);
}

enum asked {
	EXACT,
	WILDCARD,
	MISS
};

static double lookup_ns(const struct sni_table *t, unsigned n, enum asked asked)
{
	static char names[4096][48];
	static size_t lens[4096];
	unsigned random = 1, found = 0;
	double start;

	for (unsigned i = 0; i < 4096; i++) {
		random = random * 1664525 + 1013904223;
		lens[i] = (size_t)snprintf(names[i], sizeof(names[i]),
		    asked == EXACT          ? "www%u.example.com"
			: asked == WILDCARD ? "a.www%u.example.com"
					    : "nobody%u.example.org",
		    (random >> 4) % n);
	}
	start = seconds();
	for (unsigned i = 0; i < N_LOOKUPS; i++) {
		struct sni_match match;

		sni_find(t, names[i & 4095], lens[i & 4095], &match);
		found += match.how != SNI_DEFAULT;
	}
	if ((found == N_LOOKUPS) != (asked != MISS))
		die("the table is wrong");
	return (seconds() - start) / N_LOOKUPS * 1e9;
}

static void look_up(struct cert **certs, unsigned n)
{
	struct sni_table *t;
	size_t before = mallinfo2().uordblks;
	double start = seconds(), built;

	t = sni_new(certs, n, certs, 1, &e);
	built = seconds() - start;
	printf(
	    "table of %6u certificates: %.2f ms to build, %.0f bytes each; lookup %.0f ns exact, "
	    "%.0f ns wildcard, %.0f ns miss (4096 names in turn)\n",
	    n, built * 1e3, (double)(mallinfo2().uordblks - before) / n, lookup_ns(t, n, EXACT),
	    lookup_ns(t, n, WILDCARD), lookup_ns(t, n, MISS));
	sni_free(t);
}

/* Renewals: the same names, another certificate; the service before is freed each time, as in the daemon. */
static void replace(struct cert **certs, unsigned n)
{
	const struct tls_service_config config = { .listener = "https",
		.defaults = certs,
		.n_defaults = 1,
		.certificates = certs,
		.n_certificates = n };
	struct tls_service *s = tls_service_new(&config, &e), *next;
	double *took = calloc(N_CHANGES, sizeof(*took));
	size_t before = 0;

	for (unsigned i = 0; i < N_CHANGES; i++) {
		unsigned which = 1 + i * 7919u % (n - 1);
		struct cert copy = *certs[which], *old = certs[which], *new = malloc(sizeof(*new));
		const struct sni_change change = {
			.removed = &old, .n_removed = 1, .added = &new, .n_added = 1
		};
		double start;

		*new = copy; /* an alias in all but its address: only the table is of interest */
		new->references = 1000;
		new->version += 1000000000;
		if (i == 1000)
			before = mallinfo2().uordblks;
		start = seconds();
		next = tls_service_replace(s, &change, &e);
		tls_service_free(s);
		took[i] = seconds() - start;
		if (!next)
			die("cannot replace");
		s = next;
		certs[which] = new;
	}
	qsort(took, N_CHANGES, sizeof(*took), compare_doubles);
	printf(
	    "replace one of %u (new service and the old one freed): p50 %.1f us, p99 %.1f us; heap "
	    "grew by %.0f bytes a change\n",
	    n, took[N_CHANGES / 2] * 1e6, took[N_CHANGES * 99 / 100] * 1e6,
	    ((double)mallinfo2().uordblks - (double)before) / (N_CHANGES - 1000) -
		(double)sizeof(struct cert) - 8);
	tls_service_free(s);
	free(took);
}

int main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 100000;
	struct cert **certs = calloc(n + 1, sizeof(*certs));

	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!certs || n < 1000)
		die("at least 1000 certificates, please");
	ca_key = EVP_EC_gen("P-256");
	ca = certificate(ca_key, "bench intermediate", NULL, true);
	for (unsigned i = 0; i < N_RSA; i++)
		rsa_keys[i] = EVP_RSA_gen(2048);
	load_all(certs, n);
	look_up(certs, 1);
	look_up(certs, 1000);
	look_up(certs, n);
	replace(certs, n);
	return 0;
}
