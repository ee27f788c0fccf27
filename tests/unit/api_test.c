/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "config/api/api.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "tests/unit/api_kit.h"

#include <cmocka.h>

/* Asks first whether it may send 10 MB, and does not. */
static int ask_early(void)
{
	static const char request[] =
	    "PUT /v1/certificates/www HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
	    "Expect: 100-continue\r\nContent-Length: 10485760\r\n\r\n";
	int fd = connect_to();

	send_all(fd, request, strlen(request));
	return read_answer(fd);
}

static void reads_tell_what_runs(void **state)
{
	struct stat s;

	(void)state;
	assert_int_equal(stat(path, &s), 0);
	assert_int_equal(s.st_mode & 07777, 0600);
	assert_int_equal(ask("GET", "/v1/status", NULL), 200);
	assert_says("\"generation\":1");
	assert_says("\"certificates\":3");
	assert_non_null(strstr(head, "application/json"));
	assert_int_equal(ask("GET", "/v1/certificates", NULL), 200);
	assert_says("\"name\":\"rsa\"");
	assert_says("\"listeners\":[\"https\",\"other\"]");
	assert_int_equal(ask("GET", "/v1/certificates?limit=2", NULL), 200);
	assert_says("\"next\":\"spare\"");
	assert_int_equal(ask("GET", "/v1/certificates?limit=2&after=spare", NULL), 200);
	assert_says("\"name\":\"www\"");
	assert_null(strstr(reply, "next"));
	assert_int_equal(ask("GET", "/v1/certificates?expires_within=30d", NULL), 200);
	assert_says("\"certificates\":[]");
	assert_int_equal(ask("GET", "/v1/certificates?expires_within=1000w", NULL), 200);
	assert_says("\"name\":\"www\"");
	assert_int_equal(ask("GET", "/v1/certificates/spare", NULL), 200);
	assert_says("\"key_type\":\"P-384\"");
	assert_int_equal(ask("GET", "/v1/listeners/https", NULL), 200);
	assert_says("\"bind\":[\"10.80.0.1:443\"]");
	assert_int_equal(ask("GET", "/v1/listeners/https/certificates", NULL), 200);
	assert_says("\"certificates\":[\"rsa\"]");
	assert_int_equal(ask("GET", "/v1/explain?listener=https&name=rsa.test", NULL), 200);
	assert_says("\"certificate\":\"rsa\"");
	assert_int_equal(
	    ask("GET", "/v1/explain?listener=https&name=rsa.test&sigalgs=ECDSA%2BSHA256", NULL),
	    200);
	assert_says("\"certificate\":null");
	assert_int_equal(ask("GET", "/v1/diff", NULL), 200);
	assert_says("\"same\":true");
	assert_int_equal(ask("GET", "/metrics", NULL), 200);
	assert_says("# TYPE sallyport_generation gauge\nsallyport_generation 1\n");
	assert_says("sallyport_certificate_not_after_seconds{name=\"www\",key_type=\"P-256\"} 20");
	assert_int_equal(ask("GET", "/healthz", NULL), 200);
	assert_says("{\"status\":\"ok\",\"generation\":1,\"backends\":{\"app\":{\"status\":"
		    "\"healthy\",\"panic\":false,\"targets\":{\"10.80.0.9:80\":\"unchecked\"}}}}");
	assert_int_equal(ask("GET", "/v1/workers", NULL), 200);
	assert_says("{\"workers\":[]}"); /* there is no data plane */
	assert_int_equal(ask("GET", "/v1/workers?all=1", NULL), 400);
	assert_int_equal(ask("POST", "/v1/workers", "{}"), 405);
	assert_int_equal(ask("GET", "/v1/stats", NULL), 200);
	assert_says("\"certificates\":3");
}

