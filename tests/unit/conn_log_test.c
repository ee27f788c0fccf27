/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/conn_log.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/err.h"
#include "dataplane/conn_writer.h"
#include "dataplane/proxy/target.h"

#include <cmocka.h>

/* 2023-10-04T17:05:15.514108Z is second 90 of the workers' clock. */
static const struct conn_clock clock_then = { .wall_us = 1696439115514108, .worker_us = 90000000 };
static char line[CONN_LINE_MAX + 1];
static struct conn_record record;
static struct err e;

static struct ip_addr v4(const char *text)
{
	struct ip_addr ip = { .b = { [10] = 0xff, [11] = 0xff } };

	assert_int_equal(inet_pton(AF_INET, text, ip.b + 12), 1);
	return ip;
}

#define SAY(f, which, text) conn_facts_say(f, which, text, strlen(text))

/* A connection that went well; the caller calls conn_facts_fini. */
static struct conn_facts good(void)
{
	const struct flow flow = { .remote = v4("203.0.113.1"),
		.local = v4("10.80.0.1"),
		.remote_port = 36280,
		.local_port = 443 };
	static const uint8_t trace[CONN_TRACE_BYTES] = { 0x31, 0x80, 0xa7, 0x30, 0x13, 0xc8, 0xca,
		0x4b, 0xac, 0x2f, 0x73, 0x11, 0x59, 0xd4, 0xb0, 0xfe };
	struct conn_facts f;

	conn_facts_init(&f, &flow, trace, 85963999);
	f.hello_us = 86000000;
	f.decided_us = 90000000;
	f.connected_us = 90001000;
	f.is_done = true;
	f.end = CONN_END_CLIENT;
	f.bytes_in = 80;
	f.bytes_out = 12345678901;
	f.target = v4("10.81.0.2");
	f.target_port = 8080;
	f.tls = (struct handshake_facts){
		.version = 0x0303, .suite = 0xc02f, .group = 29, .sigalg = 0x0804, .alert = 0xff
	};
	SAY(&f, CONN_SNI, "www.lab.test");
	SAY(&f, CONN_ALPN, "h2");
	SAY(&f, CONN_CERT, "www-rsa");
	SAY(&f, CONN_SERIAL, "0A0B");
	SAY(&f, CONN_BACKEND, "app");
	SAY(&f, CONN_LISTENER, "https");
	return f;
}

static const char *line_of(const struct conn_facts *f, enum config_log_format format)
{
	size_t n;

	conn_record_fill(&record, f, 95000000);
	n = conn_log_line(&record, format, &clock_then, line);
	line[n] = '\0';
	assert_int_equal(strlen(line), n);
	return line;
}

static void alb_has_the_fields_of_aws(void **state)
{
	struct conn_facts f = good();

	(void)state;
	assert_string_equal(line_of(&f, CONFIG_LOG_ALB),
	    "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 "
	    "ECDHE-RSA-AES128-GCM-SHA256 4.036 \"-\" - - - TID_3180a73013c8ca4bac2f731159d4b0fe "
	    "x25519\n");
	conn_facts_fini(&f);
}

