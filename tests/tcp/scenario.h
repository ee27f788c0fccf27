/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/tcp/peer.h"

#include <cmocka.h>

/*
 * Scenarios in virtual time, one cmocka test each:
 *
 *	SCENARIO(established_syn)
 *	{
 *		peer_enter(p, TCP_ESTABLISHED, "mss 1460");
 *		SEND("S 101:101(0) win 65535");
 *		EXPECT(". 101:101(0) ack 101");
 *	}
 *
 * p is the struct peer. The test fails with a trace when a line does not match, when
 * something is left over at the end, or when an invariant breaks on the way.
 */
#define SCENARIO(name)                          \
	static void name##_run(struct peer *p); \
	static void name(void **state)          \
	{                                       \
		name##_run(*state);             \
	}                                       \
	static void name##_run(struct peer *p)

/* A worker beside others: whatever flow it looks up is its own, or is not, as a scenario sets this. */
extern bool all_are_ours;
extern const struct peer_config one_of_many;

#define HERE (p->file = __FILE__, p->line = __LINE__)

#define SEND(...)   (HERE, peer_send(p, __VA_ARGS__))
#define EXPECT(...) (HERE, peer_expect(p, __VA_ARGS__))
/* Between lo and hi milliseconds from now; time passes until then. */
#define EXPECT_IN_MS(lo, hi, ...) \
	(HERE, peer_expect_in(p, (uint64_t)(lo)*1000, (uint64_t)(hi)*1000, __VA_ARGS__))
#define EXPECT_NONE()                  (HERE, peer_expect_none(p))
#define EXPECT_NONE_MS(ms)             (HERE, peer_expect_none_for(p, (uint64_t)(ms)*1000))
#define ADVANCE_MS(ms)                 (HERE, peer_advance(p, (uint64_t)(ms)*1000))
#define APP_WRITE(n)                   (HERE, peer_write(p, n, TCP_PUSH))
#define APP_WRITE_MORE(n)              (HERE, peer_write(p, n, TCP_MORE))
#define APP_READ(n)                    (HERE, peer_read(p, n))
#define APP_AVAILABLE(n)               (HERE, peer_expect_available(p, n))
#define APP_SHUTDOWN()                 (HERE, peer_shutdown(p))
#define APP_ABORT()                    (HERE, peer_abort(p))
#define APP_RELEASE()                  (HERE, peer_release(p))
#define APP_CONNECT()                  (HERE, peer_connect(p))
#define EVENTS(e)                      (HERE, peer_expect_events(p, e))
#define STATE(s)                       (HERE, peer_expect_state(p, s))
#define ESTABLISH(options, win)        (HERE, peer_establish(p, options, win))
#define ESTABLISH_ACTIVE(options, win) (HERE, peer_establish_active(p, options, win))
#define ENTER(state, options)          (HERE, peer_enter(p, state, options))
/* Anything else that must hold, with the trace if it does not. */
#define CHECK(cond)                                        \
	do {                                               \
		HERE;                                      \
		if (!(cond))                               \
			peer_fail(p, "not so: %s", #cond); \
	} while (0)
#define COUNTED(stat, n)                                                                         \
	do {                                                                                     \
		HERE;                                                                            \
		if (p->stats.v[stat] != (n))                                                     \
			peer_fail(p, "%s is %llu", #stat, (unsigned long long)p->stats.v[stat]); \
	} while (0)

#define RUN(name) \
	cmocka_unit_test_prestate_setup_teardown(name, scenario_setup, scenario_teardown, NULL)
/* With a const struct peer_config of the test's own. */
#define RUN_WITH(name, config)                    \
	cmocka_unit_test_prestate_setup_teardown( \
	    name, scenario_setup, scenario_teardown, (void *)(uintptr_t) & (config))

int scenario_setup(void **state);
int scenario_teardown(void **state);

/*
 * Runs a group; argument "ip6" runs it over IPv6, any other only the tests whose name it
 * matches (cmocka's pattern).
 */
int scenario_main(
    int argc, char **argv, const char *group, const struct CMUnitTest *tests, size_t n);
#define SCENARIO_MAIN(group, tests)                                                \
	int main(int argc, char **argv)                                            \
	{                                                                          \
		return scenario_main(                                              \
		    argc, argv, group, tests, sizeof(tests) / sizeof((tests)[0])); \
	}