static void changes_are_made_and_told(void **state)
{
	(void)state;
	assert_int_equal(
	    put("/v1/certificates/new", "ed25519.pem", "ed25519.key", ",\"names\":[\"new.test\"]"),
	    200);
	assert_says("\"generation\":2");
	assert_int_equal(
	    ask("POST", "/v1/listeners/https/certificates", "{\"certificate\":\"new\"}"), 200);
	assert_string_equal(kit_served(&k, "https", "new.test"), "new");
	assert_int_equal(
	    put("/v1/certificates/new", "p521.pem", "p521.key", ",\"mode\":\"replace\""), 200);
	assert_int_equal(ask("PUT", "/v1/listeners/other/default-certificate",
			     "{\"certificates\":[\"new\",\"www\"]}"),
	    200);
	assert_string_equal(kit_served(&k, "other", "nobody.test"), "default new");
	assert_int_equal(ask("DELETE", "/v1/listeners/https/certificates/new", NULL), 200);
	assert_int_equal(ask("POST", "/v1/rollback/3", NULL), 200);
	assert_string_equal(kit_served(&k, "https", "new.test"), "new");
	assert_int_equal(ask("POST", "/v1/reload", NULL), 200);
	assert_int_equal(ask("GET", "/v1/generations", NULL), 200);
	assert_says("\"summary\":\"as in generation 3\"");
	assert_says("\"who\":\"uid 0, pid ");
	for (unsigned i = 1; i <= 3; i++)
		assert_int_equal(ask("POST", "/v1/ticket-keys/rotate", NULL), 200);
	assert_says("\"keys\":3");
	assert_int_equal(ask("POST", "/v1/ticket-keys/rotate", NULL), 500);
	assert_says("no room on the disk");
	assert_int_equal(ask("GET", "/v1/ticket-keys/rotate", NULL), 405);
	assert_int_equal(ask("POST", "/v1/ticket-keys/rotate?x=1", NULL), 400);
	assert_int_equal(ask("POST", "/v1/drain?timeout=5s", NULL), 202);
	assert_true(k.drained_s == 5);
	assert_int_equal(ask("GET", "/healthz", NULL), 503);
	assert_says("{\"status\":\"draining\",");
}

static void items_are_resources(void **state)
{
	(void)state;
	assert_int_equal(ask("GET", "/v1/backends", NULL), 200);
	assert_says("\"name\":\"app\"");
	assert_int_equal(ask("PUT", "/v1/backends/new?dry_run=1", BACKEND), 200);
	assert_says("\"dry_run\":true");
	assert_int_equal(ask("GET", "/v1/backends/new", NULL), 404);
	assert_int_equal(ask("PUT", "/v1/backends/new?mode=replace", BACKEND), 404);
	assert_int_equal(ask("PUT", "/v1/backends/new?mode=add", BACKEND), 200);
	assert_says("\"generation\":2");
	assert_int_equal(ask("PUT", "/v1/backends/new?mode=add", BACKEND), 409);
	assert_int_equal(
	    ask_with("PUT", "/v1/listeners/third", "If-Match: 1\r\n", LISTENER, strlen(LISTENER)),
	    412);
	assert_int_equal(
	    ask_with("PUT", "/v1/listeners/third", "If-Match: \"2\"\r\nIdempotency-Key: a\r\n",
		LISTENER, strlen(LISTENER)),
	    200);
	assert_int_equal(ask_with("PUT", "/v1/listeners/third", "Idempotency-Key: a\r\n", LISTENER,
			     strlen(LISTENER)),
	    200);
	assert_says("\"repeated\":true");
	assert_int_equal(ask("GET", "/v1/listeners/third", NULL), 200);
	assert_says("\"idle_timeout\":7");
	assert_says("\"default_certificate\":[\"www\"]");
	assert_says("\"certificates\":1");
	assert_says("\"source\":\"api\"");
	assert_string_equal(kit_served(&k, "third", "rsa.test"), "rsa");
	assert_int_equal(ask("GET", "/v1/config", NULL), 200);
	assert_says("\"runtime\":{\"workers\":[0]");
	assert_says("10.80.0.8:80");
	assert_int_equal(ask("GET", "/v1/diff", NULL), 200);
	assert_says("{\"op\":\"file-item\",\"section\":\"listeners\",\"item\":\"third\"}");
	assert_int_equal(ask("DELETE", "/v1/backends/new", NULL), 422);
	assert_says("which is not defined");
	assert_int_equal(ask("DELETE", "/v1/listeners/third", NULL), 200);
	assert_int_equal(ask("DELETE", "/v1/backends/new", NULL), 200);
	assert_int_equal(ask("GET", "/v1/diff", NULL), 200);
	assert_int_equal(ask("POST", "/v1/rollback/3", NULL), 200);
	assert_string_equal(kit_served(&k, "third", "rsa.test"), "rsa");
}

