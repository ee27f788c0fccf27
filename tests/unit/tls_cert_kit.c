/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/unit/tls_cert_kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct err cert_err;

struct cert *cert_good(const char *chain, const char *key)
{
	struct cert *c = kit_cert(chain, key, &cert_err);

	if (!c)
		fail_msg("%s with %s: %s", chain, key, cert_err.text);
	assert_int_equal(cert_err.n, 0);
	return c;
}

void cert_bad(const char *chain, const char *key, const char *says)
{
	struct cert *c = kit_cert(chain, key, &cert_err);

	if (c)
		fail_msg("%s with %s was accepted", chain, key);
	if (!strstr(cert_err.text, says) ||
	    strncmp(cert_err.text, "test.cfg:7: certificate 'www': ", 31) != 0)
		fail_msg("%s with %s says: %s", chain, key, cert_err.text);
}
