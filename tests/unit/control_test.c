/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <rte_log.h>

#include "tests/unit/control_kit.h"

#include <cmocka.h>

static struct kit k;

static int setup(void **state)
{
	(void)state;
	kit_start(&k);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	kit_end(&k);
	return 0;
}

static void assert_state(const char *wanted)
{
	char *text = kit_state(&k);

	assert_string_equal(text, wanted);
	free(text);
}

/* What is refused says why and changes nothing. */
#define assert_refused(call, verdict, why)                             \
	do {                                                           \
		char *before_ = kit_state(&k);                         \
		uint64_t generation_ = kit_generation(&k);             \
		unsigned published_ = k.n_published;                   \
		if ((call) != (verdict))                               \
			fail_msg("%s", k.e.text);                      \
                                                                       \
		if (!strstr(k.e.text, why))                            \
			fail_msg("'%s' is not in: %s", why, k.e.text); \
                                                                       \
		assert_state(before_);                                 \
		assert_int_equal(kit_generation(&k), generation_);     \
		assert_int_equal(k.n_published, published_);           \
		free(before_);                                         \
	} while (0)

static void first_start_is_the_file(void **state)
{
	(void)state;
	assert_int_equal(kit_generation(&k), 1);
	assert_string_equal(kit_served(&k, "https", "www.test"), "www");
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "rsa");
	assert_string_equal(kit_served(&k, "https", "spare.test"), "default www");
	assert_string_equal(kit_served(&k, "other", "www.test"), "default rsa");
}

static void added_certificate_is_served_once_associated(void **state)
{
	(void)state;
	assert_int_equal(kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "new.test"), "default www");
	assert_int_equal(kit_associate(&k, "https", "new"), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "new.test"), "new");
	assert_string_equal(kit_served(&k, "other", "new.test"), "default rsa");
	assert_int_equal(kit_generation(&k), 3);
	assert_int_equal(k.n_published, 2);
	assert_int_equal(kit_dissociate(&k, "https", "new"), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "new.test"), "default www");
	assert_int_equal(kit_delete(&k, "new", false), OPS_OK);
}

static void replaced_certificate_keeps_its_listeners(void **state)
{
	(void)state;
	assert_int_equal(kit_put(&k, "www", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "www.test"), "www");
	assert_int_equal(kit_put(&k, "rsa", "p384.pem", "p384.key"), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "rsa");
	assert_string_equal(kit_served(&k, "other", "x.test"), "default rsa");
	assert_state("rsa api 32bdb685 rsa.test\n"
		     "spare file 32bdb685 spare.test\n"
		     "www api d893d81d www.test\n"
		     "https: www | rsa\n"
		     "other: rsa |\n");
}

static void default_certificate_changes(void **state)
{
	(void)state;
	assert_int_equal(kit_default(&k, "https", "spare"), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "nobody.test"), "default spare");
	assert_string_equal(kit_served(&k, "https", "www.test"), "default spare");
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "rsa");
}

static void nonsense_is_refused(void **state)
{
	(void)state;
	assert_refused(kit_put(&k, "www", "p256.pem", "other.key"), OPS_REFUSED, "key");
	assert_refused(kit_put(&k, "www", "expired.pem", "p256.key"), OPS_REFUSED, "expired on");
	assert_refused(
	    kit_put(&k, "www", "p256.key", "p256.key"), OPS_REFUSED, "certificate 'www'");
	assert_refused(
	    kit_delete(&k, "www", false), OPS_CONFLICT, "is a default of listener 'https'");
	assert_refused(
	    kit_delete(&k, "www", true), OPS_CONFLICT, "is a default of listener 'https'");
	assert_refused(kit_delete(&k, "nobody", false), OPS_NOT_FOUND, "no certificate 'nobody'");
	assert_refused(kit_associate(&k, "htps", "spare"), OPS_NOT_FOUND, "did you mean 'https'?");
	assert_refused(
	    kit_associate(&k, "https", "nobody"), OPS_NOT_FOUND, "no certificate 'nobody'");
	assert_refused(kit_associate(&k, "https", "rsa"), OPS_CONFLICT, "already");
	assert_refused(kit_dissociate(&k, "https", "spare"), OPS_NOT_FOUND, "does not serve");
	assert_refused(kit_dissociate(&k, "https", "www"), OPS_CONFLICT, "is a default");
	assert_refused(
	    kit_default(&k, "https", "nobody"), OPS_NOT_FOUND, "no certificate 'nobody'");
	assert_refused(kit_rollback(&k, 7), OPS_NOT_FOUND, "generation 7 is not kept");
	assert_refused(kit_rollback(&k, 0), OPS_NOT_FOUND, "generation 0 is not kept");
}

