/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/x509_kit.h"
#include "tls/name_constraints.h"

#include <cmocka.h>

/* Name constraints (RFC 5280 4.2.1.10): each form of name, then whole chains. */

static int drop_kit(void **state)
{
	(void)state;
	kit_x509_reset();
	return 0;
}

/* "10.0.0.0/255.0.0.0" or an address alone, as bytes. */
static struct der address(const char *text)
{
	char copy[128], *slash;
	struct der all = KIT_NOTHING;
	const char *part = copy;

	snprintf(copy, sizeof(copy), "%s", text);
	do {
		uint8_t bytes[16];

		slash = strchr(part, '/');
		if (slash)
			*slash = '\0';
		if (inet_pton(AF_INET6, part, bytes) == 1)
			all = KIT_PARTS(all, kit_bytes(bytes, 16));
		else if (inet_pton(AF_INET, part, bytes) == 1)
			all = KIT_PARTS(all, kit_bytes(bytes, 4));
		else
			fail_msg("'%s' is no address", part);
		part = slash ? slash + 1 : NULL;
	} while (part);
	return all;
}

/* A GeneralName: "d:" a host name, "e:" mail, "u:" URI, "i:" address, "n:" directory name, "o:" another, "r:" a registered id. */
static struct der general_name(const char *text)
{
	static const char mailbox[] = "\x06\x08\x2b\x06\x01\x05\x05\x07\x08\x09";
	const char *value = text + 2;

	switch (text[0]) {
	case 'd':
		return kit_text(DER_CONTEXT(2), value);
	case 'e':
		return kit_text(DER_CONTEXT(1), value);
	case 'u':
		return kit_text(DER_CONTEXT(6), value);
	case 'i':
		return kit_tlv(DER_CONTEXT(7), address(value));
	case 'n':
		return kit_tlv(DER_EXPLICIT(4), kit_name(value));
	case 'm':
		return kit_tlv(DER_EXPLICIT(0),
		    KIT_PARTS(KIT_BYTES(mailbox), kit_tlv(DER_EXPLICIT(0), kit_text(0x0c, value))));
	case 'o':
		return kit_tlv(DER_EXPLICIT(0),
		    KIT_PARTS(KIT_BYTES("\x06\x03\x2a\x03\x04"),
			kit_tlv(DER_EXPLICIT(0), kit_text(0x0c, value))));
	case 'r':
		return kit_text(DER_CONTEXT(8), value);
	}
	fail_msg("'%s' is no name of a test", text);
	return KIT_NOTHING;
}

/* Names with blanks between them: each as it is, or as a GeneralSubtree. */
static struct der names(const char *list, bool are_subtrees)
{
	char *copy = strdup(list), *rest = copy, *one;
	struct der all = KIT_NOTHING;

	while (*list && (one = strsep(&rest, " ")) != NULL)
		all = KIT_PARTS(
		    all, are_subtrees ? KIT_SEQUENCE(general_name(one)) : general_name(one));
	free(copy);
	return all;
}

static struct der constraints(const char *permitted, const char *excluded)
{
	return KIT_PARTS(permitted ? kit_tlv(DER_EXPLICIT(0), names(permitted, true)) : KIT_NOTHING,
	    excluded ? kit_tlv(DER_EXPLICIT(1), names(excluded, true)) : KIT_NOTHING);
}

/* Exactly as long, for sanitizers. */
static bool allow(struct der limits, const char *subject, const char *alternatives)
{
	struct x509 x = { .subject = kit_name(subject), .names = names(alternatives, false) };
	uint8_t *exact = malloc(limits.len + !limits.len);
	bool is_allowed;

	if (limits.len > 0)
		memcpy(exact, limits.at, limits.len);
	is_allowed = name_constraints_allow((struct der){ exact, limits.len }, &x);
	free(exact);
	return is_allowed;
}

struct row {
	const char *permitted, *excluded, *names;
	bool is_allowed;
};