static void alb_tells_of_the_clients_certificate(void **state)
{
	struct client_cert *c = calloc(1, sizeof(*c));
	struct conn_facts f = good();

	(void)state;
	c->subject = "CN=amazondomains.com,O=end \\\"entity\\\",L=Seattle,ST=Washington,C=US";
	c->issuer = "CN=ca";
	strcpy(c->serial, "FEF257372D5C14D4");
	c->not_before = 1695336201;
	c->not_after = 1781736201;
	f.client_cert = c;
	f.tls.client_cert_status = CLIENT_CERT_SUCCESS;
	SAY(&f, CONN_SUBJECT, c->subject);
	SAY(&f, CONN_ISSUER, c->issuer);
	assert_string_equal(line_of(&f, CONFIG_LOG_ALB),
	    "2023-10-04T17:05:15.514108Z 203.0.113.1 36280 443 TLSv1.2 "
	    "ECDHE-RSA-AES128-GCM-SHA256 4.036 "
	    "\"CN=amazondomains.com,O=end \\22entity\\22,L=Seattle,ST=Washington,C=US\" "
	    "NotBefore=2023-09-21T22:43:21Z;NotAfter=2026-06-17T22:43:21Z FEF257372D5C14D4 Success "
	    "TID_3180a73013c8ca4bac2f731159d4b0fe x25519\n");
	f.is_done = false;
	f.tls.client_cert_status = CLIENT_CERT_EXPIRED;
	assert_non_null(strstr(line_of(&f, CONFIG_LOG_ALB), " - \"CN=amazondomains.com"));
	assert_non_null(strstr(line, " Failed:ClientCertExpired TID_"));
	assert_non_null(strstr(line_of(&f, CONFIG_LOG_JSON),
	    "\"tls_verify_status\":\"Failed:ClientCertExpired\",\"client_cert\":{\"subject\":"
	    "\"CN=amazondomains.com,O=end \\\\\\\"entity\\\\\\\",L=Seattle,ST=Washington,C=US\","
	    "\"issuer\":\"CN=ca\",\"serial\":\"FEF257372D5C14D4\","
	    "\"not_before\":\"2023-09-21T22:43:21Z\",\"not_after\":\"2026-06-17T22:43:21Z\","
	    "\"fingerprint\":\"00000000"));
	conn_facts_fini(&f);
}

/* One that never said anything. */
static void absent_fields_are_dashes_or_left_out(void **state)
{
	struct conn_facts f = good();
	struct flow flow = { .remote_port = 1, .local_port = 443 };
	uint8_t trace[CONN_TRACE_BYTES] = { 0 };

	(void)state;
	conn_facts_fini(&f);
	inet_pton(AF_INET6, "2001:db8::1", flow.remote.b);
	inet_pton(AF_INET6, "fd80::1", flow.local.b);
	conn_facts_init(&f, &flow, trace, 90000000);
	f.end = CONN_END_HANDSHAKE_TIMEOUT;
	assert_string_equal(line_of(&f, CONFIG_LOG_ALB),
	    "2023-10-04T17:05:20.514108Z 2001:db8::1 1 443 - - - \"-\" - - "
	    "Failed:UnmappedConnectionError TID_00000000000000000000000000000000 -\n");
	assert_string_equal(line_of(&f, CONFIG_LOG_JSON),
	    "{\"time\":\"2023-10-04T17:05:20.514108Z\","
	    "\"conn_trace_id\":\"TID_00000000000000000000000000000000\",\"listener_port\":443,"
	    "\"client_ip\":\"2001:db8::1\",\"client_port\":1,\"server_ip\":\"fd80::1\","
	    "\"server_port\":443,\"tls_verify_status\":\"Failed:UnmappedConnectionError\","
	    "\"bytes_received\":0,\"bytes_sent\":0,\"close\":\"handshake_timeout\","
	    "\"duration\":5.000000}\n");
	conn_facts_fini(&f);
}

static void json_has_all_there_is(void **state)
{
	struct conn_facts f = good();

	(void)state;
	f.has_prints = true;
	memset(f.ja3, 0xa5, sizeof(f.ja3));
	memcpy(f.ja4, "t13d3112h2_e8f1e7e78f70_b26ce05bbdd6", sizeof(f.ja4));
	f.front = v4("10.80.0.254");
	f.tls.resumed = true;
	assert_string_equal(line_of(&f, CONFIG_LOG_JSON),
	    "{\"time\":\"2023-10-04T17:05:15.514108Z\","
	    "\"conn_trace_id\":\"TID_3180a73013c8ca4bac2f731159d4b0fe\",\"listener\":\"https\","
	    "\"listener_port\":443,\"client_ip\":\"203.0.113.1\",\"client_port\":36280,"
	    "\"server_ip\":\"10.80.0.1\",\"server_port\":443,\"front_ip\":\"10.80.0.254\","
	    "\"sni\":\"www.lab.test\",\"alpn\":\"h2\",\"tls_protocol\":\"TLSv1.2\","
	    "\"tls_cipher\":\"ECDHE-RSA-AES128-GCM-SHA256\",\"tls_keyexchange\":\"x25519\","
	    "\"resumed\":true,\"certificate\":\"www-rsa\",\"certificate_serial\":\"0A0B\","
	    "\"ja3\":\"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\","
	    "\"ja4\":\"t13d3112h2_e8f1e7e78f70_b26ce05bbdd6\",\"backend\":\"app\","
	    "\"target_ip\":\"10.81.0.2\",\"target_port\":8080,\"bytes_received\":80,"
	    "\"bytes_sent\":12345678901,\"close\":\"client_closed\",\"hello_time\":0.036001,"
	    "\"tls_handshake_latency\":4.036001,\"connect_time\":0.001000,\"duration\":9.036001}\n");
	conn_facts_fini(&f);
}

