/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/x509.h"

#include <time.h>

/* --- pieces --- */

static bool read_digits(const uint8_t *at, unsigned n, int *value)
{
	*value = 0;
	for (unsigned i = 0; i < n; i++) {
		if (at[i] < '0' || at[i] > '9')
			return false;
		*value = *value * 10 + (at[i] - '0');
	}
	return true;
}

bool x509_take_time(struct der *d, int64_t *seconds)
{
	bool is_short = der_is(d, DER_UTC_TIME);
	unsigned n_year = is_short ? 2 : 4;
	struct tm tm = { 0 };
	struct der text;
	const uint8_t *at;
	int day;

	if (!der_take(d, is_short ? DER_UTC_TIME : DER_TIME, &text, NULL) ||
	    text.len != n_year + 11 || text.at[text.len - 1] != 'Z')
		return false;
	at = text.at + n_year;
	if (!read_digits(text.at, n_year, &tm.tm_year) || !read_digits(at, 2, &tm.tm_mon) ||
	    !read_digits(at + 2, 2, &tm.tm_mday) || !read_digits(at + 4, 2, &tm.tm_hour) ||
	    !read_digits(at + 6, 2, &tm.tm_min) || !read_digits(at + 8, 2, &tm.tm_sec))
		return false;
	if (tm.tm_mon < 1 || tm.tm_mon > 12 || tm.tm_mday < 1 || tm.tm_mday > 31 ||
	    tm.tm_hour > 23 || tm.tm_min > 59 || tm.tm_sec > 59)
		return false;
	day = tm.tm_mday;
	/* 50 to 99 belong to the last century. */
	tm.tm_year = is_short ? tm.tm_year + (tm.tm_year < 50 ? 100 : 0) : tm.tm_year - 1900;
	tm.tm_mon--;
	*seconds = timegm(&tm);
	return tm.tm_mday == day; /* else there is no such day in that month */
}

bool x509_take_algorithm(struct der *d, struct x509_signature *s)
{
	struct der both;

	if (!der_take(d, DER_SEQUENCE, &both, NULL) ||
	    !der_take(&both, DER_OID, &s->algorithm, NULL))
		return false;
	s->parameters = both;
	return true;
}

bool x509_take_bits(struct der *d, struct der *bits)
{
	if (!der_take(d, DER_BITS, bits, NULL) || bits->len < 1 || bits->at[0] != 0)
		return false;
	bits->at++;
	bits->len--;
	return true;
}

/*
 * A BOOLEAN off d, false when there is none: its default, which DER leaves out and some write all the same. Returns false
 * when it is malformed.
 */
static bool take_flag(struct der *d, bool *value)
{
	struct der flag;

	*value = false;
	if (!der_is(d, DER_BOOLEAN))
		return true;
	if (!der_take(d, DER_BOOLEAN, &flag, NULL) || flag.len != 1 ||
	    (flag.at[0] != 0 && flag.at[0] != 0xff))
		return false;
	*value = flag.at[0] != 0;
	return true;
}

bool x509_take_extension(struct der *d, struct x509_extension *e)
{
	struct der one;

	return der_take(d, DER_SEQUENCE, &one, NULL) && der_take(&one, DER_OID, &e->id, NULL) &&
	    take_flag(&one, &e->is_critical) && der_take_only(one, DER_BYTES, &e->value);
}

/* --- extensions --- */

static bool read_constraints(struct x509 *x, struct der value)
{
	struct der both, length;

	if (!der_take_only(value, DER_SEQUENCE, &both) || !take_flag(&both, &x->is_ca))
		return false;
	if (both.len == 0)
		return true;
	if (!der_take_integer(&both, &length) || both.len != 0)
		return false;
	/* More than anybody's chain is no limit. */
	x->path_len = length.len > 1 ? 127 : length.at[0];
	return length.at[0] < 0x80;
}

static bool read_key_usage(struct x509 *x, struct der value)
{
	struct der bits;

	/* DER: up to the last bit that is set, so that one is; those that are not used are zero. */
	if (!der_take_only(value, DER_BITS, &bits) || bits.len < 2 || bits.at[0] > 7 ||
	    (bits.at[bits.len - 1] & ((1u << bits.at[0]) - 1)) != 0)
		return false;
	x->has_key_usage = true;
	x->key_usage = (uint16_t)(bits.at[1] << 8 | (bits.len > 2 ? bits.at[2] : 0));
	return true;
}

static bool read_purposes(struct x509 *x, struct der value)
{
	static const uint8_t any[] = { 0x55, 0x1d, 0x25, 0x00 };
	static const uint8_t client[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02 };
	static const uint8_t server[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01 };
	struct der all, one;

	if (!der_take_only(value, DER_SEQUENCE, &all))
		return false;
	x->has_purposes = true;
	while (der_take(&all, DER_OID, &one, NULL)) {
		bool is_any = der_eq(&one, any, sizeof(any));

		x->is_for_clients |= is_any || der_eq(&one, client, sizeof(client));
		x->is_for_servers |= is_any || der_eq(&one, server, sizeof(server));
	}
	return all.len == 0;
}

static bool read_authority(struct x509 *x, struct der value)
{
	struct der all;

	if (!der_take_only(value, DER_SEQUENCE, &all))
		return false;
	if (der_is(&all, DER_CONTEXT(0)))
		return der_take(&all, DER_CONTEXT(0), &x->authority_key_id, NULL);
	return true; /* by name and number only */
}

