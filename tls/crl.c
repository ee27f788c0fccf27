/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/crl.h"

#include <stdlib.h>

#define MAX_SERIAL 64

/* --- reading --- */

static bool is_ce(const struct der *id, uint8_t number)
{
	return id->len == 3 && id->at[0] == 0x55 && id->at[1] == 0x1d && id->at[2] == number;
}

/* Takes one entry off d. A critical extension of an entry can only be that of an indirect CRL. */
static const char *take_entry(struct der *d, struct der *serial)
{
	struct x509_extension e;
	struct der one, all;
	int64_t when;

	if (!der_take(d, DER_SEQUENCE, &one, NULL) || !der_take_integer(&one, serial) ||
	    serial->len > MAX_SERIAL || !x509_take_time(&one, &when))
		return "one of its entries cannot be read";
	if (one.len == 0)
		return NULL;
	if (!der_take(&one, DER_SEQUENCE, &all, NULL) || one.len != 0)
		return "one of its entries cannot be read";
	while (all.len > 0) {
		if (!x509_take_extension(&all, &e))
			return "one of its entries cannot be read";
		if (e.is_critical)
			return "it is an indirect CRL: entries have critical extensions";
	}
	return NULL;
}

static const char *count_entries(const struct crl_text *t, size_t *n)
{
	struct der left = t->revoked, serial;
	const char *why = NULL;

	*n = 0;
	while (left.len > 0 && !why) {
		why = take_entry(&left, &serial);
		++*n;
	}
	return why;
}

/* Names of a DistributionPointName (RFC 5280 4.2.1.13); one that is relative to the CA's name has none. */
static bool read_point(struct der point, struct der *names)
{
	*names = (struct der){ NULL, 0 };
	return der_is(&point, DER_EXPLICIT(0)) ? der_take_only(point, DER_EXPLICIT(0), names)
					       : der_take_only(point, DER_EXPLICIT(1), NULL);
}

/* IssuingDistributionPoint (RFC 5280 5.2.5). */
static const char *read_scope(struct crl_text *t, struct der value)
{
	static const char bad[] = "its issuing distribution point cannot be read";
	struct der all, one;

	if (!der_take_only(value, DER_SEQUENCE, &all))
		return bad;
	if (der_take(&all, DER_EXPLICIT(0), &one, NULL)) {
		t->is_part = true;
		if (!read_point(one, &t->points))
			return bad;
	}
	while (all.len > 0) {
		uint8_t tag = all.at[0];

		if (!der_take(&all, tag, &one, NULL))
			return bad;
		if (one.len == 1 && one.at[0] == 0) /* FALSE, which is the default */
			continue;
		if (tag == DER_CONTEXT(1))
			t->for_cas = false;
		else if (tag == DER_CONTEXT(2))
			t->for_users = false;
		else if (tag == DER_CONTEXT(4))
			return "it is an indirect CRL";
		else if (tag == DER_CONTEXT(5))
			return "it is for attribute certificates only";
		else
			return "it covers some reasons only";
	}
	return NULL;
}

static const char *read_extensions(struct crl_text *t, struct der holder)
{
	struct der all, keys;
	struct x509_extension e;

	if (!der_take(&holder, DER_SEQUENCE, &all, NULL) || holder.len != 0)
		return "its extensions cannot be read";
	while (all.len > 0) {
		const char *why = NULL;

		if (!x509_take_extension(&all, &e))
			return "its extensions cannot be read";
		if (is_ce(&e.id, 28)) {
			why = read_scope(t, e.value);
		} else if (is_ce(&e.id, 27)) {
			why = "it is a delta CRL; give the complete one";
		} else if (is_ce(&e.id, 35)) {
			if (!der_take(&e.value, DER_SEQUENCE, &keys, NULL))
				why = "its extensions cannot be read";
			else
				der_take(&keys, DER_CONTEXT(0), &t->authority_key_id, NULL);
		} else if (e.is_critical) {
			why = "it has a critical extension that is not known here";
		}
		if (why)
			return why;
	}
	return NULL;
}

static const char *read_tbs(struct crl_text *t, struct der tbs)
{
	struct x509_signature inner = { .text = { NULL, 0 } };
	struct der version, holder;

	if (der_take(&tbs, DER_INTEGER, &version, NULL) && (version.len != 1 || version.at[0] != 1))
		return "its version is none";
	if (!x509_take_algorithm(&tbs, &inner) ||
	    !x509_same(&inner.algorithm, &t->signature.algorithm) ||
	    !x509_same(&inner.parameters, &t->signature.parameters))
		return "its signature algorithm is not the one that was signed";
	if (!der_take(&tbs, DER_SEQUENCE, NULL, &t->issuer))
		return "its issuer cannot be read";
	if (!x509_take_time(&tbs, &t->this_update))
		return "its dates cannot be read";
	t->next_update = INT64_MAX;
	if ((der_is(&tbs, DER_UTC_TIME) || der_is(&tbs, DER_TIME)) &&
	    !x509_take_time(&tbs, &t->next_update))
		return "its dates cannot be read";
	if (der_is(&tbs, DER_SEQUENCE) && !der_take(&tbs, DER_SEQUENCE, &t->revoked, NULL))
		return "its entries cannot be read";
	t->for_users = t->for_cas = true;
	if (der_take(&tbs, DER_EXPLICIT(0), &holder, NULL)) {
		const char *why = read_extensions(t, holder);

		if (why)
			return why;
	}
	return tbs.len == 0 ? NULL : "there is something behind its extensions";
}

