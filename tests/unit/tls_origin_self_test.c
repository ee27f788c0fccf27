/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include "config/err.h"
#include "tests/unit/tls_origin_kit.h"
#include "tls/cert.h"
#include "tls/hello.h"
#include "tls/policy.h"
#include "tls/select.h"
#include "tls/service.h"

#include <cmocka.h>

/* Our client against our server: groups that the system's OpenSSL does not have, and what both sides say of it. */

struct pipe {
	uint8_t at[1 << 16];
	size_t head, len;
};

static struct tls_worker *worker;
static struct err e;

static int setup(void **state)
{
	const struct tls_worker_config config = { .max_contexts = 8 };

	if (kit_origin_setup(state) != 0)
		return -1;
	worker = tls_worker_new(&config);
	return worker ? 0 : -1;
}

static int teardown(void **state)
{
	tls_worker_free(worker);
	return kit_origin_teardown(state);
}

/* o: followed, when h is a client. */
static enum handshake_status
step(struct handshake *h, const struct origin *o, struct pipe *in, struct pipe *out)
{
	struct iovec in_v = { in->at + in->head, in->len - in->head };
	struct iovec out_v = { out->at + out->len, sizeof(out->at) - out->len };
	struct record_io io = { .in = &in_v, .n_in = 1, .out = &out_v, .n_out = 1 };
	enum handshake_status status;

	do {
		tls_worker_poll(worker);
		while (tls_worker_ready(worker))
			;
		handshake_follow_origin(h, o);
		status = handshake_step(h, &io);
		in->head += io.consumed;
		out->len += io.produced;
		in_v = (struct iovec){ in->at + in->head, in->len - in->head };
		out_v = (struct iovec){ out->at + out->len, sizeof(out->at) - out->len };
	} while (status == HANDSHAKE_WANT_KEY);
	return status;
}

/* Both sides' facts when both are done. How often the client had to send before its last flight. */
static unsigned shake(const struct origin *o, const struct tls_service *s,
    struct handshake_facts *ours, struct handshake_facts *theirs)
{
	static struct pipe there, back;
	static uint8_t scratch[HELLO_SCRATCH];
	const struct origin_peer peer = { .address_len = 4 };
	struct handshake *client = handshake_new_client(worker, o, &peer, NULL), *server;
	enum handshake_status at_client = HANDSHAKE_WANT_READ, at_server = HANDSHAKE_WANT_READ;
	struct tls_choice choice;
	struct hello hello;
	unsigned n_hellos = 0;
	struct record r;
	struct iovec iov;
	uint8_t alert;
	size_t need;

	there.head = there.len = back.head = back.len = 0;
	assert_int_equal(step(client, o, &back, &there), HANDSHAKE_WANT_READ);
	iov = (struct iovec){ there.at, there.len };
	assert_int_equal(hello_read(&hello, &iov, 1, scratch, &need, &alert), HELLO_OK);
	assert_int_equal(select_certificate(s, &hello, &choice), 0);
	server = handshake_new(worker, &choice, NULL);
	for (unsigned i = 0; i < 10; i++) {
		if (at_server != HANDSHAKE_DONE)
			at_server = step(server, NULL, &there, &back);
		if (at_client != HANDSHAKE_DONE)
			at_client = step(client, o, &back, &there);
		n_hellos += at_client == HANDSHAKE_WANT_READ;
	}
	assert_int_equal(at_server, HANDSHAKE_DONE);
	assert_int_equal(at_client, HANDSHAKE_DONE);
	*ours = *handshake_facts(client);
	*theirs = *handshake_facts(server);
	assert_int_equal(handshake_finish(client, &r), 0);
	record_fini(&r, tls_worker_aead(worker));
	assert_int_equal(handshake_finish(server, &r), 0);
	record_fini(&r, tls_worker_aead(worker));
	return 1 + n_hellos;
}

static void groups_are_agreed_on(void **state)
{
	static const struct {
		const char *ours[2], *theirs[2];
		uint16_t group;
		unsigned n_hellos;
	} cases[] = {
		{ { "X25519MLKEM768", "x25519" }, { "X25519MLKEM768", "x25519" }, 4588, 1 },
		/* The second key share spares a round trip with a server that has no hybrid. */
		{ { "X25519MLKEM768", "x25519" }, { "x25519", "secp256r1" }, 29, 1 },
		/* Neither share will do: HelloRetryRequest. */
		{ { "x25519", "secp256r1" }, { "secp256r1", "secp384r1" }, 23, 2 },
		{ { "secp256r1", "X25519MLKEM768" }, { "X25519MLKEM768", "x25519" }, 4588, 2 },
	};
	struct cert *cert = kit_leaf_cert(&(struct kit_leaf){ .issuer = KIT_ROOT });

	(void)state;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const struct policy_spec ours = {
			.name = "ours", .groups = cases[i].ours, .n_groups = 2
		};
		const struct policy_spec theirs = {
			.name = "theirs", .groups = cases[i].theirs, .n_groups = 2
		};
		struct policy our_policy, their_policy;
		struct origin_config config = {
			.verify = true, .server_name = "app.test", .policy = &our_policy
		};
		struct tls_service_config service = { .listener = "self",
			.own = { .policy = &their_policy },
			.defaults = &cert,
			.n_defaults = 1 };
		struct handshake_facts client, server;
		struct tls_service *s;
		struct origin *o;
		char text[256];

		assert_null(policy_make(&our_policy, &ours, text, sizeof(text)));
		assert_null(policy_make(&their_policy, &theirs, text, sizeof(text)));
		s = tls_service_new(&service, &e);
		assert_non_null(s);
		o = kit_origin(&config);
		assert_int_equal(shake(o, s, &client, &server), cases[i].n_hellos);
		assert_int_equal(client.group, cases[i].group);
		assert_int_equal(server.group, cases[i].group);
		assert_int_equal(client.suite, server.suite);
		assert_int_equal(client.version, 0x0304);
		assert_int_equal(client.server_cert_status, CLIENT_CERT_SUCCESS);
		assert_int_equal(client.client_cert_status, CLIENT_CERT_NOT_ASKED);
		assert_int_equal(server.server_cert_status, CLIENT_CERT_NOT_ASKED);
		origin_free(o);
		tls_service_free(s);
	}
	cert_put(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(groups_are_agreed_on) };

	return cmocka_run_group_tests(tests, setup, teardown);
}