static void policies_and_trust_stores_say_what_they_come_to(void **state)
{
	char store[400], crl[400];

	(void)state;
	assert_int_equal(ask("GET", "/v1/policies", NULL), 200);
	assert_says("{\"policies\":[]}");
	assert_int_equal(ask("GET", "/v1/policies?builtin=1", NULL), 200);
	assert_says("tls_cipher_policy_1_2_strict_with_1_3");
	assert_int_equal(ask("GET", "/v1/policies/ELBSecurityPolicy-TLS13-1-3-2021-06", NULL), 200);
	assert_says("\"versions\":[\"TLSv1.3\"],\"suites\":[\"TLS_AES_128_GCM_SHA256\","
		    "\"TLS_AES_256_GCM_SHA384\",\"TLS_CHACHA20_POLY1305_SHA256\"]");
	assert_says("\"source\":\"builtin\"");
	assert_int_equal(ask("PUT", "/v1/policies/mine", "{\"versions\":[\"TLSv1.3\"]}"), 200);
	assert_int_equal(ask("GET", "/v1/policies/mine", NULL), 200);
	assert_says("\"status\":{\"versions\":[\"TLSv1.3\"],\"suites\":[\"TLS_AES_128");
	assert_int_equal(
	    ask("PUT", "/v1/policies/ELBSecurityPolicy-2016-08", "{\"versions\":[\"TLSv1.3\"]}"),
	    422);
	assert_says("a built-in policy has that name");
	snprintf(
	    store, sizeof(store), "{\"ca_bundle\":\"%s/unit/trust_pki/ec/root.pem\"}", TEST_FOLDER);
	snprintf(crl, sizeof(crl),
	    "{\"ca_bundle\":\"%s/unit/trust_pki/ec/root.pem\",\"status\":{},"
	    "\"crls\":[\"%s/unit/trust_pki/ec/root.crl\",\"%s/unit/trust_pki/ec/other.crl\"]}",
	    TEST_FOLDER, TEST_FOLDER, TEST_FOLDER);
	assert_int_equal(ask("PUT", "/v1/trust-stores/ours", store), 200);
	assert_null(strstr(reply, "warnings"));
	assert_int_equal(ask("PUT", "/v1/trust-stores/ours", crl), 200);
	assert_says("CRL ");
	assert_says("of CN=Other-Root has no effect");
	assert_int_equal(ask("GET", "/v1/trust-stores/ours", NULL), 200);
	assert_says("\"status\":{\"ca_certificates\":1,\"crls\":1,\"revoked\":1,\"ca_not_after\":");
	assert_says("\"crl_next_update\":");
	/* What stays as it is is not warned of again. */
	assert_int_equal(ask("PUT", "/v1/trust-stores/other", store), 200);
	assert_null(strstr(reply, "warnings"));
	assert_int_equal(ask("GET", "/metrics", NULL), 200);
	assert_says("sallyport_crl_next_update_seconds{store=\"ours\"} 20");
	assert_says("sallyport_trust_store_revoked{store=\"ours\"} 1\n");
	assert_says("sallyport_trust_store_ca_certificates{store=\"other\"} 1\n");
}

static void the_log_s_last_lines_are_told(void **state)
{
	static const char *const bad[] = { "after=x", "after=-1", "limit=513", "limit=", "after=1x",
		"after=99999999999999999999", "before=1" };
	char target[100];

	(void)state;
	assert_int_equal(ask("GET", "/v1/log", NULL), 200);
	assert_says("{\"next\":200,\"missed\":0,\"lines\":[\"line 190\",");
	assert_int_equal(ask("GET", "/v1/log?limit=0", NULL), 200);
	assert_says("{\"next\":200,\"missed\":0,\"lines\":[]}");
	assert_int_equal(ask("GET", "/v1/log?after=198", NULL), 200);
	assert_says("{\"next\":200,\"missed\":0,\"lines\":[\"line 198\",\"line 199\"]}");
	assert_int_equal(ask("GET", "/v1/log?after=90&limit=1", NULL), 200);
	assert_says("{\"next\":101,\"missed\":10,\"lines\":[\"line 100\"]}");
	/* A number of before a restart. */
	assert_int_equal(ask("GET", "/v1/log?after=1000&limit=1", NULL), 200);
	assert_says("{\"next\":101,\"missed\":0,\"lines\":[\"line 100\"]}");
	for (unsigned i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(target, sizeof(target), "/v1/log?%s", bad[i]);
		assert_int_equal(ask("GET", target, NULL), 400);
	}
	k.has_no_log = true;
	assert_int_equal(ask("GET", "/v1/log", NULL), 409);
	k.has_no_log = false;
}

