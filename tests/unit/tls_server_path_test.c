/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/tls_data_kit.h"
#include "tests/unit/x509_kit.h"

#include <cmocka.h>

/* Chains that servers show: what a CA is for counts for them as it does for clients, the other way around. */

static EVP_PKEY *root_key, *inter_key, *leaf_key;

static int make_keys(void **state)
{
	(void)state;
	root_key = kit_ec_key();
	inter_key = kit_ec_key();
	leaf_key = kit_ec_key();
	return 0;
}

static int drop_keys(void **state)
{
	(void)state;
	kit_x509_reset();
	return 0;
}

/* purposes: of the CA; NULL: it does not say. */
static struct der make_ca(
    const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *signer, const char *purposes)
{
	return kit_x509(&(struct kit_x509){ .subject = subject,
	    .issuer = issuer,
	    .key = key,
	    .signer = signer,
	    .extensions = KIT_PARTS(
		kit_ca(-1), kit_usage(0x06), purposes ? kit_purposes(purposes) : KIT_NOTHING) });
}

/* What a store of one root says of leaf and intermediate, in either role. */
struct verdicts {
	enum client_cert_status server, client;
};

static struct verdicts ask(const char *root, const char *inter, const char *leaf)
{
	const struct trust_server wanted = { .host = "app.test" };
	const struct der ca = make_ca("Root", root_key, "Root", root_key, root);
	const struct der shown[2] = {
		kit_x509(&(struct kit_x509){ .subject = "leaf",
		    .issuer = "Inter",
		    .key = leaf_key,
		    .signer = inter_key,
		    .extensions = KIT_PARTS(leaf ? kit_purposes(leaf) : KIT_NOTHING,
			kit_extension(
			    17, false, KIT_SEQUENCE(kit_text(DER_CONTEXT(2), "app.test")))) }),
		make_ca("Inter", inter_key, "Root", root_key, inter),
	};
	const struct client_cert_der chain[2] = { { shown[0].at, shown[0].len },
		{ shown[1].at, shown[1].len } };
	const char *why;
	struct trust_store *t = kit_store(&ca, 1, KIT_NOTHING, trust_defaults, &why);
	struct verdicts v;
	int64_t until;

	if (!t)
		fail_msg("%s", why);
	v.server = trust_verify_server(t, &wanted, chain, 2, KIT_NOW, &until);
	v.client = kit_verify(t, shown, 2);
	trust_put(t);
	return v;
}

static void each_purpose_is_good_for_its_role_alone(void **state)
{
	static const struct {
		const char *purposes;
		enum client_cert_status server, client;
	} rows[] = {
		{ NULL, CLIENT_CERT_SUCCESS, CLIENT_CERT_SUCCESS },
		{ "12", CLIENT_CERT_SUCCESS, CLIENT_CERT_SUCCESS },
		{ "1", CLIENT_CERT_SUCCESS, CLIENT_CERT_PURPOSE },
		{ "2", CLIENT_CERT_PURPOSE, CLIENT_CERT_SUCCESS },
		{ "4", CLIENT_CERT_PURPOSE, CLIENT_CERT_PURPOSE }, /* mail */
	};

	(void)state;
	for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		for (unsigned of = 0; of < 3; of++) {
			const char *purposes = rows[i].purposes;
			struct verdicts v = ask(of == 0 ? purposes : NULL,
			    of == 1 ? purposes : NULL, of == 2 ? purposes : NULL);

			if (v.server != rows[i].server || v.client != rows[i].client)
				fail_msg("%s for '%s' alone: server %s, client %s",
				    of == 0       ? "root"
					: of == 1 ? "intermediate"
						  : "leaf",
				    purposes ? purposes : "anything",
				    server_cert_status_name(v.server),
				    client_cert_status_name(v.client));
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_purpose_is_good_for_its_role_alone),
	};

	return cmocka_run_group_tests(tests, make_keys, drop_keys);
}
