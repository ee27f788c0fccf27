/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * cert_make FOLDER N CA_STEM [ecdsa]: makes N certificates in FOLDER for a test at size, and a second one for each of the first
 * hundred names (b/). c/000000.pem is the chain for 000000.scale.test and *.000000.scale.test; the issuer is
 * CA_STEM.pem with CA_STEM.key. Keys are shared, since making them is not what is measured: k/0.key to k/127.key
 * are P-256, k/128.key to k/191.key RSA-2048. Every third certificate is RSA, or none with "ecdsa". Prints nothing;
 * FOLDER/made tells that all of it is there.
 */
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define N_EC   128u
#define N_RSA  64u
#define N_BOTH 100u /* names with a second certificate */

static EVP_PKEY *keys[N_EC + N_RSA], *ca_key;
static X509 *ca;
static const char *folder;
static bool ecdsa_only;

static void die(const char *what)
{
	fprintf(stderr, "cert_make: %s\n", what);
	exit(1);
}

static FILE *open_file(const char *path, const char *mode)
{
	FILE *f = fopen(path, mode);

	if (!f) {
		perror(path);
		exit(1);
	}
	return f;
}

static unsigned key_of(unsigned i)
{
	return i % 3 == 0 && !ecdsa_only ? N_EC + i / 3 % N_RSA : i % N_EC;
}

static void make_folder(const char *name)
{
	char path[4096];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	mkdir(path, 0700);
}

static void make_keys(void)
{
	char path[4096];

	make_folder("k");
	for (unsigned i = 0; i < N_EC + N_RSA; i++) {
		FILE *f;
		int fd;

		keys[i] = i < N_EC ? EVP_EC_gen("P-256") : EVP_RSA_gen(2048);
		snprintf(path, sizeof(path), "%s/k/%u.key", folder, i);
		fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
		f = fd < 0 ? NULL : fdopen(fd, "w");
		if (!keys[i] || !f ||
		    !PEM_write_PrivateKey(f, keys[i], NULL, NULL, 0, NULL, NULL) || fclose(f) != 0)
			die("cannot make keys");
	}
}

static void add(X509 *x, int kind, const char *value)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, kind, value);

	X509_add_ext(x, extension, -1);
	X509_EXTENSION_free(extension);
}

static void make_cert(const char *sub, unsigned i, unsigned serial)
{
	X509 *x = X509_new();
	X509_NAME *subject = X509_get_subject_name(x);
	char path[4096], name[64], alt[160];
	FILE *f;

	snprintf(name, sizeof(name), "%06u.scale.test", i);
	snprintf(alt, sizeof(alt), "DNS:%s,DNS:*.%s", name, name);
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
	X509_gmtime_adj(X509_getm_notBefore(x), -3600);
	X509_gmtime_adj(X509_getm_notAfter(x), 90L * 86400);
	X509_NAME_add_entry_by_txt(
	    subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0);
	X509_set_issuer_name(x, X509_get_subject_name(ca));
	X509_set_pubkey(x, keys[key_of(i)]);
	add(x, NID_subject_alt_name, alt);
	if (X509_sign(x, ca_key, EVP_sha256()) <= 0)
		die("cannot sign");
	snprintf(path, sizeof(path), "%s/%s/%06u.pem", folder, sub, i);
	f = open_file(path, "w");
	if (!PEM_write_X509(f, x) || fclose(f) != 0)
		die("cannot write");
	X509_free(x);
}

static void read_ca(const char *stem)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s.pem", stem);
	f = open_file(path, "r");
	ca = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	snprintf(path, sizeof(path), "%s.key", stem);
	f = open_file(path, "r");
	ca_key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!ca || !ca_key)
		die("cannot read the CA");
}

int main(int argc, char **argv)
{
	char path[4096];
	unsigned n = 0;
	FILE *f;

	ecdsa_only = argc == 5 && strcmp(argv[4], "ecdsa") == 0;
	if ((argc != 4 && !ecdsa_only) || (n = (unsigned)strtoul(argv[2], NULL, 10)) < N_BOTH ||
	    n > 999999)
		die("usage: cert_make FOLDER N CA_STEM [ecdsa], N from 100 to 999999");
	folder = argv[1];
	read_ca(argv[3]);
	mkdir(folder, 0700);
	make_keys();
	make_folder("c");
	make_folder("b");
	for (unsigned i = 0; i < n; i++)
		make_cert("c", i, 0x20000000 + i);
	for (unsigned i = 0; i < N_BOTH; i++)
		make_cert("b", i, 0x30000000 + i);
	snprintf(path, sizeof(path), "%s/made", folder);
	f = open_file(path, "w");
	fprintf(f, "%u\n", n);
	return fclose(f) == 0 ? 0 : 1;
}