/* AuthorityInfoAccess; only whether there is an id-ad-caIssuers in it. */
static void read_issuer_access(struct x509 *x, struct der value)
{
	static const uint8_t issuers[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02 };
	struct der all, one, method;

	if (!der_take(&value, DER_SEQUENCE, &all, NULL))
		return;
	while (der_take(&all, DER_SEQUENCE, &one, NULL))
		if (der_take(&one, DER_OID, &method, NULL) &&
		    der_eq(&method, issuers, sizeof(issuers)))
			x->has_issuer_url = true;
}

static bool read_extension(struct x509 *x, const struct x509_extension *e)
{
	static const uint8_t access[] = { 0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01 };
	struct der value = e->value;

	/* RFC 5280 4.2.2.1: never critical; nothing depends on it. */
	if (der_eq(&e->id, access, sizeof(access)) && !e->is_critical) {
		read_issuer_access(x, value);
		return true;
	}
	/* All others read here are id-ce, 2.5.29. */
	if (e->id.len != 3 || e->id.at[0] != 0x55 || e->id.at[1] != 0x1d) {
		x->has_unknown_critical |= e->is_critical;
		return true;
	}
	switch (e->id.at[2]) {
	case 14:
		return der_take_only(value, DER_BYTES, &x->subject_key_id);
	case 15:
		return read_key_usage(x, value);
	case 17:
		return der_take_only(value, DER_SEQUENCE, &x->names);
	case 19:
		return read_constraints(x, value);
	case 30:
		return der_take_only(value, DER_SEQUENCE, &x->name_constraints);
	case 31:
		return der_take_only(value, DER_SEQUENCE, &x->crl_points);
	case 35:
		return read_authority(x, value);
	case 37:
		return read_purposes(x, value);
	case 32: /* policies: any is accepted here */
		return true;
	}
	x->has_unknown_critical |= e->is_critical;
	return true;
}

static bool read_extensions(struct x509 *x, struct der *tbs)
{
	struct der holder, all;
	struct x509_extension e;
	uint64_t seen = 0;

	if (!der_take(tbs, DER_EXPLICIT(3), &holder, NULL))
		return true;
	if (!der_take(&holder, DER_SEQUENCE, &all, NULL) || holder.len != 0)
		return false;
	while (all.len > 0) {
		if (!x509_take_extension(&all, &e))
			return false;
		/* RFC 5280 4.2: each once. Told by those that are looked at. */
		if (e.id.len == 3 && e.id.at[0] == 0x55 && e.id.at[1] == 0x1d && e.id.at[2] < 64) {
			if (seen >> e.id.at[2] & 1)
				return false;
			seen |= UINT64_C(1) << e.id.at[2];
		}
		if (!read_extension(x, &e))
			return false;
	}
	return true;
}

/* --- the certificate --- */

static bool read_version(struct x509 *x, struct der *tbs)
{
	struct der holder, number;

	x->version = 1;
	if (!der_take(tbs, DER_EXPLICIT(0), &holder, NULL))
		return true;
	if (!der_take(&holder, DER_INTEGER, &number, NULL) || number.len != 1 || number.at[0] > 2)
		return false;
	x->version = (uint8_t)(number.at[0] + 1);
	return true;
}

static bool read_dates(struct x509 *x, struct der *tbs)
{
	struct der dates;

	return der_take(tbs, DER_SEQUENCE, &dates, NULL) &&
	    x509_take_time(&dates, &x->not_before) && x509_take_time(&dates, &x->not_after) &&
	    dates.len == 0;
}

static const char *read_tbs(struct x509 *x, struct der tbs)
{
	struct x509_signature inner = { .text = { NULL, 0 } };

	if (!read_version(x, &tbs))
		return "its version is none";
	if (!der_take_integer(&tbs, &x->serial) || x->serial.len > 64)
		return "its serial number cannot be read";
	/* RFC 5280 4.1.2.3: what is signed names the algorithm, too. */
	if (!x509_take_algorithm(&tbs, &inner) ||
	    !x509_same(&inner.algorithm, &x->signature.algorithm) ||
	    !x509_same(&inner.parameters, &x->signature.parameters))
		return "its signature algorithm is not the one that was signed";
	if (!der_take(&tbs, DER_SEQUENCE, NULL, &x->issuer))
		return "its issuer cannot be read";
	if (!read_dates(x, &tbs))
		return "its dates cannot be read";
	if (!der_take(&tbs, DER_SEQUENCE, NULL, &x->subject))
		return "its subject cannot be read";
	if (!der_take(&tbs, DER_SEQUENCE, NULL, &x->key))
		return "its key cannot be read";
	/* Unique identifiers of version 2 mean nothing any more. */
	der_take(&tbs, DER_CONTEXT(1), NULL, NULL);
	der_take(&tbs, DER_CONTEXT(2), NULL, NULL);
	if (!read_extensions(x, &tbs) || tbs.len != 0)
		return "its extensions cannot be read";
	return NULL;
}

const char *x509_read(struct x509 *x, const uint8_t *bytes, size_t len)
{
	struct der all = { bytes, len }, cert, tbs;

	memset(x, 0, sizeof(*x));
	x->path_len = -1;
	if (!der_take(&all, DER_SEQUENCE, &cert, &x->whole) || all.len != 0)
		return "it is no DER sequence, or there is more behind it";
	if (!der_take(&cert, DER_SEQUENCE, &tbs, &x->signature.text) ||
	    !x509_take_algorithm(&cert, &x->signature) ||
	    !x509_take_bits(&cert, &x->signature.bits) || cert.len != 0)
		return "it has no signature";
	return read_tbs(x, tbs);
}