/* Whatever a client sends: one line, no control characters, and within its room. */
static void json_tells_of_tls_with_the_target(void **state)
{
	struct conn_facts f = good();

	(void)state;
	assert_null(strstr(line_of(&f, CONFIG_LOG_JSON), "backend_tls"));
	f.has_origin = true;
	f.origin_result = TARGET_TLS_RESUMED;
	f.origin = (struct handshake_facts){ .version = 0x0304,
		.suite = 0x1301,
		.group = 29,
		.alert = 0xff,
		.server_cert_status = CLIENT_CERT_SUCCESS };
	assert_non_null(strstr(line_of(&f, CONFIG_LOG_JSON),
	    "\"target_port\":8080,\"backend_tls_result\":\"resumed\","
	    "\"backend_tls_protocol\":\"TLSv1.3\","
	    "\"backend_tls_cipher\":\"TLS_AES_128_GCM_SHA256\","
	    "\"backend_tls_keyexchange\":\"x25519\",\"backend_tls_verify_status\":\"Success\","
	    "\"bytes_received\""));
	/* Not verified: nothing is said of it. */
	f.origin.server_cert_status = CLIENT_CERT_PASSED;
	assert_null(strstr(line_of(&f, CONFIG_LOG_JSON), "backend_tls_verify_status"));
	f.origin = (struct handshake_facts){
		.alert = 42, .alert_is_ours = true, .server_cert_status = CLIENT_CERT_HOSTNAME
	};
	f.origin_result = TARGET_TLS_CERT + CLIENT_CERT_HOSTNAME;
	assert_non_null(strstr(line_of(&f, CONFIG_LOG_JSON),
	    "\"backend_tls_result\":\"HostnameMismatch\","
	    "\"backend_tls_verify_status\":\"Failed:HostnameMismatch\",\"backend_tls_alert\":42,"
	    "\"backend_tls_alert_from\":\"proxy\""));
	conn_facts_fini(&f);
}

/* They are labels of a metric. */
static void results_with_targets_have_names_of_their_own(void **state)
{
	const unsigned first = TARGET_TLS_CERT + CLIENT_CERT_MAX_DEPTH;

	(void)state;
	for (unsigned i = 0; i < TARGET_TLS_N; i++) {
		const char *name = target_tls_name((enum target_tls)i);

		if (i >= TARGET_TLS_CERT && i < first) /* no failures: they do not occur */
			continue;
		assert_true(name && name[0]);
		assert_int_equal(
		    strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"),
		    strlen(name));
		for (unsigned k = 0; k < i; k++)
			if (k < TARGET_TLS_CERT || k >= first)
				assert_string_not_equal(name, target_tls_name((enum target_tls)k));
	}
}