static void served_certificate_is_deleted_everywhere_only_when_asked(void **state)
{
	(void)state;
	assert_int_equal(kit_default(&k, "other", "spare"), OPS_OK);
	assert_refused(kit_delete(&k, "rsa", false), OPS_CONFLICT, "is served by listener 'https'");
	assert_int_equal(kit_delete(&k, "rsa", true), OPS_OK);
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "default www");
}

static void transaction_is_all_or_nothing(void **state)
{
	const struct ops_request request = { .who = "test", .action = "change" };
	const struct ops *ops = control_ops(k.control);
	struct change_list l = { .n = 0 };
	struct ops_result result;
	struct change *c;
	char *before = kit_state(&k);

	(void)state;
	c = change_add(&l, CHANGE_ASSOCIATE);
	c->listener = strdup("https");
	c->certificate = strdup("spare");
	c = change_add(&l, CHANGE_DISSOCIATE);
	c->listener = strdup("https");
	c->certificate = strdup("nobody");
	err_init(&k.e);
	assert_int_equal(ops->change(ops->arg, &l, &request, &result, &k.e), OPS_NOT_FOUND);
	assert_state(before);
	assert_int_equal(kit_generation(&k), 1);
	free(l.at[1].certificate);
	l.at[1].certificate = strdup("rsa");
	assert_int_equal(ops->change(ops->arg, &l, &request, &result, &k.e), OPS_OK);
	assert_int_equal(kit_generation(&k), 2);
	assert_int_equal(k.n_published, 1);
	assert_string_equal(kit_served(&k, "https", "spare.test"), "spare");
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "default www");
	change_clear(&l);
	free(before);
}

static enum ops_verdict associate_with(const struct ops_request *request, struct ops_result *result)
{
	const struct ops *ops = control_ops(k.control);
	struct change_list l = { .n = 0 };
	struct change *c = change_add(&l, CHANGE_ASSOCIATE);
	enum ops_verdict verdict;

	c->listener = strdup("https");
	c->certificate = strdup("spare");
	err_init(&k.e);
	verdict = ops->change(ops->arg, &l, request, result, &k.e);
	change_clear(&l);
	return verdict;
}

static void dry_run_changes_nothing(void **state)
{
	const struct ops_request request = { .who = "test", .action = "change", .dry_run = true };
	struct ops_result result;
	char *before = kit_state(&k);

	(void)state;
	assert_int_equal(associate_with(&request, &result), OPS_OK);
	assert_int_equal(result.generation, 2);
	assert_int_equal(kit_generation(&k), 1);
	assert_int_equal(k.n_published, 0);
	assert_state(before);
	free(before);
}

static void second_writer_of_a_generation_is_refused(void **state)
{
	const struct ops_request request = { .who = "test", .action = "change", .if_match = 1 };
	struct ops_result result;

	(void)state;
	assert_int_equal(associate_with(&request, &result), OPS_OK);
	assert_int_equal(associate_with(&request, &result), OPS_STALE);
	assert_non_null(strstr(k.e.text, "the generation is 2, not 1"));
	assert_int_equal(kit_generation(&k), 2);
}

