/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/proxy/conn_log.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "dataplane/proxy/target.h"
#include "tls/client_cert.h"
#include "tls/policy.h"

void conn_record_fill(struct conn_record *to, const struct conn_facts *f, uint64_t now_us)
{
	const struct client_cert *c = f->client_cert;
	uint16_t n = f->n_text < CONN_RECORD_TEXT ? f->n_text : CONN_RECORD_TEXT;

	to->facts = *f;
	to->facts.text = to->text;
	to->facts.client_cert = NULL;
	to->facts.tls.client_cert = NULL;
	to->facts.origin.client_cert = NULL;
	to->ended_us = now_us;
	if (n > 0)
		memcpy(to->text, f->text, n);
	for (unsigned i = 0; i < CONN_N_TEXTS; i++) {
		uint16_t at = to->facts.texts[i].at;

		if (at > n)
			to->facts.texts[i].n = 0;
		else if (to->facts.texts[i].n > n - at)
			to->facts.texts[i].n = (uint16_t)(n - at);
	}
	to->has_client_cert = c != NULL;
	if (!c)
		return;
	memcpy(to->client_serial, c->serial, sizeof(to->client_serial));
	memcpy(to->fingerprint, c->fingerprint, sizeof(to->fingerprint));
	to->not_before = c->not_before;
	to->not_after = c->not_after;
}

/* --- a line being written: what does not fit is left out, and there is room for all --- */

struct line {
	char *at;
	size_t n;
};

static void put(struct line *l, const char *bytes, size_t n)
{
	size_t room = CONN_LINE_MAX - l->n;

	if (n > room)
		n = room;
	memcpy(l->at + l->n, bytes, n);
	l->n += n;
}

static void __attribute__((format(printf, 2, 3))) print(struct line *l, const char *format, ...)
{
	char text[256];
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	put(l, text, n < (int)sizeof(text) ? (size_t)n : sizeof(text) - 1);
}

static void put_ip(struct line *l, const struct ip_addr *ip)
{
	char text[INET6_ADDRSTRLEN] = "-";

	if (ip_addr_is_v4(ip))
		inet_ntop(AF_INET, ip->b + 12, text, sizeof(text));
	else
		inet_ntop(AF_INET6, ip->b, text, sizeof(text));
	print(l, "%s", text);
}

