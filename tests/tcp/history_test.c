/* SPDX-License-Identifier: GPL-3.0-or-later */
/* What a stack remembers of its connections, as text. */
#include <string.h>

#include "dataplane/tcp/check.h"
#include "tests/tcp/scenario.h"

static char text[65536];

/* These must be in it, in this order. */
static void expect_lines(struct peer *p, const char *const lines[], unsigned n)
{
	const char *at = text;

	for (unsigned i = 0; i < n; i++) {
		const char *found = strstr(at, lines[i]);

		if (!found)
			peer_fail(p, "no \"%s\" in:\n%s", lines[i], at);
		at = found + strlen(lines[i]);
	}
}

SCENARIO(history_reads_like_a_script)
{
	static const char *const lines[] = { "connection 0, ISS 0xffffff00, IRS 0xffffff00\n",
		"* SYN-RECEIVED\n", "< . 1:1(0) ack 1 win 65535\n", "* ESTABLISHED\n",
		"< .U 1001:1101(100) ack 1 win 65535 urg 7\n",
		"> . 1:1(0) ack 1 win 512 <sack 1001:1101>\n",
		"> P. 1:101(100) ack 1 win 512 <sack 1001:1101>\n", "* timer TLP\n",
		"> P. 1:101(100) ack 1 win 512 <sack 1001:1101>\n", "< R 1:1(0) win 0\n",
		"* CLOSED\n" };

	ESTABLISH("mss 1460,sackOK,nop,wscale 7", 65535);
	SEND(".U 1001:1101(100) ack 1 win 65535 urg 7");
	APP_WRITE(100);
	peer_discard(p);
	CHECK(peer_wait(p, 2 * 1000 * 1000));
	peer_discard(p);
	SEND("R 1:1(0) win 0");
	CHECK(tcp_history(p->stack, 0, text, sizeof(text)) == strlen(text));
	expect_lines(p, lines, sizeof(lines) / sizeof(lines[0]));
	CHECK(tcp_history(p->stack, 1, text, sizeof(text)) == 0);
	CHECK(tcp_history(p->stack, 1000000, text, sizeof(text)) == 0);
}

SCENARIO(history_of_an_active_open)
{
	static const char *const lines[] = { "* SYN-SENT\n", "> S 0:0(0) win 65535 <",
		"< S. 0:0(0) ack 1 win 1000 <TS val 7 ecr 0>\n", "* ESTABLISHED\n",
		"> . 1:1(0) ack 1 win ", "> R. 1:1(0) ack 1 win 0 <TS val " };

	APP_CONNECT();
	peer_discard(p);
	SEND("S. 0:0(0) ack 1 win 1000 <mss 1460,TS val 7 ecr 0>");
	peer_discard(p);
	APP_ABORT();
	peer_discard(p);
	CHECK(tcp_history(p->stack, 0, text, sizeof(text)) > 0);
	expect_lines(p, lines, sizeof(lines) / sizeof(lines[0]));
}

/* A ring, and a buffer of any size. */
SCENARIO(history_is_bounded)
{
	size_t whole;

	ESTABLISH("mss 1460", 65535);
	for (uint32_t i = 0; i < 100; i++) {
		SEND("P. %u:%u(10) ack 1 win 65535", 1 + i * 10, 11 + i * 10);
		APP_READ(10);
		peer_discard(p);
	}
	whole = tcp_history(p->stack, 0, text, sizeof(text));
	CHECK(strstr(text, " earlier\n"));
	CHECK(!strstr(text, "< P. 1:11(10)"));
	CHECK(strstr(text, "< P. 991:1001(10) ack 1 win 65535\n"));
	for (size_t size = 0; size <= whole + 1; size += 1 + size / 7) {
		text[size] = 'x';
		CHECK(tcp_history(p->stack, 0, text, size) < size + !size);
		CHECK(text[size] == 'x');
	}
	ADVANCE_MS(100);
	peer_discard(p);
}

/* Who takes the place of a closed connection begins anew. */
SCENARIO(history_of_a_reused_place)
{
	ESTABLISH("mss 1460", 65535);
	APP_WRITE(77);
	EXPECT("P. 1:78(77) ack 1");
	SEND("R 1:1(0) win 0");
	APP_RELEASE();
	peer_new_flow(p, 41000);
	ESTABLISH("mss 1460", 65535);
	CHECK(tcp_history(p->stack, 0, text, sizeof(text)) > 0);
	CHECK(!strstr(text, "(77)"));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		RUN(history_reads_like_a_script),
		RUN(history_of_an_active_open),
		RUN(history_is_bounded),
		RUN(history_of_a_reused_place),
	};

	return scenario_main(argc, argv, "history", tests, sizeof(tests) / sizeof(tests[0]));
}
