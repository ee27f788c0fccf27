/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <stdlib.h>

#include "tls/name_constraints.h"
#include "tls/trust_private.h"
#include "tls/x509_host.h"
#include "tls/x509_name.h"

#define MAX_CHECKS 24         /* signatures, for one chain */
#define CLOCK_SKEW 60         /* seconds a CRL may come from the future */
#define MAX_TEXT   (8 * 1024) /* of a name, for identities */

struct search {
	const struct trust_store *store;
	const struct trust_server *server; /* NULL: the chain is a client's */
	bool ignore_expiry;
	int64_t now;
	struct x509 shown[CLIENT_CERT_MAX_CHAIN];
	unsigned n_shown;
	const struct x509 *path[TRUST_MAX_DEPTH + 1]; /* from the leaf up, without the anchor */
	unsigned n_path;
	unsigned n_checks;
	enum client_cert_status failure; /* of the first whole path; else the best guess */
	bool had_path;
	int64_t until; /* when the good path ends */
	char text[MAX_TEXT];
};

/* --- a whole path --- */

static bool fits_purpose(const struct search *s, const struct x509 *x)
{
	return !x->has_purposes || (s->server ? x->is_for_servers : x->is_for_clients);
}

static enum client_cert_status
check_dates(const struct search *s, const struct x509 *x, bool is_leaf)
{
	if (s->now < x->not_before)
		return CLIENT_CERT_NOT_YET_VALID;
	if (s->now > x->not_after && !(is_leaf && s->ignore_expiry))
		return CLIENT_CERT_EXPIRED;
	return CLIENT_CERT_SUCCESS;
}

static bool may_prove_itself(const struct search *s, const struct x509 *x)
{
	return trust_key_may(x, X509_DIGITAL_SIGNATURE) ||
	    (s->server && s->server->may_encipher && trust_key_may(x, X509_KEY_ENCIPHERMENT));
}

static enum client_cert_status check_leaf(const struct search *s, const struct x509 *x)
{
	if (x->version != 3 || x509_key_facts(x->key).kind == X509_KEY_OTHER)
		return CLIENT_CERT_TYPE;
	if (x->has_unknown_critical)
		return CLIENT_CERT_INVALID;
	if (!fits_purpose(s, x) || !may_prove_itself(s, x))
		return CLIENT_CERT_PURPOSE;
	return CLIENT_CERT_SUCCESS;
}

/* below: CA certificates under it that count for its path length (RFC 5280 4.2.1.9). */
static enum client_cert_status check_ca(const struct x509 *x, unsigned below)
{
	if (x->version != 3 || !x->is_ca || x->has_unknown_critical ||
	    !trust_key_may(x, X509_KEY_CERT_SIGN))
		return CLIENT_CERT_INVALID;
	if (x->path_len >= 0 && below > (unsigned)x->path_len)
		return CLIENT_CERT_INVALID;
	return CLIENT_CERT_SUCCESS;
}

static bool is_self_issued(const struct x509 *x)
{
	return x509_same(&x->issuer, &x->subject);
}

/* What the CAs above each certificate, the trusted one included, let it be called (RFC 5280 6.1.3 b and c). */
static bool names_are_allowed(const struct search *s, const struct trust_anchor *anchor)
{
	for (unsigned i = 0; i < s->n_path; i++) {
		const struct x509 *x = s->path[i];

		if (i > 0 && is_self_issued(x))
			continue;
		if (!name_constraints_allow(anchor->x.name_constraints, x))
			return false;
		for (unsigned k = i + 1; k < s->n_path; k++)
			if (!name_constraints_allow(s->path[k]->name_constraints, x))
				return false;
	}
	return true;
}

static enum client_cert_status check_path(const struct search *s, const struct trust_anchor *anchor)
{
	enum client_cert_status status = check_leaf(s, s->path[0]);
	unsigned below = 0;

	for (unsigned i = 1; status == CLIENT_CERT_SUCCESS && i < s->n_path; i++) {
		const struct x509 *x = s->path[i];

		status = check_ca(x, below);
		/* What an intermediate may certify is limited by its own purposes. */
		if (status == CLIENT_CERT_SUCCESS && !fits_purpose(s, x))
			status = CLIENT_CERT_PURPOSE;
		below += !is_self_issued(x);
	}
	if (status == CLIENT_CERT_SUCCESS)
		status = check_ca(&anchor->x, below);
	/* So is what a trusted one may: it is an intermediate of somebody's, often. */
	if (status == CLIENT_CERT_SUCCESS && !fits_purpose(s, &anchor->x))
		status = CLIENT_CERT_PURPOSE;
	if (status == CLIENT_CERT_SUCCESS && !names_are_allowed(s, anchor))
		status = CLIENT_CERT_INVALID;
	for (unsigned i = 0; status == CLIENT_CERT_SUCCESS && i < s->n_path; i++)
		status = check_dates(s, s->path[i], i == 0);
	return status == CLIENT_CERT_SUCCESS ? check_dates(s, &anchor->x, false) : status;
}