/* 2023-10-04T17:05:15.514108Z */
static void put_time(struct line *l, const struct conn_clock *clock, uint64_t worker_us)
{
	uint64_t us = clock->wall_us - (clock->worker_us - worker_us);
	time_t seconds = (time_t)(us / 1000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	print(l, "%04d-%02d-%02dT%02d:%02d:%02d.%06uZ", tm.tm_year + 1900, tm.tm_mon + 1,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (unsigned)(us % 1000000));
}

static void put_date(struct line *l, int64_t seconds)
{
	time_t t = (time_t)seconds;
	struct tm tm;

	gmtime_r(&t, &tm);
	print(l, "%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday,
	    tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void put_hex(struct line *l, const uint8_t *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		print(l, "%02x", bytes[i]);
}

static double seconds_between(uint64_t from_us, uint64_t to_us)
{
	return (double)(to_us - from_us) / 1e6;
}

/* When it was decided whether the connection is established. */
static uint64_t decided(const struct conn_record *r)
{
	return r->facts.decided_us ? r->facts.decided_us : r->ended_us;
}

static const char *status_of(const struct conn_facts *f, char text[64])
{
	enum client_cert_status status = f->tls.client_cert_status;

	if (client_cert_has_failed(status))
		snprintf(text, 64, "Failed:%s", client_cert_status_name(status));
	else if (!f->is_done)
		snprintf(text, 64, "Failed:%s", client_cert_status_name(CLIENT_CERT_UNMAPPED));
	else
		snprintf(text, 64, "%s", client_cert_status_name(status));
	return text;
}

/* --- alb --- */

static const char *or_dash(const char *text)
{
	return text ? text : "-";
}

/* A quote inside would end the field for those who read it: RFC 2253 allows its hex instead. */
static void put_subject(struct line *l, const struct conn_facts *f)
{
	size_t n;
	const char *text = conn_facts_text(f, CONN_SUBJECT, &n);

	put(l, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '"')
			put(l, i && text[i - 1] == '\\' ? "22" : "\\22",
			    i && text[i - 1] == '\\' ? 2 : 3);
		else
			put(l, text + i, 1);
	}
	put(l, n ? "\" " : "-\" ", n ? 2 : 3);
}

static void put_alb(struct line *l, const struct conn_record *r, const struct conn_clock *clock)
{
	const struct conn_facts *f = &r->facts;
	char trace[CONN_TRACE_TEXT], status[64];

	put_time(l, clock, decided(r));
	put(l, " ", 1);
	put_ip(l, &f->client);
	print(l, " %u %u %s %s ", f->client_port, f->listener_port,
	    or_dash(policy_version_name(f->tls.version)), or_dash(policy_suite_name(f->tls.suite)));
	if (f->is_done)
		print(l, "%.3f ", seconds_between(f->accepted_us, f->decided_us));
	else
		put(l, "- ", 2);
	put_subject(l, f);
	if (r->has_client_cert) {
		put(l, "NotBefore=", 10);
		put_date(l, r->not_before);
		put(l, ";NotAfter=", 10);
		put_date(l, r->not_after);
		print(l, " %s ", r->client_serial[0] ? r->client_serial : "-");
	} else {
		put(l, "- - ", 4);
	}
	print(l, "%s %s %s\n", status_of(f, status), conn_facts_trace(f, trace),
	    or_dash(policy_group_name(f->tls.group)));
}

/* --- json --- */

static void put_key(struct line *l, const char *key)
{
	print(l, "%s\"%s\":", l->at[l->n - 1] == '{' ? "" : ",", key);
}

/* is_utf8: bytes past ASCII are part of characters; else each stands for itself. */
static void put_string(struct line *l, const char *text, size_t n, bool is_utf8)
{
	put(l, "\"", 1);
	for (size_t i = 0; i < n; i++) {
		uint8_t c = (uint8_t)text[i];

		if (c < 0x20 || c == 0x7f || (c >= 0x80 && !is_utf8))
			print(l, "\\u%04x", c);
		else if (c == '"' || c == '\\')
			print(l, "\\%c", c);
		else
			put(l, text + i, 1);
	}
	put(l, "\"", 1);
}

static void key_text(struct line *l, const char *key, const char *text)
{
	if (!text || !text[0])
		return;
	put_key(l, key);
	put_string(l, text, strlen(text), false);
}

static void
key_fact(struct line *l, const char *key, const struct conn_facts *f, enum conn_text which)
{
	size_t n;
	const char *text = conn_facts_text(f, which, &n);

	if (n == 0)
		return;
	put_key(l, key);
	put_string(l, text, n, which == CONN_SUBJECT || which == CONN_ISSUER);
}

static void key_number(struct line *l, const char *key, uint64_t value)
{
	put_key(l, key);
	print(l, "%llu", (unsigned long long)value);
}

static void key_seconds(struct line *l, const char *key, uint64_t from_us, uint64_t to_us)
{
	if (from_us == 0 || to_us == 0)
		return;
	put_key(l, key);
	print(l, "%.6f", seconds_between(from_us, to_us));
}

static void key_ip(struct line *l, const char *key, const struct ip_addr *ip)
{
	put_key(l, key);
	put(l, "\"", 1);
	put_ip(l, ip);
	put(l, "\"", 1);
}

static void put_addresses(struct line *l, const struct conn_facts *f)
{
	static const struct ip_addr none;

	key_fact(l, "listener", f, CONN_LISTENER);
	key_number(l, "listener_port", f->listener_port);
	key_ip(l, "client_ip", &f->client);
	key_number(l, "client_port", f->client_port);
	key_ip(l, "server_ip", &f->local);
	key_number(l, "server_port", f->local_port);
	if (!ip_addr_eq(&f->front, &none))
		key_ip(l, "front_ip", &f->front);
	key_fact(l, "netns", f, CONN_NETNS);
}

static void put_tls(struct line *l, const struct conn_facts *f)
{
	char text[64], *at = text;

	key_fact(l, "sni", f, CONN_SNI);
	key_fact(l, "alpn", f, CONN_ALPN);
	key_text(l, "tls_protocol", policy_version_name(f->tls.version));
	key_text(l, "tls_cipher", policy_suite_name(f->tls.suite));
	key_text(l, "tls_keyexchange", policy_group_name(f->tls.group));
	if (f->is_done) {
		put_key(l, "resumed");
		print(l, "%s", f->tls.resumed ? "true" : "false");
	}
	if (f->tls.alert != 0xff) {
		key_number(l, "alert", f->tls.alert);
		key_text(l, "alert_from", f->tls.alert_is_ours ? "server" : "client");
	}
	key_fact(l, "certificate", f, CONN_CERT);
	key_fact(l, "certificate_serial", f, CONN_SERIAL);
	if (!f->has_prints)
		return;
	for (unsigned i = 0; i < sizeof(f->ja3); i++)
		at += snprintf(at, 3, "%02x", f->ja3[i]);
	key_text(l, "ja3", text);
	put_key(l, "ja4");
	put_string(l, f->ja4, sizeof(f->ja4), false);
}

static void put_client_cert(struct line *l, const struct conn_record *r)
{
	char status[64];

	if (strcmp(status_of(&r->facts, status), "-") != 0)
		key_text(l, "tls_verify_status", status);
	if (!r->has_client_cert)
		return;
	put_key(l, "client_cert");
	put(l, "{", 1);
	key_fact(l, "subject", &r->facts, CONN_SUBJECT);
	key_fact(l, "issuer", &r->facts, CONN_ISSUER);
	key_text(l, "serial", r->client_serial);
	put_key(l, "not_before");
	put(l, "\"", 1);
	put_date(l, r->not_before);
	put(l, "\"", 1);
	put_key(l, "not_after");
	put(l, "\"", 1);
	put_date(l, r->not_after);
	put(l, "\"", 1);
	put_key(l, "fingerprint");
	put(l, "\"", 1);
	put_hex(l, r->fingerprint, sizeof(r->fingerprint));
	put(l, "\"}", 2);
}

/* Of the last handshake with a target: result says what became of it. */
static void put_origin(struct line *l, const struct conn_facts *f)
{
	enum client_cert_status status = f->origin.server_cert_status;
	char text[64];

	if (!f->has_origin)
		return;
	key_text(l, "backend_tls_result", target_tls_name((enum target_tls)f->origin_result));
	key_text(l, "backend_tls_protocol", policy_version_name(f->origin.version));
	key_text(l, "backend_tls_cipher", policy_suite_name(f->origin.suite));
	key_text(l, "backend_tls_keyexchange", policy_group_name(f->origin.group));
	if (status == CLIENT_CERT_SUCCESS || client_cert_has_failed(status)) {
		snprintf(text, sizeof(text), "%s%s",
		    client_cert_has_failed(status) ? "Failed:" : "",
		    server_cert_status_name(status));
		key_text(l, "backend_tls_verify_status", text);
	}
	if (f->origin.alert == 0xff)
		return;
	key_number(l, "backend_tls_alert", f->origin.alert);
	key_text(l, "backend_tls_alert_from", f->origin.alert_is_ours ? "proxy" : "target");
}

static void put_json(struct line *l, const struct conn_record *r, const struct conn_clock *clock)
{
	const struct conn_facts *f = &r->facts;
	char trace[CONN_TRACE_TEXT];

	put(l, "{", 1);
	put_key(l, "time");
	put(l, "\"", 1);
	put_time(l, clock, decided(r));
	put(l, "\"", 1);
	key_text(l, "conn_trace_id", conn_facts_trace(f, trace));
	put_addresses(l, f);
	put_tls(l, f);
	put_client_cert(l, r);
	key_fact(l, "backend", f, CONN_BACKEND);
	if (f->target_port) {
		key_ip(l, "target_ip", &f->target);
		key_number(l, "target_port", f->target_port);
	}
	put_origin(l, f);
	key_number(l, "bytes_received", f->bytes_in);
	key_number(l, "bytes_sent", f->bytes_out);
	key_text(l, "close", conn_end_name((enum conn_end)f->end));
	key_seconds(l, "hello_time", f->accepted_us, f->hello_us);
	if (f->is_done)
		key_seconds(l, "tls_handshake_latency", f->accepted_us, f->decided_us);
	key_seconds(l, "connect_time", f->decided_us, f->connected_us);
	key_seconds(l, "duration", f->accepted_us, r->ended_us);
	put(l, "}\n", 2);
}

size_t conn_log_line(const struct conn_record *r, enum config_log_format format,
    const struct conn_clock *clock, char text[CONN_LINE_MAX])
{
	struct line l = { .at = text };

	switch (format) {
	case CONFIG_LOG_ALB:
		put_alb(&l, r, clock);
		break;
	case CONFIG_LOG_JSON:
		put_json(&l, r, clock);
		break;
	}
	return l.n;
}
