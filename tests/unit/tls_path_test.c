/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/x509_kit.h"

#include <cmocka.h>

/* Chains that no honest CA makes, and some that honest ones made all the same. */

static EVP_PKEY *root_key, *inter_key, *leaf_key, *other_key;

static int make_keys(void **state)
{
	(void)state;
	root_key = kit_ec_key();
	inter_key = kit_ec_key();
	leaf_key = kit_ec_key();
	other_key = kit_ec_key();
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	kit_x509_reset();
	return 0;
}

/* --- what most cases are made of --- */

static struct der make_ca(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *signer)
{
	return kit_x509(&(struct kit_x509){ .subject = subject,
	    .issuer = issuer,
	    .key = key,
	    .signer = signer,
	    .extensions = KIT_PARTS(kit_ca(-1), kit_usage(0x06), kit_key_ids(key, signer)) });
}

static struct der root(void)
{
	return make_ca("Root", root_key, "Root", root_key);
}

static struct der inter(void)
{
	return make_ca("Inter", inter_key, "Root", root_key);
}

static struct der leaf_with(struct kit_x509 with)
{
	with.subject = with.subject ? with.subject : "leaf";
	with.issuer = with.issuer ? with.issuer : "Root";
	with.key = with.key ? with.key : leaf_key;
	with.signer = with.signer ? with.signer : root_key;
	return kit_x509(&with);
}

static struct trust_store *
store_of(struct der ca, struct der crl, bool needs_crl, const char **warnings)
{
	struct trust_options o = trust_defaults;
	struct trust_store *t;
	const char *why;

	o.needs_crl = needs_crl;
	t = kit_store(&ca, 1, crl, o, &why);
	if (!t)
		fail_msg("%s", why);
	if (warnings)
		*warnings = why;
	return t;
}

/* What a store that trusts ca says of a chain. */
static enum client_cert_status
under(struct der ca, struct der crl, bool needs_crl, const struct der *chain, unsigned n)
{
	struct trust_store *t = store_of(ca, crl, needs_crl, NULL);
	enum client_cert_status status = kit_verify(t, chain, n);

	trust_put(t);
	return status;
}

#define CHAIN(...)                           \
	(const struct der[]){ __VA_ARGS__ }, \
	    sizeof((const struct der[]){ __VA_ARGS__ }) / sizeof(struct der)

#define assert_status(is, wanted) \
	assert_string_equal(client_cert_status_name(is), client_cert_status_name(wanted))

/* A leaf right under the root, alone. */
#define assert_leaf(wanted, ...)                                                                   \
	assert_status(                                                                             \
	    under(root(), KIT_NOTHING, false, CHAIN(leaf_with((struct kit_x509){ __VA_ARGS__ }))), \
	    wanted)

/* A leaf under an intermediate with these extensions. */
static enum client_cert_status through_with(struct kit_x509 with)
{
	struct der leaf = leaf_with((struct kit_x509){ .issuer = "Inter", .signer = inter_key });

	with.subject = "Inter";
	with.issuer = "Root";
	with.key = inter_key;
	with.signer = root_key;
	return under(root(), KIT_NOTHING, false, CHAIN(leaf, kit_x509(&with)));
}

static enum client_cert_status through(struct der extensions)
{
	return through_with((struct kit_x509){ .extensions = extensions });
}

static void assert_unfit(struct der ca, const char *wanted)
{
	const char *why;
	struct trust_store *t = kit_store(&ca, 1, KIT_NOTHING, trust_defaults, &why);

	if (t || !strstr(why, wanted))
		fail_msg("'%s', not '%s'", why, wanted);
}

/* --- who may issue --- */

static void only_a_ca_issues(void **state)
{
	(void)state;
	assert_leaf(CLIENT_CERT_SUCCESS, .extensions = KIT_NOTHING);
	assert_status(through(kit_ca(-1)), CLIENT_CERT_SUCCESS);
	assert_status(through(KIT_PARTS(kit_ca(0), kit_usage(0x04))), CLIENT_CERT_SUCCESS);
	/* No basic constraints; those of no CA; no keyCertSign. */
	assert_status(through(kit_usage(0x06)), CLIENT_CERT_INVALID);
	assert_status(
	    through(kit_extension(19, true, KIT_SEQUENCE(KIT_NOTHING))), CLIENT_CERT_INVALID);
	assert_status(through(KIT_PARTS(kit_ca(-1), kit_usage(0x80))), CLIENT_CERT_INVALID);
	assert_status(through_with((struct kit_x509){ .is_v1 = true }), CLIENT_CERT_INVALID);
	/* Version 1 with extensions is no version 3. */
	assert_status(through_with((struct kit_x509){ .is_v1 = true, .extensions = kit_ca(-1) }),
	    CLIENT_CERT_INVALID);
	assert_status(
	    through(KIT_PARTS(kit_ca(-1), kit_extension(54, true, KIT_BYTES("\x02\x01\x00")))),
	    CLIENT_CERT_INVALID);
}