/* --- identities --- */

static bool name_matches(struct search *s, const char *pattern, struct der name)
{
	size_t len;

	if (!pattern)
		return true;
	len = x509_name_print(name, s->text, sizeof(s->text));
	return len < sizeof(s->text) && x509_pattern_matches(pattern, s->text);
}

static bool alt_name_matches(struct search *s, const char *pattern, struct der names)
{
	if (!pattern)
		return true;
	while (x509_alt_name_next(&names, s->text, sizeof(s->text)) == 1)
		if (x509_pattern_matches(pattern, s->text))
			return true;
	return false;
}

static bool is_wanted(struct search *s)
{
	const struct trust_options *o = &s->store->options;
	const struct x509 *leaf = s->path[0];

	for (unsigned i = 0; i < o->n_identities; i++) {
		const struct trust_identity *id = &o->identities[i];

		if (name_matches(s, id->subject, leaf->subject) &&
		    name_matches(s, id->issuer, leaf->issuer) &&
		    alt_name_matches(s, id->san, leaf->names))
			return true;
	}
	return o->n_identities == 0;
}

static bool is_reached(const struct search *s)
{
	struct der names = s->path[0]->names;

	if (!s->server)
		return true;
	if (s->server->host)
		return x509_is_for_host(names, s->server->host);
	return x509_is_for_address(names, s->server->address, s->server->address_len);
}

/* --- revocation --- */

/* What the CRLs of one issuer say of a certificate. */
struct revocation {
	bool is_revoked, has_crl, has_fresh;
	int64_t fresh_until;
};

static void ask_crls(const struct search *s, const struct trust_anchor *issuer,
    const struct x509 *x, struct revocation *r)
{
	for (unsigned i = 0; i < issuer->n_crls; i++) {
		const struct crl *c = issuer->crls[i];

		if (x->is_ca ? !c->for_cas : !c->for_users)
			continue;
		r->is_revoked |= crl_has(c, x->serial);
		if (!crl_covers(c, x->crl_points))
			continue;
		r->has_crl = true;
		if (s->now > c->next_update || s->now + CLOCK_SKEW < c->this_update)
			continue;
		r->has_fresh = true;
		if (c->next_update > r->fresh_until)
			r->fresh_until = c->next_update;
	}
}

/*
 * Of x, which issuer signed. CRLs belong to a name and a key: one of a CA counts as well when the client sends
 * another certificate for the same CA.
 */
static enum client_cert_status
check_revocation(struct search *s, const struct x509 *x, const struct x509 *issuer)
{
	const struct trust_options *o = &s->store->options;
	const struct trust_anchor *a = s->store->buckets[trust_bucket(issuer->subject)];
	struct revocation r = { .fresh_until = INT64_MIN };

	for (; a; a = a->chain)
		if (x509_same(&a->x.subject, &issuer->subject) &&
		    x509_same(&a->x.key, &issuer->key))
			ask_crls(s, a, x, &r);
	if (r.is_revoked)
		return CLIENT_CERT_CRL_HIT;
	if (r.has_crl ? !r.has_fresh && !o->may_be_stale : o->needs_crl)
		return CLIENT_CERT_CRL_ERROR;
	if (r.has_fresh && !o->may_be_stale && r.fresh_until < s->until)
		s->until = r.fresh_until;
	return CLIENT_CERT_SUCCESS;
}

/* A hit outweighs a CRL that is missing elsewhere. */
static enum client_cert_status
worse_revocation(enum client_cert_status a, enum client_cert_status b)
{
	return a == CLIENT_CERT_CRL_HIT || b == CLIENT_CERT_SUCCESS ? a : b;
}

/* From the leaf up to where trust begins, and beyond it as far as the store knows issuers. */
static enum client_cert_status
check_revocations(struct search *s, const struct trust_anchor *anchor)
{
	enum client_cert_status status = CLIENT_CERT_SUCCESS;

	for (unsigned i = 0; i < s->n_path; i++)
		status = worse_revocation(status,
		    check_revocation(
			s, s->path[i], i + 1 < s->n_path ? s->path[i + 1] : &anchor->x));
	for (unsigned i = 0; anchor->parent && i < TRUST_MAX_DEPTH; i++) {
		status =
		    worse_revocation(status, check_revocation(s, &anchor->x, &anchor->parent->x));
		anchor = anchor->parent;
	}
	return status;
}

static enum client_cert_status judge(struct search *s, const struct trust_anchor *anchor)
{
	enum client_cert_status status = check_path(s, anchor);

	s->until = anchor->x.not_after;
	for (unsigned i = 0; i < s->n_path; i++)
		if (s->path[i]->not_after < s->until)
			s->until = s->path[i]->not_after;
	if (status == CLIENT_CERT_SUCCESS && !is_reached(s))
		status = CLIENT_CERT_HOSTNAME;
	if (status == CLIENT_CERT_SUCCESS && !is_wanted(s))
		status = CLIENT_CERT_REJECTED;
	return status == CLIENT_CERT_SUCCESS ? check_revocations(s, anchor) : status;
}