const char *crl_read(struct crl_text *t, const uint8_t *bytes, size_t len, size_t *n_revoked)
{
	struct der all = { bytes, len }, list, tbs;
	const char *why;

	memset(t, 0, sizeof(*t));
	if (!der_take(&all, DER_SEQUENCE, &list, NULL) || all.len != 0)
		return "it is neither PEM nor DER, or there is more behind it";
	if (!der_take(&list, DER_SEQUENCE, &tbs, &t->signature.text) ||
	    !x509_take_algorithm(&list, &t->signature) ||
	    !x509_take_bits(&list, &t->signature.bits) || list.len != 0)
		return "it has no signature";
	why = read_tbs(t, tbs);
	return why ? why : count_entries(t, n_revoked);
}

/* --- the set --- */

/* FNV-1a and a last mix: the serials are the CA's, nobody gains by collisions. */
static uint32_t hash_serial(struct der serial)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < serial.len; i++)
		h = (h ^ serial.at[i]) * UINT64_C(0x100000001b3);
	return (uint32_t)(h ^ h >> 32);
}

static void add(struct crl *c, struct der serial, uint32_t offset)
{
	uint32_t at = hash_serial(serial) & c->mask;

	while (c->table[at])
		at = (at + 1) & c->mask;
	c->table[at] = offset + 1;
	c->serials[offset] = (uint8_t)serial.len;
	memcpy(c->serials + offset + 1, serial.at, serial.len);
}

bool crl_has(const struct crl *c, struct der serial)
{
	for (uint32_t at = hash_serial(serial) & c->mask; c->table[at]; at = (at + 1) & c->mask) {
		const uint8_t *one = c->serials + c->table[at] - 1;

		if (one[0] == serial.len && memcmp(one + 1, serial.at, serial.len) == 0)
			return true;
	}
	return false;
}

static bool has_name(struct der names, struct der wanted)
{
	struct der one;

	while (names.len > 0 && der_take(&names, names.at[0], NULL, &one))
		if (x509_same(&one, &wanted))
			return true;
	return false;
}

bool crl_covers(const struct crl *c, struct der crl_points)
{
	const struct der ours = { c->points, c->points_len };
	struct der point, name, names, one;

	if (!c->is_part)
		return true;
	while (der_take(&crl_points, DER_SEQUENCE, &point, NULL)) {
		if (!der_take(&point, DER_EXPLICIT(0), &name, NULL) || !read_point(name, &names))
			continue;
		while (names.len > 0 && der_take(&names, names.at[0], NULL, &one))
			if (has_name(ours, one))
				return true;
	}
	return false;
}

static size_t bytes_of(const struct crl_text *t)
{
	struct der left = t->revoked, serial;
	size_t n = 0;

	while (left.len > 0 && !take_entry(&left, &serial))
		n += 1 + serial.len;
	return n;
}

struct crl *crl_new(const struct crl_text *t, size_t n_revoked)
{
	struct der left = t->revoked, serial;
	struct crl *c = calloc(1, sizeof(*c));
	size_t size = 16, n_bytes = bytes_of(t);
	uint32_t offset = 0;

	while (size < 2 * n_revoked)
		size *= 2;
	if (!c || n_bytes >= UINT32_MAX || size > UINT32_MAX) {
		free(c);
		return NULL;
	}
	c->table = calloc(size, sizeof(*c->table));
	c->serials = malloc(n_bytes + 1);
	c->points = malloc(t->points.len + 1);
	if (!c->table || !c->serials || !c->points) {
		crl_free(c);
		return NULL;
	}
	if (t->points.len > 0)
		memcpy(c->points, t->points.at, t->points.len);
	c->points_len = t->points.len;
	c->is_part = t->is_part;
	c->mask = (uint32_t)(size - 1);
	c->this_update = t->this_update;
	c->next_update = t->next_update;
	c->for_users = t->for_users;
	c->for_cas = t->for_cas;
	while (left.len > 0 && !take_entry(&left, &serial)) {
		if (crl_has(c, serial))
			continue;
		add(c, serial, offset);
		offset += 1 + (uint32_t)serial.len;
		c->n++;
	}
	return c;
}

void crl_free(struct crl *c)
{
	if (!c)
		return;
	free(c->table);
	free(c->serials);
	free(c->points);
	free(c);
}