static void hostile_texts_stay_inside_their_field(void **state)
{
	char longest[65000];
	struct conn_facts f = good();
	size_t n;

	(void)state;
	conn_facts_fini(&f);
	f = good();
	f.texts[CONN_SNI].n = f.texts[CONN_ALPN].n = 0;
	conn_facts_say(&f, CONN_SNI, "a\"\\\n\x01\x7f\xff", 7);
	conn_facts_say(&f, CONN_ALPN, "\0h2", 3);
	assert_non_null(strstr(line_of(&f, CONFIG_LOG_JSON),
	    "\"sni\":\"a\\\"\\\\\\u000a\\u0001\\u007f\\u00ff\",\"alpn\":\"\\u0000h2\""));
	memset(longest, '\x01', sizeof(longest));
	conn_facts_say(&f, CONN_SUBJECT, longest, sizeof(longest));
	n = strlen(line_of(&f, CONFIG_LOG_JSON));
	assert_true(n < CONN_LINE_MAX && line[n - 1] == '\n' && line[n - 2] == '}');
	assert_ptr_equal(strchr(line, '\n'), line + n - 1);
	conn_facts_fini(&f);
}

static void ends_have_names_of_their_own(void **state)
{
	(void)state;
	for (int i = 0; i < CONN_N_ENDS; i++) {
		assert_non_null(conn_end_name((enum conn_end)i));
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
			    conn_end_name((enum conn_end)i), conn_end_name((enum conn_end)k));
	}
}

/* --- ring and writer --- */

static char folder[] = "/tmp/sallyport-log-XXXXXX";
static char path[64], old_path[64];

static int make_folder(void **state)
{
	(void)state;
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/connections.log", folder);
	snprintf(old_path, sizeof(old_path), "%s/old.log", folder);
	return 0;
}

static int remove_folder(void **state)
{
	(void)state;
	unlink(path);
	unlink(old_path);
	return rmdir(folder);
}

/* Pushes n records with client ports from first on; returns how many found room. */
static unsigned push(struct conn_ring *ring, unsigned first, unsigned n)
{
	struct conn_facts f = good();
	unsigned done = 0;

	for (; done < n; done++) {
		struct conn_record *r = conn_ring_room(ring);

		if (!r)
			break;
		f.client_port = (uint16_t)(first + done);
		conn_record_fill(r, &f, 95000000);
		conn_ring_push(ring);
	}
	conn_facts_fini(&f);
	return done;
}

/* Lines in the file: each whole, with ports from first on. */
static unsigned count_file(const char *name, unsigned first)
{
	FILE *f = fopen(name, "r");
	unsigned n = 0, port;
	char text[1024];

	if (!f)
		return 0;
	while (fgets(text, sizeof(text), f)) {
		assert_non_null(strstr(text, " x25519\n"));
		assert_int_equal(
		    sscanf(text, "2023-10-04T17:05:15.514108Z 203.0.113.1 %u", &port), 1);
		assert_int_equal(port, first + n);
		n++;
	}
	fclose(f);
	return n;
}

static void run(struct conn_writer *w, struct conn_ring *ring)
{
	conn_writer_run(w, &ring, 1, clock_then.wall_us, clock_then.worker_us);
}

static void a_full_ring_is_the_producers_loss(void **state)
{
	struct conn_ring *ring = conn_ring_new();

	(void)state;
	assert_null(conn_ring_first(ring));
	assert_int_equal(push(ring, 0, CONN_RING_SIZE + 5), CONN_RING_SIZE);
	for (unsigned i = 0; i < 10; i++) {
		assert_int_equal(conn_ring_first(ring)->facts.client_port, i);
		conn_ring_pop(ring);
	}
	assert_int_equal(push(ring, 5000, 100), 10);
	free(ring);
}

static void lines_are_appended_and_the_file_opened_anew(void **state)
{
	struct config_log config = { .path = path };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();

	(void)state;
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	push(ring, 0, 4000);
	run(w, ring);
	while (conn_writer_stats(w).lines < 4000)
		run(w, ring);
	assert_int_equal(count_file(path, 0), 4000);
	assert_int_equal(rename(path, old_path), 0);
	push(ring, 4000, 10);
	run(w, ring);
	assert_int_equal(count_file(old_path, 0), 4010);
	assert_int_equal(conn_writer_reopen(w, &e), 0);
	push(ring, 10000, 10);
	run(w, ring);
	assert_int_equal(count_file(path, 10000), 10);
	/* It goes on where the file ends. */
	conn_writer_free(w);
	w = conn_writer_new();
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	push(ring, 10010, 10);
	run(w, ring);
	assert_int_equal(count_file(path, 10000), 20);
	/* And nowhere, when there is no log: records are thrown away. */
	config.path = NULL;
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	push(ring, 0, 10);
	run(w, ring);
	assert_null(conn_ring_first(ring));
	assert_int_equal(count_file(path, 10000), 20);
	assert_int_equal(conn_writer_stats(w).lost, 0);
	conn_writer_free(w);
	free(ring);
	unlink(path);
	unlink(old_path);
}

