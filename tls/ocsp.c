/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/ocsp.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/hash.h>

#include "tls/der.h"
#include "tls/ocsp_sign.h"
#include "tls/pem.h"

#define MAX_SKEW_S 300 /* of the responder's clock: how far thisUpdate may lie ahead */

static const char damaged[] = "it is no OCSP response, or damaged";

/* --- the file --- */

/* The base64 between the lines, or all of it. */
static struct pem_block find_text(const uint8_t *file, size_t len)
{
	const char *at = (const char *)file;
	struct pem_block block;

	if (pem_next(&at, at + len, &block) == 1)
		return block;
	return (struct pem_block){ .body = (const char *)file, .body_len = len };
}

int ocsp_decode(const uint8_t *file, size_t len, uint8_t out[OCSP_MAX])
{
	struct der whole = { .at = file, .len = len };
	struct pem_block text;

	if (der_take(&whole, DER_SEQUENCE, NULL, NULL) && whole.len == 0) {
		if (len > OCSP_MAX)
			return -1;
		memcpy(out, file, len);
		return (int)len;
	}
	text = find_text(file, len);
	return pem_decode(&text, out, OCSP_MAX);
}

/* --- certificates --- */

/* What a response names a certificate by. */
struct names {
	struct der serial, issuer; /* of the leaf: INTEGER's content, all of Name */
	struct der subject, key;   /* of the issuer: all of Name, the key's bits */
};

/* RFC 5280 4.1: the parts of a certificate up to its key. */
static bool read_certificate(const uint8_t *der, size_t len, struct der *serial, struct der *issuer,
    struct der *subject, struct der *key)
{
	struct der at = { .at = der, .len = len }, cert, tbs, spki;

	if (!der_take(&at, DER_SEQUENCE, &cert, NULL) || !der_take(&cert, DER_SEQUENCE, &tbs, NULL))
		return false;
	der_take(&tbs, DER_EXPLICIT(0), NULL, NULL); /* version */
	if (!der_take(&tbs, DER_INTEGER, serial, NULL) ||
	    !der_take(&tbs, DER_SEQUENCE, NULL, NULL) || /* signature */
	    !der_take(&tbs, DER_SEQUENCE, NULL, issuer) ||
	    !der_take(&tbs, DER_SEQUENCE, NULL, NULL) || /* validity */
	    !der_take(&tbs, DER_SEQUENCE, NULL, subject) ||
	    !der_take(&tbs, DER_SEQUENCE, &spki, NULL) ||
	    !der_take(&spki, DER_SEQUENCE, NULL, NULL) || !der_take(&spki, DER_BITS, key, NULL) ||
	    key->len < 1)
		return false;
	key->at++; /* the number of unused bits */
	key->len--;
	return true;
}

static bool hash_is(enum wc_HashType type, const struct der *of, const struct der *hash)
{
	uint8_t out[WC_MAX_DIGEST_SIZE];
	int len = wc_HashGetDigestSize(type);

	return len > 0 && wc_Hash(type, of->at, (word32)of->len, out, (word32)len) == 0 &&
	    der_eq(hash, out, (size_t)len);
}

/* RFC 6960 4.1.1: CertID. */
static bool names_certificate(struct der id, const struct names *names)
{
	static const uint8_t sha1[] = { 0x2b, 0x0e, 0x03, 0x02, 0x1a };
	static const uint8_t sha2[] = { 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02 };
	struct der algorithm, oid, name_hash, key_hash, serial;
	enum wc_HashType type = WC_HASH_TYPE_NONE;

	if (!der_take(&id, DER_SEQUENCE, &algorithm, NULL) ||
	    !der_take(&algorithm, DER_OID, &oid, NULL) ||
	    !der_take(&id, DER_BYTES, &name_hash, NULL) ||
	    !der_take(&id, DER_BYTES, &key_hash, NULL) ||
	    !der_take(&id, DER_INTEGER, &serial, NULL))
		return false;
	if (der_eq(&oid, sha1, sizeof(sha1)))
		type = WC_HASH_TYPE_SHA;
	else if (oid.len == 9 && memcmp(oid.at, sha2, 8) == 0)
		type = oid.at[8] == 1 ? WC_HASH_TYPE_SHA256
		    : oid.at[8] == 2  ? WC_HASH_TYPE_SHA384
		    : oid.at[8] == 3  ? WC_HASH_TYPE_SHA512
				      : WC_HASH_TYPE_NONE;
	return type != WC_HASH_TYPE_NONE && der_eq(&serial, names->serial.at, names->serial.len) &&
	    hash_is(type, &names->issuer, &name_hash) && hash_is(type, &names->key, &key_hash);
}

/* --- one answer --- */

static int digits(const uint8_t *at, unsigned n)
{
	int value = 0;

	for (; n > 0; at++, n--) {
		if (*at < '0' || *at > '9')
			return -1;
		value = value * 10 + (*at - '0');
	}
	return value;
}

/* GeneralizedTime as DER has it: YYYYMMDDHHMMSSZ (RFC 5280 4.1.2.5.2). -1: it is none. */
static int64_t read_time(const struct der *time)
{
	static const uint8_t places[] = { 4, 2, 2, 2, 2, 2 };
	static const int max[] = { 9999, 12, 31, 23, 59, 60 };
	const uint8_t *at = time->at;
	int parts[6];
	struct tm tm = { 0 };

	if (time->len != 15 || at[14] != 'Z')
		return -1;
	for (unsigned i = 0; i < 6; at += places[i], i++) {
		parts[i] = digits(at, places[i]);
		if (parts[i] < 0 || parts[i] > max[i])
			return -1;
	}
	if (parts[0] < 1970 || parts[1] < 1 || parts[2] < 1)
		return -1;
	tm.tm_year = parts[0] - 1900;
	tm.tm_mon = parts[1] - 1;
	tm.tm_mday = parts[2];
	tm.tm_hour = parts[3];
	tm.tm_min = parts[4];
	tm.tm_sec = parts[5];
	return timegm(&tm);
}

