/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include "dataplane/control.h"
#include "dataplane/proxy/target.h"
#include "tests/unit/control_kit.h"

#include <cmocka.h>

/* What /healthz says, for verdicts as checks would have found them. */

#define OLD_BACKENDS \
	"backends = ( { name = \"app\"; targets = ( { address = \"10.80.0.9:80\"; weight = 1; } ); } );\n"
#define CHECKED "health = { type = \"tcp\"; };"

static struct kit k;
static const struct ops *ops;

/* targets of "app", and what else there is of backends. */
static void start(const char *targets, const char *more)
{
	char text[1024];

	snprintf(text, sizeof(text), "backends = ( { name = \"app\"; targets = ( %s ); %s } );\n",
	    targets, more);
	kit_folder(&k);
	kit_config(&k, OLD_BACKENDS, text);
	if (!kit_control(&k, NULL, NULL))
		fail_msg("%s", k.e.text);
	ops = control_ops(k.control);
}

static int teardown(void **state)
{
	(void)state;
	kit_end(&k);
	return 0;
}

static void set_verdict(const char *address, enum target_verdict verdict)
{
	unsigned n = 0;

	for (struct target_run *t = target_runs(); t; t = t->next)
		if (strcmp(t->address, address) == 0) {
			atomic_store(&t->verdict, verdict);
			n++;
		}
	assert_int_equal(n, 1);
}

static struct ops_backend backend(unsigned i)
{
	struct ops_backend b;

	assert_true(ops->backend_at(ops->arg, i, &b));
	return b;
}

static enum ops_target_state target(unsigned i)
{
	struct ops_target t;

	ops->target_at(ops->arg, 0, i, &t);
	return t.state;
}

static enum ops_health health(void)
{
	return ops->health(ops->arg);
}

#define TWO "{ address = \"10.80.0.8:80\"; }, { address = \"10.80.0.9:80\"; }"

static void checks_decide(void **state)
{
	struct ops_backend b;
	struct ops_target t;

	(void)state;
	start(TWO, CHECKED);
	assert_false(ops->backend_at(ops->arg, 1, &b));
	b = backend(0);
	assert_string_equal(b.name, "app");
	assert_int_equal(b.n_targets, 2);
	assert_false(b.is_panicking);
	ops->target_at(ops->arg, 0, 1, &t);
	assert_string_equal(t.address, "10.80.0.9:80");
	/* Taken for good at the start. */
	assert_int_equal(t.state, OPS_TARGET_HEALTHY);
	assert_int_equal(b.health, OPS_HEALTH_OK);
	assert_int_equal(health(), OPS_HEALTH_OK);

	set_verdict("10.80.0.8:80", TARGET_UP);
	set_verdict("10.80.0.9:80", TARGET_DOWN);
	assert_int_equal(target(0), OPS_TARGET_HEALTHY);
	assert_int_equal(target(1), OPS_TARGET_UNHEALTHY);
	assert_int_equal(backend(0).health, OPS_HEALTH_DEGRADED);
	assert_int_equal(health(), OPS_HEALTH_DEGRADED);

	set_verdict("10.80.0.8:80", TARGET_NEW);
	assert_int_equal(target(0), OPS_TARGET_NEW);
	assert_int_equal(backend(0).health, OPS_HEALTH_UNAVAILABLE);
	assert_int_equal(health(), OPS_HEALTH_UNAVAILABLE);

	set_verdict("10.80.0.9:80", TARGET_UP);
	assert_int_equal(health(), OPS_HEALTH_DEGRADED);
	set_verdict("10.80.0.8:80", TARGET_UP);
	assert_int_equal(health(), OPS_HEALTH_OK);
}

/* Verdicts left over from checks that there were mean nothing without them. */
static void without_checks_all_can_serve(void **state)
{
	(void)state;
	start(TWO, "");
	set_verdict("10.80.0.8:80", TARGET_DOWN);
	set_verdict("10.80.0.9:80", TARGET_DOWN);
	assert_int_equal(target(0), OPS_TARGET_UNCHECKED);
	assert_int_equal(health(), OPS_HEALTH_OK);
}

/* What the operator has closed is no fault, unless nothing else is there. */
static void closed_ones_are_no_fault(void **state)
{
	(void)state;
	start("{ address = \"10.80.0.7:80\"; drain = true; }, "
	      "{ address = \"10.80.0.8:80\"; weight = 0; }, { address = \"10.80.0.9:80\"; }",
	    CHECKED);
	assert_int_equal(target(0), OPS_TARGET_DRAINING);
	assert_int_equal(target(1), OPS_TARGET_DISABLED);
	assert_int_equal(target(2), OPS_TARGET_HEALTHY);
	assert_int_equal(backend(0).health, OPS_HEALTH_OK);
	assert_int_equal(health(), OPS_HEALTH_OK);
	set_verdict("10.80.0.9:80", TARGET_DOWN);
	assert_int_equal(health(), OPS_HEALTH_UNAVAILABLE);
}

static void panic_is_said(void **state)
{
	(void)state;
	start(TWO, CHECKED);
	set_verdict("10.80.0.8:80", TARGET_DOWN);
	set_verdict("10.80.0.9:80", TARGET_DOWN);
	atomic_store(&backend_runs()->panic, true);
	assert_true(backend(0).is_panicking);
	/* It is tried, but another instance may do better. */
	assert_int_equal(health(), OPS_HEALTH_UNAVAILABLE);
}

/* Of two listeners one that can serve is enough; a backend that none names does not count. */
static void one_listener_is_enough(void **state)
{
	(void)state;
	start(TWO,
	    CHECKED
	    " }, { name = \"spare\"; targets = ( { address = \"10.80.0.10:80\"; } ); " CHECKED);
	set_verdict("10.80.0.10:80", TARGET_DOWN);
	assert_int_equal(backend(1).health, OPS_HEALTH_UNAVAILABLE);
	assert_int_equal(health(), OPS_HEALTH_OK);
	assert_int_equal(kit_item(&k, "listeners", "third",
			     "{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"spare\"}", "www", NULL),
	    OPS_OK);
	assert_int_equal(health(), OPS_HEALTH_DEGRADED);
	set_verdict("10.80.0.8:80", TARGET_DOWN);
	set_verdict("10.80.0.9:80", TARGET_DOWN);
	assert_int_equal(health(), OPS_HEALTH_UNAVAILABLE);
	set_verdict("10.80.0.10:80", TARGET_UP);
	assert_int_equal(health(), OPS_HEALTH_DEGRADED);
}

static void the_end_comes_first(void **state)
{
	(void)state;
	start(TWO, CHECKED);
	set_verdict("10.80.0.8:80", TARGET_DOWN);
	control_is_draining(k.control);
	assert_int_equal(health(), OPS_HEALTH_DRAINING);
}

#define TEST(f) cmocka_unit_test_teardown(f, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(checks_decide),
		TEST(without_checks_all_can_serve),
		TEST(closed_ones_are_no_fault),
		TEST(panic_is_said),
		TEST(one_listener_is_enough),
		TEST(the_end_comes_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