static void wrong_items_are_refused(void **state)
{
	(void)state;
	assert_refused(
	    ask("PUT", "/v1/backends/app", "{\"targts\":[]}"), 422, "did you mean 'targets'?");
	assert_refused(ask("PUT", "/v1/backends/app", "[]"), 400, "JSON object");
	assert_refused(ask("PUT", "/v1/backends/app", NULL), 400, "JSON object");
	assert_refused(
	    ask("PUT", "/v1/backends/app", "{\"name\":\"other\"}"), 400, "differs from the name");
	assert_refused(ask("PUT", "/v1/backends/app?mode=maybe", BACKEND), 400, "mode is");
	assert_refused(ask("PUT", "/v1/backends/app?x=1", BACKEND), 400, "unknown argument");
	assert_refused(ask("PUT", "/v1/backends/a%20b", BACKEND), 400, "names have");
	assert_refused(
	    ask("PUT", "/v1/listeners/https", "{\"certificates\":7}"), 400, "list of at most");
	assert_refused(ask("PUT", "/v1/listeners/https", "{\"certificates\":[7]}"), 400,
	    "not the name of a certificate");
	assert_refused(ask("PUT", "/v1/listeners/https",
			   "{\"default_certificate\":[\"a\",\"b\",\"c\",\"d\",\"e\",\"f\","
			   "\"g\",\"h\",\"i\"]}"),
	    400, "at most 8");
	assert_refused(ask("PUT", "/v1/listeners/https", "{\"certificates\":[\"nobody\"]}"), 404,
	    "no certificate");
	assert_refused(ask("PUT", "/v1/ports/front0", "{}"), 404, "nothing");
	assert_refused(ask("PUT", "/v1/ticket-keys", "{\"keys\":\"short\"}"), 422, "short");
	assert_refused(ask("PUT", "/v1/ticket-keys", "{\"key\":\"x\"}"), 400, "did you mean");
	assert_refused(ask("PUT", "/v1/ticket-keys", "{\"keys\":[1]}"), 400, "a string");
}

static void encrypted_keys_are_taken_and_warnings_told(void **state)
{
	(void)state;
	assert_int_equal(put("/v1/certificates/www", "p256.pem", "p256-encrypted.key", ""), 422);
	assert_says("is encrypted");
	assert_int_equal(put("/v1/certificates/www", "p256.pem", "p256-encrypted.key",
			     ",\"passphrase\":\"wrong\""),
	    422);
	assert_int_equal(
	    put("/v1/certificates/www", "p256.pem", "p256-encrypted.key", ",\"passphrase\":\"\""),
	    400);
	assert_int_equal(put("/v1/certificates/www", "access.pem", "p256-encrypted.key",
			     ",\"passphrase\":\"x\""),
	    200);
	assert_says("\"warnings\":[\"certificate 'www': ");
	assert_int_equal(
	    put("/v1/certificates/old?dry_run=1", "expired.pem", "p256.key", ",\"force\":true"),
	    200);
	assert_says("expired");
	/* Nobody types the passphrase after a restart. */
	api_stop(api);
	api = NULL;
	assert_true(kit_restart(&k));
	assert_int_equal(kit_generation(&k), 2);
	assert_string_equal(kit_served(&k, "https", "nobody.test"), "default www");
}

