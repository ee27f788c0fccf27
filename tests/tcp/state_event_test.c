/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * Every state x every event: what is answered and where the connection stands afterwards,
 * by RFC 9293 3.10.7 with RFC 5961 and RFC 1337. Each row runs twice, with bare and with
 * modern SYN options. Tests are named <state>_<event>.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/tcp/scenario.h"

/*
 * In lines: {R} is the peer's next sequence number, {A} the stack's, {U} what of the stack's is
 * acknowledged, {W} the right edge of the stack's window, each with an offset
 * as in {R+100}. Answers: alternatives separated by |, an empty one is silence.
 */
struct row {
	enum tcp_state state;
	const char *event;
	const char *line;
	const char *answer;
	enum tcp_state next;
	enum tcp_state
	    or_next; /* TCP_CLOSED when it is the only one: a row cannot mean LISTEN here */
	unsigned events;
};

#define ACK_R      ". {A}:{A}(0) ack {R}"
#define SYN_LINE   "S 0:0(0) win 65535 <mss 1460>"
#define ANY_EVENTS ~0u

static const struct row rows[] = {
	{ TCP_CLOSED, "syn", SYN_LINE, "S. 0:0(0) ack 1", TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_CLOSED, "syn_ack", "S. 0:0(0) ack 1234 win 65535", "R 1234:1234(0)", TCP_CLOSED, 0,
	    0 },
	{ TCP_CLOSED, "ack", ". 1:1(0) ack 1234 win 65535", "R 1234:1234(0)", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "ack_below_window", ". 1:1(0) ack -70000 win 9", "R -70000:-70000(0)",
	    TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "ack_above_window", ". 1:1(0) ack 70000 win 9", "R 70000:70000(0)",
	    TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "rst_exact", "R 0:0(0)", "", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "rst_in_window", "R 1:1(0)", "", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "rst_above_window", "R 99999:99999(0)", "", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "rst_ack", "R. 1:1(0) ack 1234", "", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "rst_syn", "RS 1:1(0)", "", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "fin", "F 1:1(0) win 65535", "", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "fin_ack", "F. 1:1(0) ack 777 win 65535", "R 777:777(0)", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "fin_beyond_hole", "F. 101:101(0) ack 777 win 9", "R 777:777(0)", TCP_CLOSED,
	    0, 0 },
	{ TCP_CLOSED, "old_duplicate", ". -100:0(100) ack 777 win 9", "R 777:777(0)", TCP_CLOSED, 0,
	    0 },
	{ TCP_CLOSED, "data_beyond_window", ". 99999:100000(1) ack 777 win 9", "R 777:777(0)",
	    TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "no_flags", "- 1:1(0) win 9", "", TCP_CLOSED, 0, 0 },
	{ TCP_CLOSED, "data_without_ack", "P 1:101(100) win 9", "", TCP_CLOSED, 0, 0 },

	{ TCP_SYN_SENT, "syn", SYN_LINE, "S. 0:0(0) ack 1", TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_SENT, "syn_ack", "S. 0:0(0) ack 1 win 65535 <mss 1460>", ". 1:1(0) ack 1",
	    TCP_ESTABLISHED, 0, TCP_EV_ESTABLISHED },
	{ TCP_SYN_SENT, "syn_ack_below_window", "S. 0:0(0) ack 0 win 9", "R 0:0(0)", TCP_SYN_SENT,
	    0, 0 },
	{ TCP_SYN_SENT, "syn_ack_above_window", "S. 0:0(0) ack 2 win 9", "R 2:2(0)", TCP_SYN_SENT,
	    0, 0 },
	{ TCP_SYN_SENT, "ack", ". 1:1(0) ack 1 win 65535", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "ack_below_window", ". 1:1(0) ack 0 win 9", "R 0:0(0)", TCP_SYN_SENT, 0,
	    0 },
	{ TCP_SYN_SENT, "ack_above_window", ". 1:1(0) ack 2 win 9", "R 2:2(0)", TCP_SYN_SENT, 0,
	    0 },
	{ TCP_SYN_SENT, "rst_exact", "R. 0:0(0) ack 1", "", TCP_CLOSED, 0, TCP_EV_RESET },
	/* There is no window yet: only the ACK tells who is meant. */
	{ TCP_SYN_SENT, "rst_in_window", "R. 1:1(0) ack 1", "", TCP_CLOSED, 0, TCP_EV_RESET },
	{ TCP_SYN_SENT, "rst_above_window", "R. 99999:99999(0) ack 1", "", TCP_CLOSED, 0,
	    TCP_EV_RESET },
	{ TCP_SYN_SENT, "rst_ack_above_window", "R. 0:0(0) ack 2", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "rst_ack_below_window", "R. 0:0(0) ack 0", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "rst_without_ack", "R 0:0(0)", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "rst_syn_ack_above_window", "RS. 0:0(0) ack 2", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "fin", "F. 1:1(0) ack 1 win 9", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "fin_without_ack", "F 1:1(0) win 9", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "fin_beyond_hole", "F. 101:101(0) ack 1 win 9", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "old_duplicate", ". -100:0(100) ack 1 win 9", "", TCP_SYN_SENT, 0, 0 },
	{ TCP_SYN_SENT, "data_beyond_window", ". 99999:100000(1) ack 1 win 9", "", TCP_SYN_SENT, 0,
	    0 },

	{ TCP_SYN_RECEIVED, "syn", SYN_LINE, "S. 0:0(0) ack 1|. 1:1(0) ack 1", TCP_SYN_RECEIVED, 0,
	    0 },
	/* RFC 9293: back to LISTEN, in silence; RFC 5961 4.2: challenge ACK. */
	{ TCP_SYN_RECEIVED, "syn_in_window", "S 1:1(0) win 65535", "|" ACK_R, TCP_CLOSED,
	    TCP_SYN_RECEIVED, 0 },
	{ TCP_SYN_RECEIVED, "syn_ack", "S. 0:0(0) ack 1 win 9", ACK_R "|S. 0:0(0) ack 1",
	    TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "ack", ". 1:1(0) ack 1 win 9", "", TCP_ESTABLISHED, 0,
	    TCP_EV_ESTABLISHED },
	{ TCP_SYN_RECEIVED, "ack_below_window", ". 1:1(0) ack 0 win 9", "R 0:0(0)",
	    TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "ack_above_window", ". 1:1(0) ack 2 win 9", "R 2:2(0)",
	    TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "data_ack_above_window", ". 1:11(10) ack 2 win 9", "R 2:2(0)",
	    TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "rst_exact", "R 1:1(0)", "", TCP_CLOSED, 0, 0 },
	{ TCP_SYN_RECEIVED, "rst_in_window", "R 2:2(0)", ACK_R, TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "rst_below_window", "R 0:0(0)", "", TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "rst_above_window", "R {W+1}:{W+1}(0)", "", TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "fin", "F. 1:1(0) ack 1 win 9", ". 1:1(0) ack 2", TCP_CLOSE_WAIT, 0,
	    TCP_EV_ESTABLISHED | TCP_EV_PEER_FIN },
	{ TCP_SYN_RECEIVED, "fin_beyond_hole", "F. 101:101(0) ack 1 win 9", ACK_R, TCP_ESTABLISHED,
	    0, TCP_EV_ESTABLISHED },
	{ TCP_SYN_RECEIVED, "old_duplicate", ". -99:1(100) ack 1 win 9", ACK_R, TCP_SYN_RECEIVED, 0,
	    0 },
	{ TCP_SYN_RECEIVED, "data_beyond_window", ". {W}:{W+1}(1) ack 1 win 9", ACK_R,
	    TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "data_without_ack", "P 1:11(10) win 9", "", TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_SYN_RECEIVED, "no_flags", "- 1:1(0) win 9", "", TCP_SYN_RECEIVED, 0, 0 },

/* What all states after the handshake have in common. */
#define SYNCHRONISED(s)                                                                           \
	{ s, "syn", "S {R}:{R}(0) win 65535", ACK_R, s, 0, 0 },                                   \
	    { s, "syn_below_window", "S {R-60}:{R-60}(0) win 65535", ACK_R, s, 0, 0 },            \
	    { s, "syn_above_window", "S {W+9}:{W+9}(0) win 65535", ACK_R, s, 0, 0 },              \
	    { s, "syn_ack", "S. {R}:{R}(0) ack {U} win 9", ACK_R, s, 0, 0 },                      \
	    { s, "syn_fin", "SF {R}:{R}(0) win 9", ACK_R, s, 0, 0 },                              \
	    { s, "syn_data", "S {R}:{R+10}(10) win 9", ACK_R, s, 0, 0 },                          \
	    { s, "ack_below_window", ". {R}:{R}(0) ack {U-20000000} win 65535", ACK_R, s, 0, 0 }, \
	    { s, "data_ack_below_window", ". {R}:{R+9}(9) ack {U-20000000} win 65535", ACK_R, s,  \
		    0, 0 },                                                                       \
	    { s, "ack_old", ". {R}:{R}(0) ack {U-50} win 65535", "", s, 0, 0 },                   \
	    { s, "ack_above_window", ". {R}:{R}(0) ack {A+1} win 65535", ACK_R, s, 0, 0 },        \
	    { s, "data_ack_above_window", ". {R}:{R+9}(9) ack {A+1} win 65535", ACK_R, s, 0, 0 }, \
	    { s, "rst_exact", "R {R}:{R}(0)", "", TCP_CLOSED, 0, TCP_EV_RESET },                  \
	    { s, "rst_exact_with_ack_above_window", "R. {R}:{R}(0) ack {A+9}", "", TCP_CLOSED, 0, \
		    TCP_EV_RESET },                                                               \
	    { s, "rst_exact_with_data", "R {R}:{R+9}(9)", "", TCP_CLOSED, 0, TCP_EV_RESET },      \
	    { s, "rst_in_window", "R {R+1}:{R+1}(0)", ACK_R, s, 0, 0 },                           \
	    { s, "rst_at_window_end", "R {W-1}:{W-1}(0)", ACK_R, s, 0, 0 },                       \
	    { s, "rst_below_window", "R {R-1}:{R-1}(0)", "", s, 0, 0 },                           \
	    { s, "rst_above_window", "R {W}:{W}(0)", "", s, 0, 0 },                               \
	    { s, "old_duplicate", ". {R-51}:{R-1}(50) ack {U} win 65535", ACK_R, s, 0, 0 },       \
	    { s, "data_beyond_window", ". {W}:{W+9}(9) ack {U} win 65535", ACK_R, s, 0, 0 },      \
	    { s, "data_without_ack", "P {R}:{R+9}(9) win 65535", "", s, 0, 0 },                   \
	{                                                                                         \
		s, "no_flags", "- {R}:{R}(0) win 65535", "", s, 0, 0                              \
	}

	SYNCHRONISED(TCP_ESTABLISHED),
	{ TCP_ESTABLISHED, "fin", "F. {R}:{R}(0) ack {A} win 65535", ". {A}:{A}(0) ack {R+1}",
	    TCP_CLOSE_WAIT, 0, TCP_EV_PEER_FIN },
	{ TCP_ESTABLISHED, "data_fin", "FP. {R}:{R+9}(9) ack {A} win 65535",
	    ". {A}:{A}(0) ack {R+10}", TCP_CLOSE_WAIT, 0, TCP_EV_READABLE | TCP_EV_PEER_FIN },
	{ TCP_ESTABLISHED, "fin_beyond_hole", "F. {R+100}:{R+100}(0) ack {A} win 65535", ACK_R,
	    TCP_ESTABLISHED, 0, 0 },
	{ TCP_ESTABLISHED, "fin_at_window_end", "F. {W}:{W}(0) ack {A} win 65535", ACK_R,
	    TCP_ESTABLISHED, 0, 0 },
	{ TCP_ESTABLISHED, "keepalive", ". {R-1}:{R-1}(0) ack {A} win 65535", ACK_R,
	    TCP_ESTABLISHED, 0, 0 },
	{ TCP_ESTABLISHED, "keepalive_byte", ". {R-1}:{R}(1) ack {A} win 65535", ACK_R,
	    TCP_ESTABLISHED, 0, 0 },

	SYNCHRONISED(TCP_FIN_WAIT_1),
	{ TCP_FIN_WAIT_1, "ack_of_fin", ". {R}:{R}(0) ack {A} win 65535", "", TCP_FIN_WAIT_2, 0,
	    0 },
	{ TCP_FIN_WAIT_1, "fin", "F. {R}:{R}(0) ack {U} win 65535", ". {A}:{A}(0) ack {R+1}",
	    TCP_CLOSING, 0, ANY_EVENTS },
	{ TCP_FIN_WAIT_1, "fin_and_ack_of_fin", "F. {R}:{R}(0) ack {A} win 65535",
	    ". {A}:{A}(0) ack {R+1}", TCP_TIME_WAIT, 0, ANY_EVENTS },
	{ TCP_FIN_WAIT_1, "fin_beyond_hole", "F. {R+100}:{R+100}(0) ack {U} win 65535", ACK_R,
	    TCP_FIN_WAIT_1, 0, 0 },

	SYNCHRONISED(TCP_FIN_WAIT_2),
	{ TCP_FIN_WAIT_2, "fin", "F. {R}:{R}(0) ack {A} win 65535", ". {A}:{A}(0) ack {R+1}",
	    TCP_TIME_WAIT, 0, ANY_EVENTS },
	{ TCP_FIN_WAIT_2, "data_fin", "F. {R}:{R+9}(9) ack {A} win 65535",
	    ". {A}:{A}(0) ack {R+10}", TCP_TIME_WAIT, 0, ANY_EVENTS },
	{ TCP_FIN_WAIT_2, "fin_beyond_hole", "F. {R+100}:{R+100}(0) ack {A} win 65535", ACK_R,
	    TCP_FIN_WAIT_2, 0, 0 },

	SYNCHRONISED(TCP_CLOSE_WAIT),
	{ TCP_CLOSE_WAIT, "fin", "F. {R-1}:{R-1}(0) ack {A} win 65535", ACK_R, TCP_CLOSE_WAIT, 0,
	    0 },
	{ TCP_CLOSE_WAIT, "fin_beyond_hole", "F. {R+9}:{R+9}(0) ack {A} win 65535", "|" ACK_R,
	    TCP_CLOSE_WAIT, 0, 0 },
	{ TCP_CLOSE_WAIT, "data_after_fin", ". {R}:{R+9}(9) ack {A} win 65535", "|" ACK_R,
	    TCP_CLOSE_WAIT, 0, 0 },

	SYNCHRONISED(TCP_CLOSING),
	{ TCP_CLOSING, "ack_of_fin", ". {R}:{R}(0) ack {A} win 65535", "", TCP_TIME_WAIT, 0,
	    ANY_EVENTS },
	{ TCP_CLOSING, "fin", "F. {R-1}:{R-1}(0) ack {U} win 65535", ACK_R, TCP_CLOSING, 0, 0 },
	{ TCP_CLOSING, "fin_beyond_hole", "F. {R+9}:{R+9}(0) ack {U} win 65535", "|" ACK_R,
	    TCP_CLOSING, 0, 0 },

	SYNCHRONISED(TCP_LAST_ACK),
	{ TCP_LAST_ACK, "ack_of_fin", ". {R}:{R}(0) ack {A} win 65535", "", TCP_CLOSED, 0,
	    TCP_EV_CLOSED },
	{ TCP_LAST_ACK, "fin", "F. {R-1}:{R-1}(0) ack {U} win 65535", ACK_R, TCP_LAST_ACK, 0, 0 },
	{ TCP_LAST_ACK, "fin_beyond_hole", "F. {R+9}:{R+9}(0) ack {U} win 65535", "|" ACK_R,
	    TCP_LAST_ACK, 0, 0 },

	/* RFC 6191, RFC 1122 4.2.2.13: a newer SYN may open the next incarnation. */
	{ TCP_TIME_WAIT, "syn", "S {R+1000}:{R+1000}(0) win 65535 <mss 1460>", "S. * ack {R+1001}",
	    TCP_SYN_RECEIVED, 0, 0 },
	{ TCP_TIME_WAIT, "syn_below_window", "S {R-60}:{R-60}(0) win 65535", ACK_R, TCP_TIME_WAIT,
	    0, 0 },
	{ TCP_TIME_WAIT, "syn_ack", "S. {R}:{R}(0) ack {A} win 9", ACK_R, TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "ack_below_window", ". {R}:{R}(0) ack {A-20000000} win 9", "|" ACK_R,
	    TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "ack", ". {R}:{R}(0) ack {A} win 9", "", TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "ack_above_window", ". {R}:{R}(0) ack {A+1} win 9", "|" ACK_R,
	    TCP_TIME_WAIT, 0, 0 },
	/* RFC 1337, fix F1. */
	{ TCP_TIME_WAIT, "rst_exact", "R {R}:{R}(0)", "", TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "rst_in_window", "R {R+1}:{R+1}(0)", "|" ACK_R, TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "rst_below_window", "R {R-1}:{R-1}(0)", "", TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "rst_above_window", "R {W}:{W}(0)", "", TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "fin", "F. {R-1}:{R-1}(0) ack {A} win 9", ACK_R, TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "fin_beyond_hole", "F. {R+9}:{R+9}(0) ack {A} win 9", "|" ACK_R,
	    TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "old_duplicate", ". {R-51}:{R-1}(50) ack {A} win 9", ACK_R, TCP_TIME_WAIT,
	    0, 0 },
	{ TCP_TIME_WAIT, "data_beyond_window", ". {W}:{W+9}(9) ack {A} win 9", "|" ACK_R,
	    TCP_TIME_WAIT, 0, 0 },
	{ TCP_TIME_WAIT, "no_flags", "- {R}:{R}(0) win 65535", "", TCP_TIME_WAIT, 0, 0 },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

/* Replaces {R+n} and the like by numbers. */
static void
line_fill(const struct peer *p, enum tcp_state state, const char *from, char *to, size_t room)
{
	bool fin_is_out = state == TCP_FIN_WAIT_1 || state == TCP_CLOSING || state == TCP_LAST_ACK;
	char *at = to;

	while (*from && at < to + room - 12) {
		uint32_t v = 0;
		char *end;

		if (*from != '{') {
			*at++ = *from++;
			continue;
		}
		if (from[1] == 'R')
			v = p->next;
		else if (from[1] == 'A')
			v = p->una;
		else if (from[1] == 'U')
			v = p->una - fin_is_out;
		else if (from[1] == 'W')
			v = p->right_edge - p->isn;
		from += 2;
		v += (uint32_t)strtol(from, &end, 10);
		from = end + 1;
		at += snprintf(at, 12, "%d", (int)v);
	}
	*at = 0;
}

/* True when the packet (NULL: silence) is one of the alternatives. */
static bool is_answer(struct peer *p, const struct packet *k, const char *answers)
{
	char one[160];

	for (;;) {
		size_t n = strcspn(answers, "|");

		snprintf(one, sizeof(one), "%.*s", (int)n, answers);
		if (n == 0 && !k)
			return true;
		if (n && k && peer_matches(p, k, "%s", one))
			return true;
		if (!answers[n])
			return false;
		answers += n + 1;
	}
}

/* What did not change anything must not have hurt either. */
static void check_alive(struct peer *p, enum tcp_state state)
{
	if (state == TCP_CLOSE_WAIT) {
		APP_WRITE(10);
		EXPECT("P. %u:%u(10) ack %u", p->una, p->una + 10, p->next);
		SEND(". %u:%u(0) ack %u win 65535", p->next, p->next, p->una + 10);
	}
	if (state == TCP_ESTABLISHED || state == TCP_FIN_WAIT_2) {
		SEND("P. %u:%u(10) ack %u win 65535", p->next, p->next + 10, p->una);
		APP_READ(10);
		EXPECT_IN_MS(0, 60, ". %u:%u(0) ack %u", p->una, p->una, p->next + 10);
	}
}

static void row_run(struct peer *p, const struct row *row, const char *options)
{
	char line[160], answers[320];
	const struct packet *k;
	struct stack_info info;

	HERE;
	peer_enter(p, row->state, options);
	line_fill(p, row->state, row->line, line, sizeof(line));
	line_fill(p, row->state, row->answer, answers, sizeof(answers));
	SEND("%s", line);
	k = peer_next(p);
	if (!is_answer(p, k, answers)) {
		char got[200] = "nothing";

		if (k)
			packet_print(k, p->stack_isn, p->isn, got, sizeof(got));
		peer_fail(p, "to %s: expected \"%s\", got %s", line, answers, got);
	}
	EXPECT_NONE();
	if (row->events != ANY_EVENTS && row->state != TCP_LAST_ACK && row->state != TCP_CLOSING)
		EVENTS(row->events);
	stack_info_get(p->stack, &info);
	if (!row->or_next || !info.n_state[row->or_next])
		STATE(row->next);
	if (row->next == row->state)
		check_alive(p, row->state);
}

static const struct row *current;
static const char *current_options;

static void row_test(void **state)
{
	row_run(*state, current, current_options);
}

static int row_setup(void **state)
{
	current = *state;
	current_options = "mss 1460";
	*state = NULL;
	return scenario_setup(state);
}

static int row_setup_modern(void **state)
{
	current = *state;
	current_options = "mss 1460,sackOK,TS,nop,wscale 7";
	*state = NULL;
	return scenario_setup(state);
}

/* No cell of the table is empty; other rows come on top. */
static void every_cell(void **state)
{
	static const char *const events[] = { "syn", "syn_ack", "ack_below_window",
		"ack_above_window", "rst_exact", "rst_in_window", "rst_above_window", "fin",
		"fin_beyond_hole", "old_duplicate", "data_beyond_window" };
	unsigned missing = 0;

	(void)state;
	for (unsigned s = TCP_CLOSED; s < TCP_N_STATES; s++)
		for (unsigned e = 0; e < sizeof(events) / sizeof(events[0]); e++) {
			unsigned n = 0;

			for (unsigned i = 0; i < N_ROWS; i++)
				n += rows[i].state == s && strcmp(rows[i].event, events[e]) == 0;
			if (n != 1)
				print_error("%u rows for %s_%s\n", n,
				    peer_state_name((enum tcp_state)s), events[e]);
			missing += n != 1;
		}
	assert_int_equal(missing, 0);
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[2 * N_ROWS + 1] = { [2 * N_ROWS] =
							       cmocka_unit_test(every_cell) };
	static char names[2 * N_ROWS][64];

	for (unsigned i = 0; i < N_ROWS; i++)
		for (unsigned modern = 0; modern < 2; modern++) {
			unsigned at = 2 * i + modern;

			snprintf(names[at], sizeof(names[at]), "%s_%s%s",
			    peer_state_name(rows[i].state), rows[i].event, modern ? "_modern" : "");
			tests[at] = (struct CMUnitTest){ names[at], row_test,
				modern ? row_setup_modern : row_setup, scenario_teardown,
				(void *)(uintptr_t)&rows[i] };
		}
	return scenario_main(argc, argv, "state_event", tests, 2 * N_ROWS + 1);
}