/* What follows the CertID of the SingleResponse that is about our certificate. NULL, or why not. */
static const char *read_single(struct der single, struct ocsp_facts *facts)
{
	struct der time, next;

	if (der_is(&single, DER_EXPLICIT(1)))
		return "it says that the certificate was revoked";
	if (der_is(&single, DER_CONTEXT(2)))
		return "its responder does not know the certificate";
	if (!der_take(&single, DER_CONTEXT(0), NULL, NULL) ||
	    !der_take(&single, DER_TIME, &time, NULL))
		return damaged;
	facts->this_update = read_time(&time);
	if (!der_take(&single, DER_EXPLICIT(0), &next, NULL))
		return "it does not say until when it is good (nextUpdate)";
	if (!der_take(&next, DER_TIME, &time, NULL))
		return damaged;
	facts->next_update = read_time(&time);
	if (facts->this_update < 0 || facts->next_update < facts->this_update)
		return damaged;
	return NULL;
}

/* Looks for the answer about our certificate in ResponseData (RFC 6960 4.2.1). */
static const char *read_data(struct der data, const struct names *names, struct ocsp_facts *facts)
{
	struct der responses, single, id;

	der_take(&data, DER_EXPLICIT(0), NULL, NULL);        /* version */
	if (!der_take(&data, DER_EXPLICIT(1), NULL, NULL) && /* the responder, by name */
	    !der_take(&data, DER_EXPLICIT(2), NULL, NULL))   /* or by its key */
		return damaged;
	if (!der_take(&data, DER_TIME, NULL, NULL) ||
	    !der_take(&data, DER_SEQUENCE, &responses, NULL))
		return damaged;
	while (responses.len > 0) {
		if (!der_take(&responses, DER_SEQUENCE, &single, NULL) ||
		    !der_take(&single, DER_SEQUENCE, &id, NULL))
			return damaged;
		if (names_certificate(id, names))
			return read_single(single, facts);
	}
	return "it is about another certificate";
}

/* --- all of it --- */

/* The BasicOCSPResponse in a response that succeeded. NULL, or why there is none. */
static const char *unwrap(struct der response, struct der *basic)
{
	static const uint8_t basic_oid[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x01 };
	struct der outer, status, tagged, bytes, oid, octets;

	if (!der_take(&response, DER_SEQUENCE, &outer, NULL) || response.len > 0 ||
	    !der_take(&outer, DER_ENUMERATED, &status, NULL) || status.len != 1)
		return damaged;
	if (status.at[0] != 0)
		return "it is the responder's refusal to answer (its status is not successful)";
	if (!der_take(&outer, DER_EXPLICIT(0), &tagged, NULL) ||
	    !der_take(&tagged, DER_SEQUENCE, &bytes, NULL) ||
	    !der_take(&bytes, DER_OID, &oid, NULL) || !der_take(&bytes, DER_BYTES, &octets, NULL) ||
	    !der_eq(&oid, basic_oid, sizeof(basic_oid)) ||
	    !der_take(&octets, DER_SEQUENCE, basic, NULL) || octets.len > 0)
		return damaged;
	return NULL;
}

static const char *
judge(struct der response, const struct names *names, struct der issuer, struct ocsp_facts *facts)
{
	struct der basic, data, algorithm, signature, tagged, certs = { 0 };
	struct ocsp_signature s;
	const char *why = unwrap(response, &basic);

	if (why)
		return why;
	if (!der_take(&basic, DER_SEQUENCE, &data, &s.text) ||
	    !der_take(&basic, DER_SEQUENCE, &algorithm, NULL) ||
	    !der_take(&algorithm, DER_OID, &s.algorithm, NULL) ||
	    !der_take(&basic, DER_BITS, &signature, NULL) || signature.len < 2 ||
	    signature.at[0] != 0)
		return damaged;
	s.bits = (struct der){ .at = signature.at + 1, .len = signature.len - 1 };
	if (der_take(&basic, DER_EXPLICIT(0), &tagged, NULL) &&
	    !der_take(&tagged, DER_SEQUENCE, &certs, NULL))
		return damaged;
	if (basic.len > 0)
		return damaged;
	why = read_data(data, names, facts);
	return why ? why : ocsp_verify(&s, issuer, certs);
}

enum ocsp_verdict ocsp_check(const uint8_t *response, size_t len, const uint8_t *leaf,
    size_t leaf_len, const uint8_t *issuer, size_t issuer_len, int64_t now,
    struct ocsp_facts *facts, const char **why)
{
	struct names names, unused;
	const struct der whole = { .at = response, .len = len };
	const struct der ca = { .at = issuer, .len = issuer_len };

	*facts = (struct ocsp_facts){ 0 };
	*why = "the certificate or its issuer's cannot be read";
	if (!read_certificate(
		leaf, leaf_len, &names.serial, &names.issuer, &unused.subject, &unused.key) ||
	    !read_certificate(
		issuer, issuer_len, &unused.serial, &unused.issuer, &names.subject, &names.key))
		return OCSP_REFUSED;
	*why = judge(whole, &names, ca, facts);
	if (*why)
		return OCSP_REFUSED;
	return now < facts->this_update - MAX_SKEW_S || now > facts->next_update ? OCSP_EXPIRED
										 : OCSP_GOOD;
}