static void check_rows(const struct row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		const struct row *r = &rows[i];

		if (allow(constraints(r->permitted, r->excluded), "", r->names) != r->is_allowed)
			fail_msg("'%s', not '%s': '%s' is %s", r->permitted ? r->permitted : "",
			    r->excluded ? r->excluded : "", r->names,
			    r->is_allowed ? "refused" : "allowed");
	}
}

#define CHECK_ROWS(rows) check_rows(rows, sizeof(rows) / sizeof((rows)[0]))

static void host_names(void **state)
{
	static const struct row rows[] = {
		{ "d:example.com", NULL, "d:example.com", true },
		{ "d:example.com", NULL, "d:a.b.EXAMPLE.com", true },
		{ "d:example.com", NULL, "d:notexample.com", false },
		{ "d:example.com", NULL, "d:example.org", false },
		{ "d:example.com", NULL, "d:com", false },
		{ "d:example.com", NULL, "d:example.com.", false },
		{ "d:example.com", NULL, "d:a..example.com", false },
		{ "d:example.com", NULL, "d:.example.com", false },
		{ "d:example.com", NULL, "d:", false },
		{ "d:example.com", NULL, "d:a.example.com d:b.example.org", false },
		{ "d:example.com d:example.org", NULL, "d:a.example.com d:b.example.org", true },
		{ "d:example.com", NULL, "", true }, /* nothing that the constraint is about */
		{ "d:example.com", NULL, "e:a@b.example.org", true },
		{ "d:.example.com", NULL, "d:a.example.com", true },
		{ "d:.example.com", NULL, "d:example.com", false },
		{ "d:", NULL, "d:whatever.example.org", true },
		{ "d:example.com.", NULL, "d:a.example.com", false },
		{ "d:example.com", NULL, "d:*.example.com", true },
		{ "d:a.example.com", NULL, "d:*.example.com", false },
		{ "d:.example.com", NULL, "d:*.example.com", true },
		{ "d:example.com", NULL, "d:f*.example.com", false },
		{ "d:example.com", NULL, "d:*.*.example.com", false },
		{ NULL, "d:example.com", "d:example.org", true },
		{ NULL, "d:example.com", "d:www.example.com", false },
		{ NULL, "d:example.com", "d:WWW.example.COM", false },
		{ NULL, "d:example.com", "d:www.example.com.", false },
		{ NULL, "d:bad.example.com", "d:good.example.com", true },
		/* The wildcard would be that name, too. */
		{ NULL, "d:bad.example.com", "d:*.example.com", false },
		{ NULL, "d:bad.example.com", "d:*.bad.example.com", false },
		{ NULL, "d:x.bad.example.com", "d:*.example.com", true },
		{ NULL, "d:", "d:example.com", false },
		{ "d:example.com", "d:bad.example.com", "d:good.example.com", true },
		{ "d:example.com", "d:bad.example.com", "d:bad.example.com", false },
		{ "d:example.com", "d:bad.example.com", "d:a.bad.example.com", false },
	};

	(void)state;
	CHECK_ROWS(rows);
	/* A zero byte ends no name. */
	assert_false(name_constraints_allow(constraints("d:example.com", NULL),
	    &(struct x509){ .subject = kit_name(""),
		.names = kit_tlv(DER_CONTEXT(2), KIT_BYTES("evil.org\0.example.com")) }));
}

