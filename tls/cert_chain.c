/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/cert_chain.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/asn.h>
#include <wolfssl/wolfcrypt/error-crypt.h>
#include <wolfssl/wolfcrypt/sha256.h>

#include "tls/cert_blob.h"
#include "tls/cert_names.h"
#include "tls/pem.h"
#include "tls/x509.h"

/* One certificate of the file, and what is needed of it to find its place. */
struct link {
	uint8_t *der;
	size_t len;
	char subject[WC_ASN_NAME_MAX], issuer[WC_ASN_NAME_MAX];
	uint8_t subject_hash[KEYID_SIZE], issuer_hash[KEYID_SIZE];
	uint8_t subject_key[KEYID_SIZE], issuer_key[KEYID_SIZE];
	bool has_subject_key, has_issuer_key;
	bool is_leaf; /* the private key belongs to it */
	bool is_used;
	bool has_issuer_url; /* of the leaf */
	int64_t not_before, not_after;
};

struct links {
	struct link at[CERT_MAX_CHAIN];
	unsigned n;
	const struct link *leaf;
	const char *first_unfit; /* why the first one cannot be served, NULL if it can */
};

/* --- facts of one certificate --- */

/* A certificate's date in seconds since the epoch, or -1. */
static int64_t read_date(const uint8_t *field, int len)
{
	const byte *text;
	struct tm tm = { 0 };
	byte format;
	int text_len;

	if (!field || wc_GetDateInfo(field, len, &text, &format, &text_len) != 0 ||
	    wc_GetDateAsCalendarTime(text, text_len, format, &tm) != 0)
		return -1;
	return timegm(&tm);
}