/* What "sallyctl log tail" reads: bounded, and there whatever the disk does. */
static void the_last_lines_are_remembered(void **state)
{
	struct config_log config = { .path = path };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();
	uint64_t oldest, next;

	(void)state;
	err_init(&e);
	assert_false(conn_writer_recent(w, &oldest, &next));
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	assert_true(conn_writer_recent(w, &oldest, &next));
	assert_int_equal(next, 0);
	assert_null(conn_writer_line(w, 0));
	push(ring, 0, 3);
	run(w, ring);
	assert_true(conn_writer_recent(w, &oldest, &next));
	assert_int_equal(oldest, 0);
	assert_int_equal(next, 3);
	assert_non_null(strstr(conn_writer_line(w, 2), " 203.0.113.1 2 "));
	assert_null(strchr(conn_writer_line(w, 2), '\n'));
	assert_null(conn_writer_line(w, 3));
	push(ring, 3, CONN_WRITER_RECENT);
	run(w, ring);
	assert_true(conn_writer_recent(w, &oldest, &next));
	assert_int_equal(oldest, 3);
	assert_int_equal(next, 3 + CONN_WRITER_RECENT);
	assert_null(conn_writer_line(w, 2));
	assert_non_null(strstr(conn_writer_line(w, 3), " 203.0.113.1 3 "));
	assert_non_null(strstr(conn_writer_line(w, next - 1), " 203.0.113.1 514 "));
	conn_writer_free(w);
	free(ring);
	unlink(path);
}

static void a_path_that_cannot_be_opened_changes_nothing(void **state)
{
	struct config_log config = { .path = path }, bad = { .path = "/nonexistent/log" };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();

	(void)state;
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	assert_int_equal(conn_writer_configure(w, &bad, &e), -1);
	assert_string_equal(
	    e.text, "log.connections: cannot open /nonexistent/log: No such file or directory\n");
	push(ring, 0, 3);
	run(w, ring);
	assert_int_equal(count_file(path, 0), 3);
	assert_int_equal(conn_writer_stats(w).errors, 1);
	conn_writer_free(w);
	free(ring);
	unlink(path);
}

static void finish(struct conn_writer *w, struct conn_ring *ring)
{
	conn_writer_finish(w, &ring, 1, clock_then.wall_us, clock_then.worker_us);
}

static void the_last_run_writes_all_there_is(void **state)
{
	struct config_log config = { .path = path };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();

	(void)state;
	err_init(&e);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	push(ring, 0, CONN_RING_SIZE); /* more than one turn may write */
	run(w, ring);
	assert_true(conn_writer_stats(w).lines < CONN_RING_SIZE);
	push(ring, CONN_RING_SIZE, CONN_RING_SIZE);
	finish(w, ring);
	assert_int_equal(count_file(path, 0), 2 * CONN_RING_SIZE);
	assert_int_equal(conn_writer_stats(w).lines, 2 * CONN_RING_SIZE);
	assert_int_equal(conn_writer_stats(w).lost, 0);
	conn_writer_free(w);
	free(ring);
	unlink(path);
}

/* Without a file there is nothing to be lost. */
static void the_last_run_without_a_file_is_none(void **state)
{
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();

	(void)state;
	push(ring, 0, 100);
	finish(w, ring);
	assert_null(conn_ring_first(ring));
	assert_int_equal(conn_writer_stats(w).lost, 0);
	conn_writer_free(w);
	free(ring);
}

