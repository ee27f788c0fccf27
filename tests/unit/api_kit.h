/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "config/api/api.h"
#include "tests/unit/control_kit.h"

/* A client of the API over its socket, with a real control plane behind it (tests/unit/control_kit.h). One at a time. */

extern struct kit k;
extern struct api *api;
extern char path[128];      /* of the socket */
extern char reply[4 << 20]; /* body of the last answer */
extern char head[1024];     /* and what stood before it */

/* For cmocka: before and after each case. */
int api_setup(void **state);
int api_teardown(void **state);

/* On k, after kit_restart. */
void start_api(void);

int64_t now_ms(void);

/* -1: nobody listens. */
int connect_to(void);

/* As send and recv with 30 seconds of patience; control works meanwhile. */
void send_all(int fd, const char *data, size_t len);
ssize_t receive(int fd, char *to, size_t room);

/* Reads an answer to its end (the connection is to be closed); the body goes to reply. Returns the status. */
int read_answer(int fd);

/* A request of its own; the status. headers: lines, each with its end. */
int ask_with(
    const char *method, const char *target, const char *headers, const char *body, size_t len);
int ask(const char *method, const char *target, const char *body);

/* Puts a certificate made of files of tests/unit/pki; more: further fields. */
int put(const char *target, const char *chain, const char *key, const char *more);

/* Its body; and the PEM of a file as a JSON string. To be freed. */
char *cert_body(const char *chain, const char *key, const char *more);
char *json_pem(const char *name);

/* The body of a certificate with a fresh OCSP response; to be freed. */
char *stapled_body(void);

/* Fails when reply does not say it. */
void assert_says(const char *wanted);

/* A refusal changes nothing. */
#define assert_refused(call, status_, why)                         \
	do {                                                       \
		char *before_ = kit_state(&k), *after_;            \
		uint64_t generation_ = kit_generation(&k);         \
		int got_ = (call);                                 \
		if (got_ != (status_))                             \
			fail_msg("status %d: %s", got_, reply);    \
		assert_says(why);                                  \
		after_ = kit_state(&k);                            \
		assert_string_equal(after_, before_);              \
		assert_int_equal(kit_generation(&k), generation_); \
		assert_int_equal(k.n_published, 0);                \
		free(before_);                                     \
		free(after_);                                      \
	} while (0)

#define CASE(f) cmocka_unit_test_setup_teardown(f, api_setup, api_teardown)

#define LISTENER                                                                            \
	"{\"name\":\"third\",\"bind\":[\"10.80.0.1:445\"],\"backend\":\"new\",\"limits\":{" \
	"\"idle_timeout\":7},\"default_certificate\":\"www\",\"certificates\":[\"rsa\"]}"
#define BACKEND "{\"targets\":[{\"address\":\"10.80.0.8:80\",\"weight\":3}]}"