static void repeated_key_is_done_once_also_after_a_restart(void **state)
{
	const struct ops_request request = { .who = "test",
		.action = "change",
		.key = "k-1",
		.request = "5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9" };
	struct ops_request other = request;
	struct ops_result result;

	(void)state;
	assert_int_equal(associate_with(&request, &result), OPS_OK);
	assert_false(result.was_done_before);
	assert_int_equal(associate_with(&request, &result), OPS_OK);
	assert_true(result.was_done_before);
	assert_int_equal(result.generation, 2);
	assert_int_equal(kit_generation(&k), 2);
	assert_true(kit_restart(&k));
	assert_int_equal(associate_with(&request, &result), OPS_OK);
	assert_true(result.was_done_before);
	assert_int_equal(result.generation, 2);
	other.request = "6b86b273ff34fce19d6b804eff5a3f5747ada4eaa22f1d49c01e52ddb7875b4b";
	assert_int_equal(associate_with(&other, &result), OPS_CONFLICT);
	assert_int_equal(kit_generation(&k), 2);
}

static void acknowledged_changes_are_back_after_a_restart(void **state)
{
	char *before;

	(void)state;
	assert_int_equal(kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_int_equal(kit_associate(&k, "https", "new"), OPS_OK);
	assert_int_equal(kit_put(&k, "www", "p521.pem", "p521.key"), OPS_OK);
	assert_int_equal(kit_default(&k, "other", "new"), OPS_OK);
	assert_int_equal(kit_dissociate(&k, "https", "rsa"), OPS_OK);
	assert_int_equal(kit_delete(&k, "rsa", false), OPS_OK);
	before = kit_state(&k);
	assert_true(kit_restart(&k));
	assert_state(before);
	assert_int_equal(kit_generation(&k), 7);
	assert_string_equal(kit_served(&k, "https", "new.test"), "new");
	assert_true(kit_restart(&k));
	assert_state(before);
	free(before);
}

static void rollback_goes_to_any_generation_and_survives(void **state)
{
	char *states[8];

	(void)state;
	states[1] = kit_state(&k);
	assert_int_equal(kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_OK);
	states[2] = kit_state(&k);
	assert_int_equal(kit_associate(&k, "https", "new"), OPS_OK);
	states[3] = kit_state(&k);
	assert_int_equal(kit_put(&k, "www", "p521.pem", "p521.key"), OPS_OK);
	states[4] = kit_state(&k);
	assert_int_equal(kit_default(&k, "https", "new"), OPS_OK);
	states[5] = kit_state(&k);
	for (unsigned g = 1; g <= 5; g++) {
		assert_int_equal(kit_rollback(&k, g), OPS_OK);
		assert_state(states[g]);
		assert_true(kit_restart(&k));
		assert_state(states[g]);
		assert_int_equal(kit_generation(&k), 5 + g);
	}
	for (unsigned g = 1; g <= 5; g++)
		free(states[g]);
}

static void reload_makes_the_file_authoritative(void **state)
{
	char *before = kit_state(&k);

	(void)state;
	assert_int_equal(kit_put(&k, "www", "p521.pem", "p521.key"), OPS_OK);
	assert_int_equal(kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_state(before);
	assert_int_equal(kit_generation(&k), 4);
	assert_true(kit_restart(&k));
	assert_state(before);
	assert_int_equal(kit_generation(&k), 4);
	free(before);
}

static void bad_file_is_not_reloaded(void **state)
{
	(void)state;
	kit_config(&k, "backend = \"app\"; },", "backend = \"ap\"; },");
	assert_refused(kit_reload(&k), OPS_REFUSED, "names backend 'ap', which is not");
	kit_config(&k, "workers = [0]", "workers = [0]; max_connections = 77");
	assert_refused(kit_reload(&k), OPS_REFUSED, "restart to change it");
	kit_config(&k, NULL, NULL);
	kit_copy(&k, "other.key", "www.key");
	assert_refused(kit_reload(&k), OPS_REFUSED, "key");
}

static void rollback_crosses_a_reload_and_survives(void **state)
{
	char *before = kit_state(&k);

	(void)state;
	kit_config(&k, "{ name = \"other\"; bind = [\"10.80.0.1:444\"]",
	    "{ name = \"third\"; bind = [\"10.80.0.1:445\"]");
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_string_equal(kit_served(&k, "other", "x"), "no listener");
	assert_string_equal(kit_served(&k, "third", "x"), "default rsa");
	assert_int_equal(kit_rollback(&k, 1), OPS_OK);
	assert_state(before);
	assert_string_equal(kit_served(&k, "other", "x"), "default rsa");
	assert_true(kit_restart(&k));
	assert_state(before);
	assert_string_equal(kit_served(&k, "other", "x"), "default rsa");
	assert_int_equal(kit_generation(&k), 3);
	free(before);
}

static void rollback_brings_back_what_files_held(void **state)
{
	static const char as_before[] = "rsa file f715075a rsa.test\n"
					"spare file 32bdb685 spare.test\n"
					"www api 09807ce0 www.test\n"
					"https: www | rsa\n"
					"other: rsa |\n";

	(void)state;
	kit_copy(&k, "p521.pem", "www.pem");
	kit_copy(&k, "p521.key", "www.key");
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_int_equal(kit_rollback(&k, 1), OPS_OK);
	/* Its files hold something else now: it comes from the store. */
	assert_state(as_before);
	assert_true(kit_restart(&k));
	assert_state(as_before);
}

static void file_changed_while_away_wins_where_it_says_something(void **state)
{
	(void)state;
	assert_int_equal(kit_put(&k, "www", "p521.pem", "p521.key"), OPS_OK);
	assert_int_equal(kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_int_equal(kit_associate(&k, "https", "new"), OPS_OK);
	assert_int_equal(kit_default(&k, "other", "new"), OPS_OK);
	assert_int_equal(kit_dissociate(&k, "https", "rsa"), OPS_OK);
	kit_config(&k, "default_certificate = \"www\"", "default_certificate = \"spare\"");
	assert_true(kit_restart(&k));
	assert_int_equal(kit_generation(&k), 7);
	assert_string_equal(kit_served(&k, "https", "nobody.test"), "default spare");
	assert_string_equal(kit_served(&k, "https", "new.test"), "new");
	assert_string_equal(kit_served(&k, "https", "rsa.test"), "rsa");
	assert_string_equal(kit_served(&k, "other", "nobody.test"), "default rsa");
	assert_state("new api d893d81d new.test\n"
		     "rsa file f715075a rsa.test\n"
		     "spare file 32bdb685 spare.test\n"
		     "www file 09807ce0 www.test\n"
		     "https: spare | new rsa\n"
		     "other: rsa |\n");
	/* That is a generation of its own, and the next start finds it. */
	assert_true(kit_restart(&k));
	assert_int_equal(kit_generation(&k), 7);
	assert_string_equal(kit_served(&k, "https", "new.test"), "new");
}

static void without_a_place_changes_are_refused(void **state)
{
	(void)state;
	kit_end(&k);
	kit_folder(&k);
	kit_config(&k, "state_dir = \"state\"; ", "");
	assert_true(kit_control(&k, NULL, NULL));
	assert_refused(
	    kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_REFUSED, "set runtime.state_dir");
	assert_int_equal(kit_reload(&k), OPS_OK);
	assert_int_equal(kit_rollback(&k, 1), OPS_OK);
	assert_int_equal(kit_generation(&k), 3);
}

static void long_history_is_made_shorter_and_nothing_is_lost(void **state)
{
	char *states[4], *before, path[160];
	struct stat s;

	(void)state;
	assert_int_equal(kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_OK);
	for (unsigned i = 0; i < 1100; i++) {
		assert_int_equal(
		    i % 2 ? kit_dissociate(&k, "https", "new") : kit_associate(&k, "https", "new"),
		    OPS_OK);
		if (i >= 1096)
			states[i - 1096] = kit_state(&k);
	}
	snprintf(path, sizeof(path), "%s/state/journal", k.folder);
	assert_int_equal(stat(path, &s), 0);
	assert_true(s.st_size < 550 * 500); /* of 1102 records some 520 at most are kept */
	before = kit_state(&k);
	assert_true(kit_restart(&k));
	assert_state(before);
	assert_int_equal(kit_generation(&k), 1102);
	for (unsigned i = 0; i < 4; i++) {
		assert_int_equal(kit_rollback(&k, 1099 + i), OPS_OK);
		assert_state(states[i]);
		free(states[i]);
	}
	assert_refused(kit_rollback(&k, 2), OPS_NOT_FOUND, "not kept");
	free(before);
}

static void files_that_change_are_picked_up_together(void **state)
{
	struct err e = { .n = 0 };

	(void)state;
	assert_int_equal(control_refresh(k.control, &e), 0);
	assert_int_equal(kit_generation(&k), 1);
	/* The chain is there and the key is not yet: nothing changes. */
	kit_copy(&k, "p521.pem", "www.pem");
	assert_int_equal(control_refresh(k.control, &e), -1);
	assert_non_null(strstr(e.text, "certificate 'www'"));
	assert_int_equal(kit_generation(&k), 1);
	kit_copy(&k, "p521.key", "www.key");
	err_init(&e);
	assert_int_equal(control_refresh(k.control, &e), 1);
	assert_int_equal(kit_generation(&k), 2);
	assert_int_equal(k.n_published, 1);
	assert_int_equal(control_refresh(k.control, &e), 0);
	/* One that was replaced over the API is not touched. */
	assert_int_equal(kit_put(&k, "spare", "ed25519.pem", "ed25519.key"), OPS_OK);
	kit_copy(&k, "rsa2048.pem", "spare.pem");
	kit_copy(&k, "rsa2048.key", "spare.key");
	assert_int_equal(control_refresh(k.control, &e), 0);
	assert_int_equal(kit_generation(&k), 3);
}

/* --- what is told --- */

static unsigned lines_with(const char *text, const char *what)
{
	unsigned n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

/* How often control says what when it looks at the certificates at that time. */
static unsigned warnings_at(int64_t now, const char *what)
{
	char *text = NULL;
	size_t size;
	FILE *log = open_memstream(&text, &size);
	unsigned n;

	rte_openlog_stream(log);
	control_warn_expiry(k.control, now);
	rte_openlog_stream(NULL);
	fclose(log);
	n = lines_with(text, what);
	if (n != lines_with(text, "\n"))
		fail_msg("not only '%s': %s", what, text);
	free(text);
	return n;
}

static void ends_are_told_at_30_7_and_1_days(void **state)
{
	const int64_t end = INT64_C(2051222400), day = 86400; /* 2035-01-01 */

	(void)state;
	assert_int_equal(warnings_at(end - 31 * day, "ends in"), 0);
	assert_int_equal(warnings_at(end - 30 * day, "less than 30 days"), 3);
	assert_int_equal(warnings_at(end - 29 * day, "ends in"), 0);
	assert_int_equal(warnings_at(end - 6 * day, "less than 7 days"), 3);
	assert_int_equal(warnings_at(end - 5 * day, "ends in"), 0);
	/* A new one is told of once, too. */
	assert_int_equal(kit_put(&k, "new", "ed25519.pem", "ed25519.key"), OPS_OK);
	assert_int_equal(warnings_at(end - 5 * day, "'new' ends in"), 1);
	assert_int_equal(warnings_at(end - day / 2, "less than 1 day)"), 4);
	assert_int_equal(warnings_at(end + 1, "has expired"), 4);
	assert_int_equal(warnings_at(end + day, "has expired"), 0);
}

/* --- killed at every step --- */

#define N_SCRIPT 15

#define BACKEND  "{\"targets\":[{\"address\":\"10.80.0.8:80\",\"weight\":3}]}"
#define LISTENER "{\"bind\":[\"10.80.0.1:445\"],\"backend\":\"second\",\"alpn\":[\"h2\"]}"

static enum ops_verdict script(struct kit *of, unsigned i)
{
	switch (i) {
	case 0:
		return kit_put(of, "new", "ed25519.pem", "ed25519.key");
	case 1:
		return kit_associate(of, "https", "new");
	case 2:
		return kit_put(of, "www", "p521.pem", "p521.key");
	case 3:
		return kit_default(of, "other", "new");
	case 4:
		return kit_rollback(of, 2);
	case 5:
		return kit_dissociate(of, "https", "rsa");
	case 6:
		return kit_reload(of);
	case 7:
		return kit_put(of, "spare", "rsa2048.pem", "rsa2048.key");
	case 8:
		return kit_delete(of, "spare", true);
	case 9:
		return kit_item(of, "backends", "second", BACKEND, NULL, NULL);
	case 10:
		return kit_item(of, "listeners", "third", LISTENER, "www", "rsa");
	case 11:
		return kit_dissociate(of, "third", "rsa");
	case 12:
		return kit_item(of, "listeners", "other", NULL, NULL, NULL);
	case 13:
		return kit_rollback(of, 12);
	default:
		return kit_item(of, "listeners", "third", NULL, NULL, NULL);
	}
}

struct killer {
	unsigned left;
};

static void maybe_die(void *arg, const char *step)
{
	struct killer *killer = arg;

	(void)step;
	if (killer->left-- == 0)
		_exit(9);
}

static void run_and_die(struct killer *killer, int acks)
{
	fclose(stderr); /* messages of a hundred children */
	if (!kit_control(&k, maybe_die, killer))
		_exit(1);
	for (unsigned i = 0; i < N_SCRIPT; i++)
		if (script(&k, i) != OPS_OK || write(acks, "x", 1) != 1)
			_exit(1);
	_exit(0);
}

/* After any death the state is that of the last acknowledged change, or of the next one, whole. */
static void killed_at_any_step_no_change_is_half_there(void **state)
{
	char *states[N_SCRIPT + 1];
	unsigned steps = 0;

	(void)state;
	states[0] = kit_whole(&k);
	for (unsigned i = 0; i < N_SCRIPT; i++) {
		assert_int_equal(script(&k, i), OPS_OK);
		states[i + 1] = kit_whole(&k);
	}
	for (int status = -1; status != 0; steps++) {
		struct killer killer = { .left = steps };
		unsigned n = 0;
		int acks[2];
		char x, *now;
		pid_t pid;

		kit_end(&k);
		kit_folder(&k);
		assert_int_equal(pipe(acks), 0);
		pid = fork();
		assert_true(pid >= 0);
		if (pid == 0)
			run_and_die(&killer, acks[1]);
		close(acks[1]);
		while (read(acks[0], &x, 1) == 1)
			n++;
		close(acks[0]);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) != 1);
		if (!kit_control(&k, NULL, NULL))
			fail_msg("step %u: %s", steps, k.e.text);
		now = kit_whole(&k);
		if (strcmp(now, states[n]) != 0 &&
		    (n == N_SCRIPT || strcmp(now, states[n + 1]) != 0))
			fail_msg("step %u, %u acknowledged:\n%swas\n%s", steps, n, now, states[n]);
		assert_true(kit_generation(&k) == n + 1 || kit_generation(&k) == n + 2);
		free(now);
	}
	assert_true(steps > 50);
	for (unsigned i = 0; i <= N_SCRIPT; i++)
		free(states[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(first_start_is_the_file, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    added_certificate_is_served_once_associated, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    replaced_certificate_keeps_its_listeners, setup, teardown),
		cmocka_unit_test_setup_teardown(default_certificate_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(nonsense_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    served_certificate_is_deleted_everywhere_only_when_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(transaction_is_all_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(dry_run_changes_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    second_writer_of_a_generation_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    repeated_key_is_done_once_also_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    acknowledged_changes_are_back_after_a_restart, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    rollback_goes_to_any_generation_and_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    reload_makes_the_file_authoritative, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_file_is_not_reloaded, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    rollback_crosses_a_reload_and_survives, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    rollback_brings_back_what_files_held, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    file_changed_while_away_wins_where_it_says_something, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    without_a_place_changes_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    long_history_is_made_shorter_and_nothing_is_lost, setup, teardown),
		cmocka_unit_test_setup_teardown(ends_are_told_at_30_7_and_1_days, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    killed_at_any_step_no_change_is_half_there, setup, teardown),
		cmocka_unit_test_setup_teardown(
		    files_that_change_are_picked_up_together, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