/* Looking keys up takes time with each: 60,000 of them held control for minutes. */
static void settings_beyond_reason_are_refused(void **state)
{
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);

	(void)state;
	fprintf(f, "{\"targets\":[{\"k\":1");
	for (unsigned i = 0; i < 60000; i++)
		fprintf(f, ",\"k%u\":1", i);
	fprintf(f, "}]}");
	fclose(f);
	assert_refused(ask("PUT", "/v1/backends/app", text), 400, "at most 100 keys");
	free(text);
	assert_refused(ask("PUT", "/v1/backends/app",
			   "{\"targets\":[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]}"),
	    400, "nested 16 deep");
	assert_refused(ask("POST", "/v1/rollback/-1", NULL), 400, "not the number of a generation");
}

/* What comes over the API is trusted after a restart as well, and what is refused is not kept. */
static void trust_stores_take_bundles_and_lists(void **state)
{
	char *bundle = json_pem("../trust_pki/ec/root.pem"),
	     *crl = json_pem("../trust_pki/ec/root.crl");
	char *body, target[200], id[DIGEST_TEXT];

	(void)state;
	assert_refused(ask("PUT", "/v1/trust-stores/ours/ca-bundle", "{\"ca_bundle\":\"none\"}"),
	    422, "trust store 'ours'");
	assert_refused(ask("POST", "/v1/trust-stores/ours/revocations", "{\"crl\":\"x\"}"), 404,
	    "no trust store 'ours'");
	assert_true(asprintf(&body, "{\"ca_bundle\":\"%s\"}", bundle) > 0);
	assert_int_equal(ask("PUT", "/v1/trust-stores/ours/ca-bundle?dry_run=1", body), 200);
	assert_int_equal(ask("GET", "/v1/trust-stores/ours", NULL), 404);
	assert_int_equal(ask("PUT", "/v1/trust-stores/ours/ca-bundle", body), 200);
	free(body);
	assert_true(asprintf(&body, "{\"crl\":\"%s\"}", crl) > 0);
	assert_int_equal(ask("POST", "/v1/trust-stores/ours/revocations?dry_run=1", body), 200);
	assert_int_equal(ask("POST", "/v1/trust-stores/ours/revocations", body), 200);
	assert_int_equal(
	    sscanf(strstr(reply, "\"revocation\":\""), "\"revocation\":\"%64s", id), 1);
	assert_int_equal(ask("POST", "/v1/trust-stores/ours/revocations", body), 409);
	free(body);
	assert_int_equal(
	    ask("POST", "/v1/trust-stores/ours/revocations", "{\"crl\":\"no list\"}"), 422);
	assert_int_equal(ask("GET", "/v1/trust-stores/ours/revocations", NULL), 200);
	assert_says(id);
	api_stop(api);
	api = NULL;
	assert_true(kit_restart(&k));
	assert_int_equal(kit_generation(&k), 3);
	assert_int_equal(control_config(k.control)->n_trust_stores, 1);
	assert_int_equal(control_config(k.control)->trust_stores[0].n_crls, 1);
	start_api();
	snprintf(target, sizeof(target), "/v1/trust-stores/ours/revocations/%s", id);
	assert_int_equal(ask("DELETE", target, NULL), 200);
	assert_int_equal(ask("DELETE", target, NULL), 404);
	assert_int_equal(control_config(k.control)->trust_stores[0].n_crls, 0);
	free(bundle);
	free(crl);
}

/* A staple goes with its certificate: kept over restarts, and over going back to it. */
static void staples_are_put(void **state)
{
	char *body = stapled_body();
	struct ops_cert cert;

	(void)state;
	assert_refused(put("/v1/certificates/spare", "p256.pem", "p256.key", ",\"ocsp\":\"!\""),
	    422, "is no OCSP response");
	assert_int_equal(ask("PUT", "/v1/certificates/spare", body), 200);
	assert_int_equal(ask("GET", "/v1/certificates/spare", NULL), 200);
	assert_says("\"staple\":{\"next_update\":");
	assert_int_equal(put("/v1/certificates/spare", "ed25519.pem", "ed25519.key", ""), 200);
	assert_int_equal(ask("POST", "/v1/rollback/2", NULL), 200);
	api_stop(api);
	api = NULL;
	assert_true(kit_restart(&k));
	assert_true(control_ops(k.control)->cert_find(control_ops(k.control)->arg, "spare", &cert));
	assert_true(cert.has_staple);
	free(body);
}