static void only_a_ca_is_trusted(void **state)
{
	struct kit_x509 with = {
		.subject = "Root", .issuer = "Root", .key = root_key, .signer = root_key
	};

	(void)state;
	assert_unfit(kit_x509(&with), "no CA certificate");
	with.extensions = KIT_PARTS(kit_ca(-1), kit_usage(0x80));
	assert_unfit(kit_x509(&with), "lacks keyCertSign");
	with.extensions = KIT_PARTS(kit_ca(-1), kit_extension(54, true, KIT_BYTES("\x02\x01\x00")));
	assert_unfit(kit_x509(&with), "critical extension");
	with.extensions = kit_ca(-1);
	with.is_v1 = true;
	assert_unfit(kit_x509(&with), "version 3");
	with.is_v1 = false;
	with.key = with.signer = kit_rsa_key(1024);
	assert_unfit(kit_x509(&with), "key that is not supported");
}

static void purposes_hold_downwards(void **state)
{
	struct der ca;

	(void)state;
	assert_leaf(CLIENT_CERT_SUCCESS, .extensions = kit_purposes("12"));
	assert_leaf(CLIENT_CERT_PURPOSE, .extensions = kit_purposes("1"));
	assert_leaf(CLIENT_CERT_PURPOSE, .extensions = kit_purposes(""));
	assert_leaf(CLIENT_CERT_SUCCESS,
	    .extensions =
		kit_extension(37, false, KIT_SEQUENCE(KIT_BYTES("\x06\x04\x55\x1d\x25\x00"))));
	assert_leaf(CLIENT_CERT_PURPOSE, .extensions = kit_usage(0x20)); /* keyEncipherment */
	assert_status(through(KIT_PARTS(kit_ca(-1), kit_purposes("2"))), CLIENT_CERT_SUCCESS);
	assert_status(through(KIT_PARTS(kit_ca(-1), kit_purposes("1"))), CLIENT_CERT_PURPOSE);
	/* The trusted one's as well. */
	ca = kit_x509(&(struct kit_x509){ .subject = "Root",
	    .issuer = "Root",
	    .key = root_key,
	    .signer = root_key,
	    .extensions = KIT_PARTS(kit_ca(-1), kit_purposes("1")) });
	assert_status(under(ca, KIT_NOTHING, false, CHAIN(leaf_with((struct kit_x509){ 0 }))),
	    CLIENT_CERT_PURPOSE);
}

/* --- weak and unusual algorithms --- */

static void weak_algorithms_are_not_taken(void **state)
{
	EVP_PKEY *short_key = kit_rsa_key(1024), *rsa = kit_rsa_key(2048);
	struct der chain[2], rsa_root = make_ca("Root", rsa, "Root", rsa);

	(void)state;
	assert_leaf(CLIENT_CERT_TYPE, .uses_sha1 = true);
	assert_leaf(CLIENT_CERT_TYPE, .key = short_key);
	assert_leaf(CLIENT_CERT_SUCCESS, .key = rsa);
	chain[0] = leaf_with((struct kit_x509){ .signer = rsa, .uses_sha1 = true });
	assert_status(under(rsa_root, KIT_NOTHING, false, chain, 1), CLIENT_CERT_TYPE);
	chain[0] = leaf_with((struct kit_x509){ .issuer = "Short", .signer = short_key });
	chain[1] = make_ca("Short", short_key, "Root", root_key);
	assert_status(under(root(), KIT_NOTHING, false, chain, 2), CLIENT_CERT_TYPE);
	/* What is signed says another algorithm than what is not. */
	assert_leaf(CLIENT_CERT_INVALID,
	    .outer_algorithm = KIT_SEQUENCE(KIT_BYTES("\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03")));
	assert_leaf(CLIENT_CERT_TYPE, .is_v1 = true);
}

/* --- DER that has two readings --- */

static struct der serial_crl(struct der serial)
{
	return kit_crl(&(struct kit_crl){
	    .issuer = "Root", .signer = root_key, .serials = kit_tlv(DER_INTEGER, serial) });
}