static void what_the_last_run_leaves_is_counted(void **state)
{
	struct config_log config = { .path = path };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();
	struct conn_writer_stats s;
	unsigned taken = 0;
	int fd;

	(void)state;
	err_init(&e);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	for (int i = 0; i < 3; i++) {
		taken += push(ring, taken, CONN_RING_SIZE);
		run(w, ring);
	}
	finish(w, ring);
	s = conn_writer_stats(w);
	assert_null(conn_ring_first(ring));
	assert_true(s.lost > CONN_RING_SIZE);
	assert_int_equal(s.lines + s.lost, taken);
	conn_writer_free(w);
	close(fd);
	free(ring);
	unlink(path);
}

/* A file that takes nothing: buffer, then ring, then loss; afterwards lines go on, each whole. */
static void what_takes_nothing_fills_up_and_goes_on(void **state)
{
	struct config_log config = { .path = path };
	struct conn_writer *w = conn_writer_new();
	struct conn_ring *ring = conn_ring_new();
	unsigned taken = 0, n = 0;
	char *text = malloc(16 << 20);
	ssize_t got;
	int fd;

	(void)state;
	err_init(&e);
	assert_int_equal(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(conn_writer_configure(w, &config, &e), 0);
	for (int i = 0; i < 20; i++) {
		taken += push(ring, taken, CONN_RING_SIZE);
		run(w, ring);
	}
	assert_true(taken < 20 * CONN_RING_SIZE); /* some were lost, and nobody waited */
	assert_true(conn_writer_stats(w).errors > 0);
	/* The reader wakes up. */
	for (size_t used = 0;; used += (size_t)got) {
		run(w, ring);
		got = read(fd, text + used, (16 << 20) - 1 - used);
		if (got <= 0) {
			text[used] = '\0';
			break;
		}
	}
	for (char *at = text, *end; (end = strchr(at, '\n')) != NULL; at = end + 1, n++) {
		unsigned port;

		assert_int_equal(
		    sscanf(at, "2023-10-04T17:05:15.514108Z 203.0.113.1 %u", &port), 1);
		assert_int_equal(port, (uint16_t)n);
	}
	assert_int_equal(n, taken);
	assert_int_equal(conn_writer_stats(w).lines, taken);
	/* A line that was cut is lost with the file it began in. */
	while (push(ring, 0, CONN_RING_SIZE) > 0)
		run(w, ring);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(conn_writer_reopen(w, &e), 0);
	run(w, ring);
	while (conn_ring_first(ring))
		run(w, ring);
	conn_writer_free(w);
	{
		FILE *f = fopen(path, "r");

		while (fgets(text, 1024, f))
			assert_non_null(strstr(text, "2023-10-04T17:05:15.514108Z 203.0.113.1 "));
		fclose(f);
	}
	close(fd);
	free(text);
	free(ring);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(alb_has_the_fields_of_aws),
		cmocka_unit_test(alb_tells_of_the_clients_certificate),
		cmocka_unit_test(absent_fields_are_dashes_or_left_out),
		cmocka_unit_test(json_has_all_there_is),
		cmocka_unit_test(json_tells_of_tls_with_the_target),
		cmocka_unit_test(results_with_targets_have_names_of_their_own),
		cmocka_unit_test(hostile_texts_stay_inside_their_field),
		cmocka_unit_test(ends_have_names_of_their_own),
		cmocka_unit_test(a_full_ring_is_the_producers_loss),
		cmocka_unit_test(lines_are_appended_and_the_file_opened_anew),
		cmocka_unit_test(the_last_lines_are_remembered),
		cmocka_unit_test(a_path_that_cannot_be_opened_changes_nothing),
		cmocka_unit_test(the_last_run_writes_all_there_is),
		cmocka_unit_test(the_last_run_without_a_file_is_none),
		cmocka_unit_test(what_the_last_run_leaves_is_counted),
		cmocka_unit_test(what_takes_nothing_fills_up_and_goes_on),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