static void ticket_keys_are_put(void **state)
{
	(void)state;
	assert_int_equal(ask("PUT", "/v1/ticket-keys", "{\"keys\":\"one line of a key\\n\"}"), 200);
	assert_says("\"keys\":1");
	assert_string_equal(k.ticket_keys, "one line of a key\n");
}

static void nonsense_is_refused(void **state)
{
	char *large = malloc(10 << 20);

	(void)state;
	memset(large, 'x', 10 << 20);
	assert_refused(put("/v1/certificates/www", "p256.pem", "other.key", ""), 422, "key");
	assert_refused(
	    put("/v1/certificates/www", "expired.pem", "p256.key", ""), 422, "expired on");
	assert_refused(put("/v1/certificates/www", "p256.pem", "p256.key", ",\"mode\":\"add\""),
	    409, "already");
	assert_refused(
	    put("/v1/certificates/nobody", "p256.pem", "p256.key", ",\"mode\":\"replace\""), 404,
	    "no certificate");
	assert_refused(put("/v1/certificates/www", "p256.pem", "p256.key", ",\"mode\":\"maybe\""),
	    400, "'mode'");
	assert_refused(put("/v1/certificates/www", "p256.pem", "p256.key", ",\"nmaes\":[]"), 400,
	    "did you mean 'names'?");
	assert_refused(
	    put("/v1/certificates/www", "p256.pem", "p256.key", ",\"names\":[]"), 400, "'names'");
	assert_refused(
	    put("/v1/certificates/www", "p256.pem", "p256.key", ",\"names\":[7]"), 400, "'names'");
	assert_refused(put("/v1/certificates/www", "p256.pem", "p256.key", ",\"names\":[\"a b\"]"),
	    422, "a b");
	assert_refused(
	    put("/v1/certificates/www", "p256.pem", "p256.key", ",\"force\":1"), 400, "'force'");
	assert_refused(
	    put("/v1/certificates/a%20b", "p256.pem", "p256.key", ""), 400, "names have");
	assert_refused(put("/v1/certificates/a%00", "p256.pem", "p256.key", ""), 400, "names have");
	assert_refused(put("/v1/certificates/..%2f..", "p256.pem", "p256.key", ""), 404, "nothing");
	assert_refused(put("/v1/certificates/www?dryrun=1", "p256.pem", "p256.key", ""), 400,
	    "did you mean 'dry_run'?");
	assert_refused(
	    ask_with("PUT", "/v1/certificates/www", "", large, 10 << 20), 413, "1048576");
	assert_refused(ask_early(), 413, "1048576");
	assert_refused(ask("PUT", "/v1/certificates/www", "{\"chain\": "), 400, "not JSON: line 1");
	assert_refused(ask("PUT", "/v1/certificates/www", "{\"chain\":\"a\",\"chain\":\"b\"}"), 400,
	    "not JSON");
	assert_refused(ask("PUT", "/v1/certificates/www", "[]"), 400, "must be a JSON object");
	assert_refused(
	    ask("PUT", "/v1/certificates/www", "{\"chain\":\"a\\u0000b\",\"key\":\"k\"}"), 400,
	    "not JSON");
	assert_refused(ask("PUT", "/v1/certificates/www", "{}"), 400, "'chain' is missing");
	assert_refused(ask("PUT", "/v1/certificates/www", NULL), 400, "needs a body");
	assert_refused(ask("GET", "/v1/certificates/www", "{}"), 400, "takes no body");
	assert_refused(ask("POST", "/v1/status", NULL), 405, "not possible");
	assert_refused(ask("GET", "/v2/status", NULL), 404, "nothing");
	assert_refused(ask("GET", "/v1/a/b/c/d/e/f/g", NULL), 404, "nothing");
	assert_refused(ask("GET", "/v1/certificates?limit=0", NULL), 400, "limit");
	assert_refused(ask("GET", "/v1/certificates?expires_within=soon", NULL), 400, "30d");
	assert_refused(ask("GET", "/v1/explain", NULL), 400, "'listener'");
	assert_refused(ask("GET", "/v1/explain?listener=https&sigalgs=rot13", NULL), 400, "rot13");
	assert_refused(ask("POST", "/v1/rollback/x", NULL), 400, "number");
	assert_refused(ask("POST", "/v1/rollback/77", NULL), 404, "not kept");
	assert_refused(ask("DELETE", "/v1/certificates/www", NULL), 409, "is a default");
	assert_refused(
	    ask("PUT", "/v1/listeners/https/default-certificate", "{\"certificates\":[]}"), 400,
	    "1 to 8");
	assert_refused(
	    ask_with("POST", "/v1/reload", "If-Match: 9\r\n", NULL, 0), 412, "is 1, not 9");
	assert_refused(ask_with("POST", "/v1/reload", "If-Match: x\r\n", NULL, 0), 400, "If-Match");
	assert_refused(
	    ask("POST", "/v1/transactions/0123456789abcdef/commit", NULL), 404, "no transaction");
	free(large);
}