static void serials_are_numbers_in_one_form(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
		bool is_good;
	} cases[] = {
		{ "\x01", 1, true },
		{ "\x00", 1, true }, /* RFC 5280 4.1.2.2 wants them taken all the same */
		{ "\xff", 1, true },
		{ "\x80\x00", 2, true },
		{ "\x00\x80", 2, true },
		{ "\x7f\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b\x0c\x0d\x0e\x0f\x10\x11\x12\x13\x14\x15",
		    22, true },
		{ "\x00\x01", 2, false },
		{ "\x00\x00", 2, false },
		{ "\xff\x80", 2, false },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct der serial = kit_bytes(cases[i].bytes, cases[i].len);
		struct der leaf = leaf_with((struct kit_x509){ .serial = serial });

		assert_status(under(root(), KIT_NOTHING, false, CHAIN(leaf)),
		    cases[i].is_good ? CLIENT_CERT_SUCCESS : CLIENT_CERT_INVALID);
		if (cases[i].is_good)
			assert_status(under(root(), serial_crl(serial), true, CHAIN(leaf)),
			    CLIENT_CERT_CRL_HIT);
	}
}

static void a_path_length_has_one_form(void **state)
{
	static const char *const bad[] = { "\x02\x02\x00\x00", "\x02\x01\xff", "\x02\x00" };
	static const size_t lens[] = { 4, 3, 2 };

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_status(
		    through(kit_extension(19, true,
			KIT_SEQUENCE(KIT_BYTES("\x01\x01\xff"), kit_bytes(bad[i], lens[i])))),
		    CLIENT_CERT_INVALID);
	/* A flag that is neither true nor false makes no CA, nor an extension that may be passed over. */
	assert_status(through(kit_extension(19, true, KIT_SEQUENCE(KIT_BYTES("\x01\x01\x01")))),
	    CLIENT_CERT_INVALID);
	assert_leaf(CLIENT_CERT_INVALID,
	    .extensions = KIT_SEQUENCE(
		KIT_BYTES("\x06\x03\x55\x1d\x36\x01\x02\xff\xff\x04\x03\x02\x01\x00")));
	assert_leaf(CLIENT_CERT_SUCCESS,
	    .extensions =
		KIT_SEQUENCE(KIT_BYTES("\x06\x03\x55\x1d\x36\x01\x01\x00\x04\x03\x02\x01\x00")));
}

static void an_extension_stands_once_and_alone(void **state)
{
	(void)state;
	assert_status(through(KIT_PARTS(kit_ca(-1), kit_ca(0))), CLIENT_CERT_INVALID);
	assert_leaf(
	    CLIENT_CERT_INVALID, .extensions = KIT_PARTS(kit_purposes("2"), kit_purposes("2")));
	/* Bytes behind a value; bits that are not used and set; no bit at all. */
	assert_leaf(CLIENT_CERT_INVALID,
	    .extensions = kit_extension(
		15, true, KIT_PARTS(KIT_BYTES("\x03\x02\x07\x80"), KIT_BYTES("\x00"))));
	assert_leaf(CLIENT_CERT_INVALID,
	    .extensions = kit_extension(15, true, KIT_BYTES("\x03\x02\x07\x81")));
	assert_leaf(
	    CLIENT_CERT_INVALID, .extensions = kit_extension(15, true, KIT_BYTES("\x03\x01\x00")));
	assert_leaf(CLIENT_CERT_INVALID,
	    .extensions = kit_extension(14, false, KIT_BYTES("\x04\x01\x01\x05\x00")));
}

static void times_are_as_rfc_5280_has_them(void **state)
{
	static const struct {
		uint8_t tag;
		const char *from, *to; /* of "to": the same tag */
		enum client_cert_status status;
	} cases[] = {
		{ DER_TIME, "20250101000000Z", "99991231235959Z", CLIENT_CERT_SUCCESS },
		{ DER_UTC_TIME, "250228235959Z", "491231235959Z", CLIENT_CERT_SUCCESS },
		{ DER_UTC_TIME, "240229000000Z", "360101000000Z", CLIENT_CERT_SUCCESS },
		{ DER_UTC_TIME, "500101000000Z", "990101000000Z", CLIENT_CERT_EXPIRED }, /* 1950 */
		{ DER_UTC_TIME, "350101000000Z", "250101000000Z", CLIENT_CERT_NOT_YET_VALID },
		{ DER_UTC_TIME, "2501010000Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "250101000000+0000", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "250101000000z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "250230000000Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "250229000000Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "251301000000Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "250100000000Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "250101240000Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "250101000060Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_UTC_TIME, "25010100000 Z", "350101000000Z", CLIENT_CERT_INVALID },
		{ DER_TIME, "20250101000000.5Z", "20350101000000Z", CLIENT_CERT_INVALID },
		{ DER_TIME, "250101000000Z", "20350101000000Z", CLIENT_CERT_INVALID },
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct der both = KIT_PARTS(
		    kit_text(cases[i].tag, cases[i].from), kit_text(cases[i].tag, cases[i].to));

		if (strcmp(client_cert_status_name(under(root(), KIT_NOTHING, false,
			       CHAIN(leaf_with((struct kit_x509){ .validity = both })))),
			client_cert_status_name(cases[i].status)) != 0)
			fail_msg("%s to %s", cases[i].from, cases[i].to);
	}
}

