/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "dataplane/notify.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

/* Stands for the service manager. */
static int manager = -1;

static const char *heard(void)
{
	static char text[256];
	ssize_t n = recv(manager, text, sizeof(text) - 1, MSG_DONTWAIT);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static int start(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char name[64];
	int n;

	(void)state;
	manager = socket(AF_UNIX, SOCK_DGRAM, 0);
	n = snprintf(name, sizeof(name), "@notify-test-%d", (int)getpid());
	memcpy(a.sun_path + 1, name + 1, (size_t)n - 1);
	setenv("NOTIFY_SOCKET", name, 1);
	return bind(manager, (struct sockaddr *)&a,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + (size_t)n));
}

static int stop(void **state)
{
	(void)state;
	return close(manager);
}

static void watch(const char *usec, const char *pid)
{
	usec ? setenv("WATCHDOG_USEC", usec, 1) : unsetenv("WATCHDOG_USEC");
	pid ? setenv("WATCHDOG_PID", pid, 1) : unsetenv("WATCHDOG_PID");
}

static void nobody_waits_without_a_watchdog(void **state)
{
	struct notify n;

	(void)state;
	watch(NULL, NULL);
	notify_init(&n);
	assert_false(notify_is_due(&n, 1e9));
	watch("nonsense", NULL);
	notify_init(&n);
	assert_false(notify_is_due(&n, 1e9));
	watch("4000000", "1"); /* meant for another process */
	notify_init(&n);
	assert_false(notify_is_due(&n, 1e9));
	assert_string_equal(heard(), "");
}

static void signs_of_life_come_four_times_as_often_as_needed(void **state)
{
	struct notify n;

	(void)state;
	watch("4000000", NULL);
	notify_init(&n);
	assert_true(notify_is_due(&n, 100.0));
	notify_alive(&n, 100.0, -1);
	assert_string_equal(heard(), "WATCHDOG=1");
	assert_false(notify_is_due(&n, 100.9));
	assert_true(notify_is_due(&n, 101.0));
}

static void a_worker_that_hangs_is_a_silent_one(void **state)
{
	struct notify n;

	(void)state;
	watch("4000000", NULL);
	notify_init(&n);
	for (unsigned i = 0; i < 5; i++) {
		notify_alive(&n, 100.0 + i, 0);
		assert_string_equal(heard(), "");
	}
	notify_alive(&n, 105.0, -1); /* it was only slow */
	assert_string_equal(heard(), "WATCHDOG=1");
}

static void every_change_is_told(void **state)
{
	(void)state;
	notify_ready();
	assert_non_null(strstr(heard(), "READY=1"));
	notify_reloading();
	assert_non_null(strstr(heard(), "RELOADING=1"));
	notify_stopping();
	assert_non_null(strstr(heard(), "STOPPING=1"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_waits_without_a_watchdog),
		cmocka_unit_test(signs_of_life_come_four_times_as_often_as_needed),
		cmocka_unit_test(a_worker_that_hangs_is_a_silent_one),
		cmocka_unit_test(every_change_is_told),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