static void second_writer_of_a_generation_is_refused(void **state)
{
	(void)state;
	assert_int_equal(ask_with("POST", "/v1/reload", "If-Match: \"1\"\r\n", NULL, 0), 200);
	assert_int_equal(ask_with("POST", "/v1/reload", "If-Match: \"1\"\r\n", NULL, 0), 412);
	assert_int_equal(kit_generation(&k), 2);
}

static void repeated_key_is_done_once(void **state)
{
	static const char body[] = "{\"certificate\":\"spare\"}";

	(void)state;
	assert_int_equal(ask_with("POST", "/v1/listeners/https/certificates",
			     "Idempotency-Key: abc\r\n", body, strlen(body)),
	    200);
	assert_says("\"generation\":2");
	assert_int_equal(ask_with("POST", "/v1/listeners/https/certificates",
			     "Idempotency-Key: abc\r\n", body, strlen(body)),
	    200);
	assert_says("\"repeated\":true");
	assert_says("\"generation\":2");
	assert_int_equal(ask_with("POST", "/v1/listeners/other/certificates",
			     "Idempotency-Key: abc\r\n", body, strlen(body)),
	    409);
	assert_int_equal(kit_generation(&k), 2);
}

static void dry_run_only_tells(void **state)
{
	(void)state;
	assert_refused(ask("POST", "/v1/listeners/https/certificates?dry_run=1",
			   "{\"certificate\":\"spare\"}"),
	    200, "\"dry_run\":true");
	assert_refused(
	    ask("POST", "/v1/listeners/https/certificates?dry_run=1", "{\"certificate\":\"rsa\"}"),
	    409, "already");
	assert_refused(ask("POST", "/v1/reload?dry_run=1", NULL), 200, "\"generation\":2");
}

/* Clients that connect and say nothing, or half a request, are in nobody's way. */
static void silent_clients_hold_up_nobody(void **state)
{
	static int fds[600];
	int64_t start = now_ms();

	(void)state;
	for (unsigned i = 0; i < 600; i++) {
		fds[i] = connect_to();
		if (fds[i] >= 0 && i % 2)
			send_all(fds[i],
			    "PUT /v1/certificates/www HTTP/1.1\r\nContent-Length: 500\r\n\r\n{",
			    60);
		if (i % 50 == 0)
			assert_int_equal(ask("GET", "/v1/status", NULL), 200);
	}
	assert_int_equal(ask("GET", "/v1/status", NULL), 200);
	assert_true(now_ms() - start < 20000);
	for (unsigned i = 0; i < 600; i++)
		if (fds[i] >= 0)
			close(fds[i]);
	assert_int_equal(ask("GET", "/v1/status", NULL), 200);
}

/* A body that comes drop by drop is not waited for. */
static void slow_body_is_hung_up_on(void **state)
{
	int64_t start = now_ms();
	int fd = connect_to();
	char byte;
	bool open = true;

	(void)state;
	send_all(fd, "PUT /v1/certificates/www HTTP/1.1\r\nContent-Length: 5000\r\n\r\n{", 61);
	while (open && now_ms() - start < 30000) {
		const struct timeval moment = { .tv_usec = 200000 };

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &moment, sizeof(moment));
		api_poll(api, 16);
		open = send(fd, " ", 1, MSG_NOSIGNAL) == 1 && (recv(fd, &byte, 1, 0) != 0);
	}
	close(fd);
	assert_false(open);
	assert_true(now_ms() - start < 25000);
}