/* --- shapes --- */

static void chains_may_go_in_circles(void **state)
{
	struct der a = make_ca("A", inter_key, "B", other_key),
		   b = make_ca("B", other_key, "A", inter_key),
		   self = make_ca("A", inter_key, "A", inter_key);
	struct der leaf = leaf_with((struct kit_x509){ .issuer = "A", .signer = inter_key });
	struct der good = make_ca("A", inter_key, "Root", root_key);

	(void)state;
	assert_status(under(root(), KIT_NOTHING, false, CHAIN(leaf, a, b)), CLIENT_CERT_UNTRUSTED);
	assert_status(under(root(), KIT_NOTHING, false, CHAIN(leaf, b, a, b, a, self, a)),
	    CLIENT_CERT_UNTRUSTED);
	/* The way out is found all the same. */
	assert_status(
	    under(root(), KIT_NOTHING, false, CHAIN(leaf, a, b, self, good)), CLIENT_CERT_SUCCESS);
	assert_status(under(root(), KIT_NOTHING, false, CHAIN(leaf, leaf, leaf, good, good)),
	    CLIENT_CERT_SUCCESS);
}

static void a_ca_may_be_signed_twice(void **state)
{
	struct der ours = inter(), theirs = make_ca("Inter", inter_key, "Other", other_key),
		   other = make_ca("Other", other_key, "Other", other_key);
	struct der leaf = leaf_with((struct kit_x509){ .issuer = "Inter", .signer = inter_key });
	struct der again = kit_x509(&(struct kit_x509){ .subject = "Inter",
	    .issuer = "Root",
	    .key = inter_key,
	    .signer = root_key,
	    .serial = KIT_BYTES("\x02"),
	    .extensions = kit_ca(-1) });
	struct der crl = serial_crl(KIT_BYTES("\x01"));

	(void)state;
	assert_status(under(root(), KIT_NOTHING, false, CHAIN(leaf, theirs, other, ours)),
	    CLIENT_CERT_SUCCESS);
	assert_status(
	    under(other, KIT_NOTHING, false, CHAIN(leaf, ours, theirs)), CLIENT_CERT_SUCCESS);
	/* One of both is revoked: the other is not. */
	assert_status(under(root(), crl, false, CHAIN(leaf, ours)), CLIENT_CERT_CRL_HIT);
	assert_status(under(root(), crl, false, CHAIN(leaf, ours, again)), CLIENT_CERT_SUCCESS);
}

/* Nine CAs of one name and no key identifiers: only signatures tell, and they are counted. */
static void searching_is_bounded(void **state)
{
	struct der chain[CLIENT_CERT_MAX_CHAIN];

	(void)state;
	chain[0] = leaf_with((struct kit_x509){ .issuer = "Same", .signer = inter_key });
	for (unsigned i = 1; i < CLIENT_CERT_MAX_CHAIN; i++)
		chain[i] = kit_x509(&(struct kit_x509){ .subject = "Same",
		    .issuer = "Same",
		    .key = inter_key,
		    .signer = inter_key,
		    .serial = kit_bytes((const uint8_t[]){ (uint8_t)i }, 1),
		    .extensions = kit_ca(-1) });
	assert_status(
	    under(root(), KIT_NOTHING, false, chain, CLIENT_CERT_MAX_CHAIN), CLIENT_CERT_MAX_DEPTH);
	/* Bytes behind a certificate. */
	chain[0] = KIT_PARTS(leaf_with((struct kit_x509){ 0 }), KIT_BYTES("\x00"));
	assert_status(under(root(), KIT_NOTHING, false, chain, 1), CLIENT_CERT_INVALID);
}