static const char *date_text(int64_t seconds, char out[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%d %H:%M:%S UTC", &tm) == 0)
		return "an unknown date";
	return out;
}

/* Bits of the hash in a certificate's own signature, 0 for one that no client accepts. */
static uint16_t signature_hash_bits(word32 oid)
{
	switch (oid) {
	case CTC_MD2wRSA:
	case CTC_MD5wRSA:
		return 0;
	case CTC_SHAwRSA:
	case CTC_SHAwECDSA:
	case CTC_SHAwDSA:
		return 160;
	case CTC_SHA224wRSA:
	case CTC_SHA224wECDSA:
		return 224;
	case CTC_SHA384wRSA:
	case CTC_SHA384wECDSA:
	case CTC_SHA3_384wRSA:
	case CTC_SHA3_384wECDSA:
		return 384;
	case CTC_SHA512wRSA:
	case CTC_SHA512wECDSA:
	case CTC_SHA3_512wRSA:
	case CTC_SHA3_512wECDSA:
	case CTC_ED25519: /* RFC 8032: SHA-512 */
		return 512;
	}
	return 256; /* RSASSA-PSS too: its hash is a parameter, in practice SHA-256 */
}

static void serial_text(char *out, size_t room, const uint8_t *serial, int len)
{
	size_t at = 0;

	while (len > 1 && *serial == 0) {
		serial++;
		len--;
	}
	for (int i = 0; i < len && at + 3 <= room; i++, at += 2) {
		static const char digits[] = "0123456789ABCDEF";

		out[at] = digits[serial[i] >> 4];
		out[at + 1] = digits[serial[i] & 15];
	}
	out[at] = '\0';
}

/* --- reading --- */

/* Whether der is one SEQUENCE of exactly len bytes: ParseCert does not look behind its end. */
static bool is_one_sequence(const uint8_t *der, size_t len)
{
	size_t n_bytes, body = 0;

	if (len < 2 || der[0] != 0x30)
		return false;
	if (der[1] < 0x80)
		return len == 2 + (size_t)der[1];
	n_bytes = der[1] & 0x7f;
	if (n_bytes == 0 || n_bytes > 3 || len < 2 + n_bytes)
		return false;
	for (size_t i = 0; i < n_bytes; i++)
		body = body << 8 | der[2 + i];
	return len == 2 + n_bytes + body;
}

static int read_leaf(struct cert *c, const struct cert_job *job, const struct link *l,
    const DecodedCert *x, const struct cert_public *public)
{
	const char *file = job->source->chain_path;
	int status = 0;

	c->key_type = public->type;
	c->key_bits = public->bits;
	c->not_before = l->not_before;
	c->not_after = l->not_after;
	c->signature_hash_bits = signature_hash_bits(x->signatureOID);
	serial_text(c->serial, sizeof(c->serial), x->serial, x->serialSz);
	if (wc_Sha256Hash(l->der, (word32)l->len, c->fingerprint) != 0)
		status = cert_complain(job, "no memory");
	if (c->signature_hash_bits == 0)
		status = cert_complain(
		    job, "%s is signed with MD5 or MD2, which no client accepts", file);
	if (c->signature_hash_bits == 160)
		c->warnings |= CERT_WEAK_SIGNATURE;
	c->not_for_servers =
	    x->extExtKeyUsageSet && !(x->extExtKeyUsage & (EXTKEYUSE_SERVER_AUTH | EXTKEYUSE_ANY));
	c->not_for_clients =
	    x->extExtKeyUsageSet && !(x->extExtKeyUsage & (EXTKEYUSE_CLIENT_AUTH | EXTKEYUSE_ANY));
	if (c->not_for_servers && c->not_for_clients)
		status = cert_complain(job,
		    "%s is meant neither for servers nor for clients: its extended key usage lacks serverAuth and clientAuth",
		    file);
	return cert_names_read(c, job, x) < 0 ? -1 : status;
}

static void link_fill(struct link *l, const DecodedCert *x)
{
	memcpy(l->subject, x->subject, sizeof(l->subject));
	memcpy(l->issuer, x->issuer, sizeof(l->issuer));
	memcpy(l->subject_hash, x->subjectHash, KEYID_SIZE);
	memcpy(l->issuer_hash, x->issuerHash, KEYID_SIZE);
	memcpy(l->subject_key, x->extSubjKeyId, KEYID_SIZE);
	memcpy(l->issuer_key, x->extAuthKeyId, KEYID_SIZE);
	l->has_subject_key = x->extSubjKeyIdSet;
	l->has_issuer_key = x->extAuthKeyIdSet;
	l->not_before = read_date(x->beforeDate, x->beforeDateLen);
	l->not_after = read_date(x->afterDate, x->afterDateLen);
}

static bool has_issuer_url(const struct link *l)
{
	struct x509 x;

	return x509_read(&x, l->der, l->len) == NULL && x.has_issuer_url;
}

/* Parses l->der, and takes the facts when it is the first the key belongs to. */
static int link_read(struct cert *c, const struct cert_job *job, struct links *links,
    struct link *l, const struct cert_public *key)
{
	const char *file = job->source->chain_path, *why;
	unsigned number = links->n + 1;
	struct cert_public *public = malloc(sizeof(*public));
	DecodedCert *x = malloc(sizeof(*x));
	int status = 0;

	if (!x || !public) {
		free(public);
		free(x);
		return cert_complain(job, "no memory");
	}
	wc_InitDecodedCert(x, l->der, (word32)l->len, NULL);
	status = is_one_sequence(l->der, l->len) ? wc_ParseCert(x, CERT_TYPE, NO_VERIFY, NULL)
						 : ASN_PARSE_E;
	if (status != 0) {
		status = cert_complain(job, "certificate %u in %s cannot be read: %s", number, file,
		    wc_GetErrorString(status));
		goto out;
	}
	link_fill(l, x);
	why = cert_public_of_cert(public, x);
	if (l->not_before < 0 || l->not_after < 0)
		status = cert_complain(
		    job, "certificate %u in %s: its dates cannot be read", number, file);
	/* Keys of another kind may well be among the issuers. */
	l->is_leaf = !why && key && key->type == public->type && key->len == public->len &&
	    memcmp(key->at, public->at, key->len) == 0;
	if (l->is_leaf && !links->leaf) {
		l->has_issuer_url = has_issuer_url(l);
		links->leaf = l;
		if (read_leaf(c, job, l, x, public) < 0)
			status = -1;
	}
	if (number == 1)
		links->first_unfit = why;
out:
	wc_FreeDecodedCert(x);
	free(x);
	free(public);
	return status;
}

static bool links_have(const struct links *links, const struct link *l)
{
	for (unsigned i = 0; i < links->n; i++)
		if (links->at[i].len == l->len && memcmp(links->at[i].der, l->der, l->len) == 0)
			return true;
	return false;
}

/* Takes one PEM block into links. A certificate that is there already is left out. */
static int links_add(struct cert *c, const struct cert_job *job, struct links *links,
    const struct pem_block *block, const struct cert_public *key)
{
	const char *file = job->source->chain_path;
	struct link *l = &links->at[links->n];
	uint8_t *exact;
	int len;

	if (links->n == CERT_MAX_CHAIN)
		return cert_complain(job, "%s has more than %u certificates", file, CERT_MAX_CHAIN);
	*l = (struct link){ .der = malloc(block->body_len + 1) };
	if (!l->der)
		return cert_complain(job, "no memory");
	len = pem_decode(block, l->der, block->body_len);
	if (len <= 0) {
		free(l->der);
		return cert_complain(job, "certificate %u in %s is no base64: the file is damaged",
		    links->n + 1, file);
	}
	l->len = (size_t)len;
	exact = realloc(l->der, l->len);
	if (exact)
		l->der = exact;
	if (links_have(links, l)) {
		free(l->der);
		return 0;
	}
	/* A leaf that fails stays noted: the facts are taken once. */
	if (link_read(c, job, links, l, key) < 0) {
		free(l->der);
		return -1;
	}
	links->n++;
	return 0;
}

static int links_read(struct cert *c, const struct cert_job *job, struct links *links,
    const char *pem, size_t len, const struct cert_public *key)
{
	const char *file = job->source->chain_path, *end = pem + len;
	struct pem_block block;
	int found, status = 0;

	while ((found = pem_next(&pem, end, &block)) > 0) {
		/* Others may be there: a private key in the same file, parameters. */
		if (!pem_is(&block, "CERTIFICATE") && !pem_is(&block, "X509 CERTIFICATE"))
			continue;
		if (links_add(c, job, links, &block, key) < 0)
			status = -1;
		if (status < 0 && links->n == CERT_MAX_CHAIN)
			break;
	}
	if (found < 0)
		status =
		    cert_complain(job, "%s is damaged: a BEGIN line without its END line", file);
	if (status == 0 && links->n == 0)
		status = cert_complain(job,
		    "%s has no certificate; expected is PEM text with -----BEGIN CERTIFICATE-----",
		    file);
	return status;
}

/* --- order --- */

static bool is_issuer_of(const struct link *issuer, const struct link *l)
{
	if (memcmp(issuer->subject_hash, l->issuer_hash, KEYID_SIZE) != 0)
		return false;
	/* Names live on when a CA changes its key: the key identifiers tell. */
	return !issuer->has_subject_key || !l->has_issuer_key ||
	    memcmp(issuer->subject_key, l->issuer_key, KEYID_SIZE) == 0;
}

/* A CA that changes its key issues to its own name, too (RFC 5280 3.2): is_issuer_of tells. */
static bool is_self_signed(const struct link *l)
{
	return is_issuer_of(l, l);
}

static struct link *find_issuer(struct links *links, const struct link *of)
{
	for (unsigned i = 0; i < links->n; i++)
		if (!links->at[i].is_used && is_issuer_of(&links->at[i], of))
			return &links->at[i];
	return NULL;
}

/* The leaf's dates decide, a CA certificate's are a warning: clients may know another way to a root. */
static int
check_dates(struct cert *c, const struct cert_job *job, const struct link *l, bool is_leaf)
{
	const char *file = job->source->chain_path;
	char date[32];

	if (job->now == CERT_ANY_TIME || (job->now >= l->not_before && job->now <= l->not_after))
		return 0;
	if (!is_leaf || job->source->force) {
		c->warnings |= !is_leaf        ? CERT_ISSUER_EXPIRED
		    : job->now < l->not_before ? CERT_NOT_YET_VALID
					       : CERT_EXPIRED;
		return 0;
	}
	if (job->now < l->not_before)
		return cert_complain(job, "%s: %s is not valid before %s; is the clock right?",
		    file, l->subject, date_text(l->not_before, date));
	return cert_complain(
	    job, "%s: %s expired on %s; renew it", file, l->subject, date_text(l->not_after, date));
}

/* Moves one certificate's DER into c, behind those that are there. */
static int chain_add(struct cert *c, const struct cert_job *job, struct link *l)
{
	struct cert_blob *to = &c->chain[c->n_chain];

	l->is_used = true;
	if (c->n_chain == 0) {
		*to = (struct cert_blob){ .at = l->der, .len = l->len };
		l->der = NULL;
	} else {
		blob_share(to, l->der, l->len);
	}
	if (!to->at)
		return cert_complain(job, "no memory");
	c->n_chain++;
	return 0;
}

static int note_chain_end(struct cert *c, const struct cert_job *job, const struct link *last)
{
	/* A root's own leaf needs nothing between; who has to be fetched is no root. */
	if (c->n_chain > 1 || is_self_signed(last) || !last->has_issuer_url)
		return 0;
	c->warnings |= CERT_CHAIN_INCOMPLETE;
	c->issuer = strdup(last->issuer);
	return c->issuer ? 0 : cert_complain(job, "no memory");
}

/* Brings the links' DER into c, leaf first, each followed by its issuer. */
static int links_order(struct cert *c, const struct cert_job *job, struct links *links)
{
	const struct link *last = NULL;
	int status = 0;

	for (struct link *l = &links->at[links->leaf - links->at]; l;) {
		bool is_leaf = c->n_chain == 0, is_root = !is_leaf && is_self_signed(l);

		if ((!is_root && check_dates(c, job, l, is_leaf) < 0) || chain_add(c, job, l) < 0)
			return -1;
		last = l;
		l = is_self_signed(l) ? NULL : find_issuer(links, l);
	}
	for (unsigned i = 0; i < links->n; i++) {
		if (links->at[i].is_used)
			continue;
		if (is_self_signed(last))
			status = cert_complain(job,
			    "%s: %s is no part of the chain: it issued none of the others; take it out",
			    job->source->chain_path, links->at[i].subject);
		else
			status = cert_complain(job,
			    "%s: %s is no part of the chain: either it is to be taken out, or the "
			    "certificate of %s, which issued %s, is missing",
			    job->source->chain_path, links->at[i].subject, last->issuer,
			    last->subject);
	}
	return status < 0 ? -1 : note_chain_end(c, job, last);
}

int cert_chain_read(struct cert *c, const struct cert_job *job, const char *pem, size_t len,
    const struct cert_public *key)
{
	struct links *links = calloc(1, sizeof(*links));
	int status;

	if (!links)
		return cert_complain(job, "no memory");
	status = links_read(c, job, links, pem, len, key);
	if (status == 0 && !links->leaf && links->first_unfit)
		status = cert_complain(job, "the certificate in %s cannot be served: %s",
		    job->source->chain_path, links->first_unfit);
	if (status == 0 && key && !links->leaf)
		status = cert_complain(job,
		    "key %s does not match chain %s; the key of the first certificate in it is needed",
		    job->source->key_path, job->source->chain_path);
	if (status == 0 && links->leaf)
		status = links_order(c, job, links);
	for (unsigned i = 0; i < links->n; i++)
		free(links->at[i].der);
	free(links);
	return status;
}