static void wait_until_queued(void)
{
	struct pollfd event = { .fd = api_fd(api), .events = POLLIN };

	assert_int_equal(poll(&event, 1, 30000), 1);
}

static void stop_answers_what_is_waiting(void **state)
{
	int fd = connect_to();
	static const char request[] =
	    "GET /v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	char answer[512];

	(void)state;
	assert_true(send(fd, request, strlen(request), 0) > 0);
	wait_until_queued();
	api_stop(api);
	api = NULL;
	assert_true(recv(fd, answer, sizeof(answer) - 1, 0) > 12);
	close(fd);
	assert_memory_equal(answer, "HTTP/1.1 503", 12);
	assert_int_equal(access(path, F_OK), -1);
}

/* As after a drain without connections: the end comes right behind the answer. */
static void stop_lets_answers_out(void **state)
{
	const struct api_config config = {
		.mode = 0600, .socket = path, .ops = control_ops(k.control)
	};
	static const char request[] = "GET /v1/generations HTTP/1.1\r\nHost: x\r\n\r\n";
	char answer[512];

	(void)state;
	for (unsigned i = 0; i < 20; i++) {
		int fd = connect_to();

		assert_true(send(fd, request, strlen(request), 0) > 0);
		wait_until_queued();
		api_poll(api, 1);
		api_stop(api);
		assert_true(recv(fd, answer, sizeof(answer) - 1, 0) > 12);
		assert_memory_equal(answer, "HTTP/1.1 200", 12);
		close(fd);
		api = api_start(&config, &k.e);
		assert_non_null(api);
	}
}

/* A scrape does not wait for what control is doing. */
static void metrics_do_not_wait_for_control(void **state)
{
	static const char quick[] = "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	static const char health[] =
	    "GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
	const struct timeval limit = { .tv_sec = 30 };
	const char *const requests[] = { quick, health };
	char answer[65536] = "";

	(void)state;
	api_set_busy(api, true);
	for (unsigned i = 0; i < 2; i++) {
		int fd = connect_to();

		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
		assert_true(send(fd, requests[i], strlen(requests[i]), 0) > 0);
		/* Nobody polls. */
		assert_true(recv(fd, answer, sizeof(answer) - 1, MSG_WAITALL) > 20);
		assert_memory_equal(answer, "HTTP/1.1 200", 12);
		answer[sizeof(answer) - 1] = '\0';
		assert_int_equal(strstr(answer, "\"10.80.0.9:80\":\"unchecked\"") != NULL, i == 1);
		close(fd);
	}
	api_set_busy(api, false);
	assert_int_equal(ask("GET", "/metrics", NULL), 200);
	assert_says("sallyport_generation 1\n");
}

static void socket_of_another_is_not_taken(void **state)
{
	struct api_config config = { .mode = 0600, .socket = path, .ops = control_ops(k.control) };
	FILE *f;

	(void)state;
	err_init(&k.e);
	assert_null(api_start(&config, &k.e));
	assert_non_null(strstr(k.e.text, "another process listens"));
	api_stop(api);
	api = NULL;
	f = fopen(path, "w");
	fclose(f);
	err_init(&k.e);
	assert_null(api_start(&config, &k.e));
	assert_non_null(strstr(k.e.text, "is no socket"));
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(reads_tell_what_runs),
		CASE(changes_are_made_and_told),
		CASE(items_are_resources),
		CASE(policies_and_trust_stores_say_what_they_come_to),
		CASE(the_log_s_last_lines_are_told),
		CASE(wrong_items_are_refused),
		CASE(encrypted_keys_are_taken_and_warnings_told),
		CASE(settings_beyond_reason_are_refused),
		CASE(trust_stores_take_bundles_and_lists),
		CASE(staples_are_put),
		CASE(ticket_keys_are_put),
		CASE(nonsense_is_refused),
		CASE(second_writer_of_a_generation_is_refused),
		CASE(repeated_key_is_done_once),
		CASE(dry_run_only_tells),
		CASE(silent_clients_hold_up_nobody),
		CASE(slow_body_is_hung_up_on),
		CASE(stop_answers_what_is_waiting),
		CASE(stop_lets_answers_out),
		CASE(metrics_do_not_wait_for_control),
		CASE(socket_of_another_is_not_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