static void mail_addresses(void **state)
{
	static const struct row rows[] = {
		{ "e:example.com", NULL, "e:joe@example.com", true },
		{ "e:example.com", NULL, "e:joe@EXAMPLE.com", true },
		{ "e:example.com", NULL, "e:joe@mail.example.com", false },
		{ "e:.example.com", NULL, "e:joe@mail.example.com", true },
		{ "e:.example.com", NULL, "e:joe@example.com", false },
		{ "e:joe@example.com", NULL, "e:joe@example.com", true },
		{ "e:joe@example.com", NULL, "e:joe@Example.Com", true },
		{ "e:joe@example.com", NULL, "e:Joe@example.com", false },
		{ "e:joe@example.com", NULL, "e:jim@example.com", false },
		{ "e:example.com", NULL, "e:example.com", false },
		{ "e:example.com", NULL, "e:@example.com", false },
		{ "e:example.com", NULL, "e:evil@example.org@example.com", true },
		{ "e:example.com", NULL, "e:joe@example.com@example.org", false },
		{ "e:example.com", NULL, "e:joe@example.com.", false },
		{ NULL, "e:joe@example.com", "e:jim@example.com", true },
		{ NULL, "e:joe@example.com", "e:JOE@example.com", false },
		{ NULL, "e:example.com", "e:joe@example.com", false },
		{ NULL, "e:example.com", "e:joe@example.org", true },
		{ NULL, "e:example.com", "e:nobody", false },
		/* RFC 9598: mail in another coat is not let past. */
		{ "e:example.com", NULL, "m:joe@example.com", false },
		{ NULL, "e:example.com", "m:joe@example.org", false },
		{ "d:example.com", NULL, "m:joe@example.org", true },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static struct der mail_subject(const char *address)
{
	static const char id[] = "\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01";

	return KIT_SEQUENCE(kit_tlv(DER_SET, KIT_SEQUENCE(KIT_BYTES(id), kit_text(0x16, address))));
}

static void mail_in_the_subject_counts_when_there_is_no_other(void **state)
{
	struct x509 x = { .subject = mail_subject("joe@example.org") };

	(void)state;
	assert_false(name_constraints_allow(constraints("e:example.com", NULL), &x));
	assert_false(name_constraints_allow(constraints(NULL, "e:example.org"), &x));
	assert_true(name_constraints_allow(constraints("e:example.org", NULL), &x));
	x.names = names("e:joe@example.com", false);
	assert_true(name_constraints_allow(constraints("e:example.com", NULL), &x));
	x.names = names("d:example.com", false);
	assert_false(name_constraints_allow(constraints("e:example.com", NULL), &x));
}

static void uris(void **state)
{
	static const struct row rows[] = {
		{ "u:example.com", NULL, "u:https://example.com/x", true },
		{ "u:example.com", NULL, "u:https://a.example.com/x", false },
		{ "u:.example.com", NULL, "u:spiffe://a.example.com/x", true },
		{ "u:.example.com", NULL, "u:spiffe://example.com/x", false },
		{ "u:example.com", NULL, "u:https://joe@example.com:8443?x", true },
		{ "u:example.com", NULL, "u:https://example.com@evil.org/", false },
		{ "u:example.com", NULL, "u:https://evil.org/@example.com", false },
		{ "u:example.com", NULL, "u:https://evil.org#@example.com", false },
		{ "u:example.com", NULL, "u:https://evil.org\\@example.com", true },
		{ "u:example.com", NULL, "u:https://example.com\\@evil.org", false },
		{ "u:example.com", NULL, "u:urn:example.com", false },
		{ "u:example.com", NULL, "u:https:///example.com", false },
		{ "u:example.com", NULL, "u:spiffe:evil/://example.com", false },
		{ "u:example.com", NULL, "u:mailto:x?y=://example.com", false },
		{ "u:example.com", NULL, "u:://example.com", false },
		{ "u:example.com", NULL, "u:git+ssh://example.com", true },
		{ "u:example.com", NULL, "u:https://192.0.2.1/", false },
		{ "u:example.com", NULL, "u:https://[2001:db8::1]/", false },
		{ NULL, "u:example.com", "u:https://192.0.2.1/", false },
		{ NULL, "u:example.com", "u:https://example.org/", true },
		{ NULL, "u:.example.com", "u:https://www.example.com/", false },
		{ NULL, "u:.example.com", "d:www.example.com", true },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void addresses(void **state)
{
	static const struct row rows[] = {
		{ "i:10.0.0.0/255.0.0.0", NULL, "i:10.1.2.3", true },
		{ "i:10.0.0.0/255.0.0.0", NULL, "i:11.1.2.3", false },
		{ "i:10.0.0.0/255.0.0.0", NULL, "i:fd80::1", false },
		{ "i:10.0.0.0/255.0.0.0 i:fd80::/ffff::", NULL, "i:fd80::1", true },
		{ NULL, "i:10.0.0.0/255.0.0.0", "i:10.1.2.3", false },
		{ NULL, "i:10.0.0.0/255.0.0.0", "i:11.1.2.3", true },
		{ NULL, "i:10.0.0.0/255.0.0.0", "i:fd80::1", true },
		{ NULL, "i:0.0.0.0/0.0.0.0", "i:10.1.2.3", false },
		{ "i:10.0.0.0", NULL, "i:10.0.0.0", false }, /* without a mask */
		{ NULL, "i:10.0.0.0", "i:11.0.0.0", false },
	};

	(void)state;
	CHECK_ROWS(rows);
	assert_false(name_constraints_allow(constraints(NULL, "i:10.0.0.0/255.0.0.0"),
	    &(struct x509){ .subject = kit_name(""),
		.names = kit_tlv(DER_CONTEXT(7), KIT_BYTES("\x0b\x01\x02")) }));
}

static void directory_names(void **state)
{
	static const struct row rows[] = {
		{ "n:Acme", NULL, "n:Acme/Sales", true },
		{ "n:Acme", NULL, "n:Acme", true },
		{ "n:Acme", NULL, "n:ACME/Sales", true },
		{ "n:Acme/Sales", NULL, "n:Acme", false },
		{ "n:Acme", NULL, "n:Other/Acme", false },
		{ NULL, "n:Acme", "n:aCME/x", false },
		{ NULL, "n:Acme", "n:Acmes", true },
		{ "n:", NULL, "n:Whoever", true },
	};
	struct der printable = KIT_SEQUENCE(kit_tlv(DER_SET,
	    KIT_SEQUENCE(KIT_BYTES("\x06\x03\x55\x04\x03"), kit_text(0x13, " the  ACME "))));
	struct der wide = KIT_SEQUENCE(kit_tlv(DER_SET,
	    KIT_SEQUENCE(
		KIT_BYTES("\x06\x03\x55\x04\x03"), kit_tlv(0x1e, KIT_BYTES("\0A\0c\0m\0e")))));

	(void)state;
	CHECK_ROWS(rows);
	/* The subject is one as well, unless it is empty. */
	assert_true(allow(constraints("n:Acme", NULL), "Acme/Sales", ""));
	assert_false(allow(constraints("n:Acme", NULL), "Other", ""));
	assert_false(allow(constraints(NULL, "n:Acme"), "Acme/Sales", ""));
	assert_true(allow(constraints("n:Acme", NULL), "", ""));
	/* RFC 5280 7.1: kind of string, case and blanks make no other name, whether it is wanted or not. */
	assert_false(
	    name_constraints_allow(constraints(NULL, "n:Acme"), &(struct x509){ .subject = wide }));
	assert_true(
	    name_constraints_allow(constraints("n:Acme", NULL), &(struct x509){ .subject = wide }));
	assert_true(name_constraints_allow(
	    KIT_PARTS(kit_tlv(DER_EXPLICIT(0), KIT_SEQUENCE(kit_tlv(DER_EXPLICIT(4), printable)))),
	    &(struct x509){ .subject = KIT_SEQUENCE(kit_tlv(DER_SET,
				KIT_SEQUENCE(KIT_BYTES("\x06\x03\x55\x04\x03"),
				    kit_text(0x0c, "The Acme")))) }));
}

static void forms_that_are_not_known_refuse(void **state)
{
	static const struct row rows[] = {
		{ "o:x", NULL, "o:x", false },
		{ NULL, "o:x", "o:y", false },
		{ "r:x", NULL, "r:x", false },
		{ NULL, "r:x", "r:y", false },
		{ "o:x", NULL, "d:example.com", true },
		{ NULL, "o:x", "d:example.com", true },
		{ "d:example.com", NULL, "o:x d:example.com", true },
	};

	(void)state;
	CHECK_ROWS(rows);
}

static void constraints_that_cannot_be_read_refuse(void **state)
{
	struct der good = general_name("d:example.com");
	const struct der bad[] = {
		KIT_BYTES("\x30\x00"),
		kit_tlv(DER_EXPLICIT(0), KIT_BYTES("\x30\x05\x82\x01")),
		kit_tlv(DER_EXPLICIT(0), KIT_BYTES("\x30\x00")),
		/* minimum 1; maximum 0 */
		kit_tlv(DER_EXPLICIT(0), KIT_SEQUENCE(good, KIT_BYTES("\x80\x01\x01"))),
		kit_tlv(DER_EXPLICIT(1), KIT_SEQUENCE(good, KIT_BYTES("\x81\x01\x00"))),
		/* the wrong way round, twice, something behind them */
		KIT_PARTS(constraints(NULL, "d:a"), constraints("d:a", NULL)),
		KIT_PARTS(constraints("d:a", NULL), constraints("d:a", NULL)),
		KIT_PARTS(constraints("d:a", NULL), KIT_BYTES("\x05\x00")),
	};
	struct der plain = kit_tlv(
	    DER_EXPLICIT(0), KIT_SEQUENCE(good, KIT_BYTES("\x80\x01\x00"))); /* the default */

	(void)state;
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_non_null(name_constraints_check(bad[i]));
		assert_false(allow(bad[i], "", "e:a@b"));
	}
	assert_null(name_constraints_check(plain));
	assert_true(allow(plain, "", "d:a.example.com"));
	assert_true(allow(KIT_NOTHING, "whoever", "d:whatever"));
	/* Names that cannot be read. */
	assert_false(name_constraints_allow(constraints("d:a", NULL),
	    &(struct x509){ .subject = kit_name(""),
		.names = KIT_BYTES("\x82\x05"
				   "a") }));
	assert_false(name_constraints_allow(
	    constraints("d:a", NULL), &(struct x509){ .subject = KIT_NOTHING }));
}

/* 400 names against 400 constraints, all of them alike but for the last label. */
static void work_is_bounded(void **state)
{
	struct der all = KIT_NOTHING, subtrees = KIT_NOTHING;
	char text[32];

	(void)state;
	for (unsigned i = 0; i < 400; i++) {
		snprintf(text, sizeof(text), "d:n%u.test", i);
		all = KIT_PARTS(all, general_name(text));
		subtrees = KIT_PARTS(subtrees, KIT_SEQUENCE(general_name(text)));
		if (i == 100)
			assert_true(name_constraints_allow(kit_tlv(DER_EXPLICIT(0), subtrees),
			    &(struct x509){ .subject = kit_name(""), .names = all }));
	}
	assert_false(name_constraints_allow(kit_tlv(DER_EXPLICIT(0), subtrees),
	    &(struct x509){ .subject = kit_name(""), .names = all }));
}

/* --- chains --- */

static struct der
ca_of(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *signer, struct der limits)
{
	struct der extension =
	    limits.len > 0 ? kit_extension(30, true, kit_tlv(DER_SEQUENCE, limits)) : KIT_NOTHING;

	return kit_x509(&(struct kit_x509){ .subject = subject,
	    .issuer = issuer,
	    .key = key,
	    .signer = signer,
	    .extensions = KIT_PARTS(kit_ca(-1), extension) });
}

static struct der leaf_of(const char *issuer, EVP_PKEY *signer, const char *alternatives)
{
	return kit_x509(&(struct kit_x509){ .subject = "leaf",
	    .issuer = issuer,
	    .key = signer,
	    .signer = signer,
	    .extensions =
		kit_extension(17, false, kit_tlv(DER_SEQUENCE, names(alternatives, false))) });
}

static enum client_cert_status under(struct der root, const struct der *chain, unsigned n)
{
	const char *why;
	struct trust_store *t = kit_store(&root, 1, KIT_NOTHING, trust_defaults, &why);
	enum client_cert_status status;

	if (!t)
		fail_msg("%s", why);
	status = kit_verify(t, chain, n);
	trust_put(t);
	return status;
}

#define assert_under(root, wanted, ...)                                              \
	assert_string_equal(                                                         \
	    client_cert_status_name(under(root, (const struct der[]){ __VA_ARGS__ }, \
		sizeof((const struct der[]){ __VA_ARGS__ }) / sizeof(struct der))),  \
	    client_cert_status_name(wanted))

static void every_ca_of_a_chain_limits_all_below(void **state)
{
	EVP_PKEY *a = kit_ec_key(), *b = kit_ec_key(), *c = kit_ec_key();
	struct der root = ca_of("Root", a, "Root", a, KIT_NOTHING);
	struct der limited = ca_of("Root", a, "Root", a, constraints("d:example.com", NULL));
	struct der sub = ca_of("Sub", b, "Root", a, constraints(NULL, "d:bad.example.com"));
	struct der free_sub = ca_of("Sub", b, "Root", a, KIT_NOTHING);
	struct der third = ca_of("Third", c, "Sub", b, KIT_NOTHING);
	/* The CA's own certificate anew: what its name is, it may be called (RFC 5280 6.1.3). */
	struct der named = ca_of("Root", a, "Root", a, constraints("n:Elsewhere", NULL));
	struct der again = ca_of("Root", c, "Root", a, KIT_NOTHING);
	struct der bad = ca_of("Root", a, "Root", a,
	    kit_tlv(DER_EXPLICIT(0), KIT_SEQUENCE(general_name("d:a"), KIT_BYTES("\x80\x01\x05"))));
	const char *why;

	(void)state;
	assert_under(limited, CLIENT_CERT_SUCCESS, leaf_of("Root", a, "d:a.example.com"));
	assert_under(limited, CLIENT_CERT_INVALID, leaf_of("Root", a, "d:a.example.org"));
	assert_under(limited, CLIENT_CERT_INVALID, leaf_of("Sub", b, "d:a.example.org"), free_sub);
	assert_under(
	    root, CLIENT_CERT_INVALID, leaf_of("Third", c, "d:x.bad.example.com"), third, sub);
	assert_under(
	    root, CLIENT_CERT_SUCCESS, leaf_of("Third", c, "d:x.good.example.com"), third, sub);
	assert_under(
	    limited, CLIENT_CERT_INVALID, leaf_of("Third", c, "d:x.good.example.org"), third, sub);
	/* Intermediates are limited as well, those that only renew a CA are not. */
	assert_under(ca_of("Root", a, "Root", a, constraints("n:leaf", NULL)), CLIENT_CERT_INVALID,
	    leaf_of("Sub", b, "d:a"), free_sub);
	assert_under(named, CLIENT_CERT_INVALID, leaf_of("Root", c, "d:a"), again);
	assert_under(ca_of("Root", a, "Root", a, constraints("n:leaf", NULL)), CLIENT_CERT_SUCCESS,
	    leaf_of("Root", c, "d:a"), again);
	assert_null(kit_store(&bad, 1, KIT_NOTHING, trust_defaults, &why));
	assert_non_null(strstr(why, "name constraints that cannot be read"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(host_names),
		cmocka_unit_test(mail_addresses),
		cmocka_unit_test(mail_in_the_subject_counts_when_there_is_no_other),
		cmocka_unit_test(uris),
		cmocka_unit_test(addresses),
		cmocka_unit_test(directory_names),
		cmocka_unit_test(forms_that_are_not_known_refuse),
		cmocka_unit_test(constraints_that_cannot_be_read_refuse),
		cmocka_unit_test(work_is_bounded),
		cmocka_unit_test(every_ca_of_a_chain_limits_all_below),
	};

	return cmocka_run_group_tests(tests, NULL, drop_kit);
}