/* --- revocation lists --- */

static void a_list_is_its_cas_own(void **state)
{
	struct der leaf = leaf_with((struct kit_x509){ 0 });
	struct der namesake = kit_crl(&(struct kit_crl){
	    .issuer = "Root", .signer = other_key, .serials = KIT_BYTES("\x02\x01\x01") });
	struct der no_signer = kit_x509(&(struct kit_x509){ .subject = "Root",
	    .issuer = "Root",
	    .key = root_key,
	    .signer = root_key,
	    .extensions = KIT_PARTS(kit_ca(-1), kit_usage(0x04)) });
	struct trust_store *t;
	const char *warnings;

	(void)state;
	assert_status(
	    under(root(), serial_crl(KIT_BYTES("\x01")), false, CHAIN(leaf)), CLIENT_CERT_CRL_HIT);
	/* Another CA's of the same name says nothing, neither bad nor good. */
	assert_status(under(root(), namesake, false, CHAIN(leaf)), CLIENT_CERT_SUCCESS);
	assert_status(under(root(), namesake, true, CHAIN(leaf)), CLIENT_CERT_CRL_ERROR);
	/* Nor does one of a CA that may not sign any. */
	assert_status(under(no_signer, serial_crl(KIT_BYTES("\x05")), true, CHAIN(leaf)),
	    CLIENT_CERT_CRL_ERROR);
	t = store_of(root(), namesake, false, &warnings);
	assert_non_null(strstr(warnings, "has no effect"));
	trust_put(t);
}

/* distributionPoint { fullName { URI } }, as both extensions have it. */
static struct der point(const char *uri)
{
	return kit_tlv(DER_EXPLICIT(0), kit_tlv(DER_EXPLICIT(0), kit_text(DER_CONTEXT(6), uri)));
}

/* One of several lists of a CA does not speak for certificates that belong to the others (RFC 5280 5.2.5, 6.3.3). */
static void a_part_of_a_list_counts_for_its_part(void **state)
{
	struct der crl = kit_crl(&(struct kit_crl){ .issuer = "Root",
	    .signer = root_key,
	    .serials = KIT_BYTES("\x02\x01\x07"),
	    .extensions = kit_extension(28, true, KIT_SEQUENCE(point("http://a/1.crl"))) });
	struct der here =
	    leaf_with((struct kit_x509){ .extensions = kit_extension(31, false,
					     KIT_SEQUENCE(KIT_SEQUENCE(point("ldap://x")),
						 KIT_SEQUENCE(point("http://a/1.crl")))) });
	struct der elsewhere = leaf_with(
	    (struct kit_x509){ .extensions = kit_extension(31, false,
				   KIT_SEQUENCE(KIT_SEQUENCE(point("http://a/2.crl")))) });
	struct der nowhere = leaf_with((struct kit_x509){ 0 });
	struct der revoked = leaf_with((struct kit_x509){ .serial = KIT_BYTES("\x07") });
	struct trust_store *t;
	const char *warnings;

	(void)state;
	assert_status(under(root(), crl, true, CHAIN(here)), CLIENT_CERT_SUCCESS);
	assert_status(under(root(), crl, true, CHAIN(elsewhere)), CLIENT_CERT_CRL_ERROR);
	assert_status(under(root(), crl, true, CHAIN(nowhere)), CLIENT_CERT_CRL_ERROR);
	assert_status(under(root(), crl, false, CHAIN(elsewhere)), CLIENT_CERT_SUCCESS);
	assert_status(under(root(), crl, false, CHAIN(revoked)), CLIENT_CERT_CRL_HIT);
	t = store_of(root(), crl, false, &warnings);
	assert_non_null(strstr(warnings, "is a part"));
	trust_put(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_a_ca_issues),
		cmocka_unit_test(only_a_ca_is_trusted),
		cmocka_unit_test(purposes_hold_downwards),
		cmocka_unit_test(weak_algorithms_are_not_taken),
		cmocka_unit_test(serials_are_numbers_in_one_form),
		cmocka_unit_test(a_path_length_has_one_form),
		cmocka_unit_test(an_extension_stands_once_and_alone),
		cmocka_unit_test(times_are_as_rfc_5280_has_them),
		cmocka_unit_test(chains_may_go_in_circles),
		cmocka_unit_test(a_ca_may_be_signed_twice),
		cmocka_unit_test(searching_is_bounded),
		cmocka_unit_test(a_list_is_its_cas_own),
		cmocka_unit_test(a_part_of_a_list_counts_for_its_part),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