/* --- finding paths --- */

/* Whether issuer signed x. Notes the best reason there is for having found none. */
static bool is_issuer(struct search *s, const struct x509 *issuer, const struct x509 *x)
{
	if (!x509_same(&issuer->subject, &x->issuer) ||
	    !trust_keys_fit(issuer, &x->authority_key_id) || s->n_checks == MAX_CHECKS)
		return false;
	s->n_checks++;
	switch (x509_verify(&x->signature, issuer->key)) {
	case X509_GOOD:
		return true;
	case X509_UNSUPPORTED:
		if (!s->had_path)
			s->failure = CLIENT_CERT_TYPE;
		return false;
	case X509_BAD:
		/* With the same name alone it may as well be another's. */
		if (!s->had_path && x->authority_key_id.len > 0 && issuer->subject_key_id.len > 0)
			s->failure = CLIENT_CERT_INVALID;
		return false;
	}
	return false;
}

static bool is_on_path(const struct search *s, const struct x509 *x)
{
	for (unsigned i = 0; i < s->n_path; i++)
		if (s->path[i] == x || x509_same(&s->path[i]->whole, &x->whole))
			return true;
	return false;
}

/* True: a path is good. */
static bool try_anchors(struct search *s, const struct x509 *top)
{
	const struct trust_anchor *a = s->store->buckets[trust_bucket(top->issuer)];

	for (; a; a = a->chain) {
		enum client_cert_status status;

		if (!is_issuer(s, &a->x, top))
			continue;
		status = judge(s, a);
		if (status == CLIENT_CERT_SUCCESS)
			return true;
		if (!s->had_path)
			s->failure = status;
		s->had_path = true;
	}
	return false;
}

/*
 * From the top of the path on. Trusted issuers come first; the others are what the peer sent, in whatever
 * order. The number of signature checks bounds the time, the depth the recursion.
 */
static bool extend(struct search *s)
{
	const struct x509 *top = s->path[s->n_path - 1];

	if (try_anchors(s, top))
		return true;
	for (unsigned i = 1; i < s->n_shown; i++) {
		const struct x509 *x = &s->shown[i];

		if (!x509_same(&x->subject, &top->issuer) || is_on_path(s, x))
			continue;
		if (s->n_path >= s->store->options.max_depth) {
			if (!s->had_path)
				s->failure = CLIENT_CERT_MAX_DEPTH;
			return false;
		}
		if (!is_issuer(s, x, top))
			continue;
		s->path[s->n_path++] = x;
		if (extend(s))
			return true;
		s->n_path--;
	}
	return false;
}

/* Sets the rest of s up, which has store, server, ignore_expiry and now. */
static enum client_cert_status
run(struct search *s, const struct client_cert_der *chain, unsigned n_chain)
{
	enum client_cert_status status = CLIENT_CERT_SUCCESS;

	if (n_chain == 0)
		return CLIENT_CERT_UNMAPPED;
	if (n_chain > CLIENT_CERT_MAX_CHAIN)
		return CLIENT_CERT_MAX_DEPTH;
	s->until = s->now;
	s->n_checks = 0;
	s->had_path = false;
	s->failure = CLIENT_CERT_UNTRUSTED;
	s->n_shown = n_chain;
	for (unsigned i = 0; i < n_chain && status == CLIENT_CERT_SUCCESS; i++)
		if (x509_read(&s->shown[i], chain[i].at, chain[i].len))
			status = CLIENT_CERT_INVALID;
	if (status == CLIENT_CERT_SUCCESS) {
		s->path[0] = &s->shown[0];
		s->n_path = 1;
		status = extend(s) ? CLIENT_CERT_SUCCESS : s->failure;
	}
	return status;
}

/* server: NULL for a client's chain. until: how long the verdict holds; NULL: nobody asks. */
static enum client_cert_status
verdict_of(const struct trust_store *t, const struct trust_server *server, bool ignore_expiry,
    const struct client_cert_der *chain, unsigned n_chain, int64_t now, int64_t *until)
{
	struct search *s = malloc(sizeof(*s));
	enum client_cert_status status;

	if (!s)
		return CLIENT_CERT_UNMAPPED;
	s->store = t;
	s->server = server;
	s->ignore_expiry = ignore_expiry;
	s->now = now;
	status = run(s, chain, n_chain);
	if (until)
		*until = s->until;
	free(s);
	return status;
}

enum client_cert_status trust_verify(const struct trust_store *t, bool ignore_expiry,
    const struct client_cert_der *chain, unsigned n_chain, int64_t now)
{
	return verdict_of(t, NULL, ignore_expiry, chain, n_chain, now, NULL);
}

enum client_cert_status
trust_verify_server(const struct trust_store *t, const struct trust_server *server,
    const struct client_cert_der *chain, unsigned n_chain, int64_t now, int64_t *until)
{
	return verdict_of(t, server, false, chain, n_chain, now, until);
}
