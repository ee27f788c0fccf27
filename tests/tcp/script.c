/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tests/tcp/script.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static void skip(const char **at)
{
	while (**at == ' ' || **at == '\t')
		(*at)++;
}

/* Takes word when it comes next and ends there. */
static bool take(const char **at, const char *word)
{
	size_t n = strlen(word);

	skip(at);
	if (strncmp(*at, word, n) != 0)
		return false;
	if (isalnum((unsigned char)word[n - 1]) && isalnum((unsigned char)(*at)[n]))
		return false;
	*at += n;
	return true;
}

static bool take_number(const char **at, uint32_t *v)
{
	char *end;
	long long n;

	skip(at);
	n = strtoll(*at, &end, 0);
	if (end == *at)
		return false;
	*at = end;
	*v = (uint32_t)n;
	return true;
}

static bool take_number16(const char **at, uint16_t *v)
{
	uint32_t n = 0;

	if (!take_number(at, &n) || n > 0xffff)
		return false;
	*v = (uint16_t)n;
	return true;
}

static bool take_number8(const char **at, uint8_t *v)
{
	uint32_t n = 0;

	if (!take_number(at, &n) || n > 0xff)
		return false;
	*v = (uint8_t)n;
	return true;
}

static bool parse_flags(const char **at, struct script_line *line)
{
	static const char letters[] = "FSRP.UEW";
	const char *hit;

	skip(at);
	if (take(at, "-"))
		return true;
	for (; **at && **at != ' '; (*at)++) {
		hit = strchr(letters, **at);
		if (!hit)
			return false;
		line->flags |= (uint8_t)(1u << (hit - letters));
	}
	return line->flags != 0;
}

/* a:b(len) or * */
static bool parse_seq(const char **at, struct script_line *line)
{
	uint32_t right = 0;

	if (take(at, "*")) {
		line->any_seq = true;
		return true;
	}
	return take_number(at, &line->seq) && take(at, ":") && take_number(at, &right) &&
	    take(at, "(") && take_number(at, &line->len) && take(at, ")") &&
	    right - line->seq == line->len;
}

static bool parse_sack(const char **at, struct script_option *o)
{
	o->kind = OPT_SACK;
	do {
		if (o->n_sacks == PACKET_MAX_SACKS)
			return false;
		if (!take_number(at, &o->sack[o->n_sacks][0]) || !take(at, ":") ||
		    !take_number(at, &o->sack[o->n_sacks][1]))
			return false;
		o->n_sacks++;
		skip(at);
	} while (**at == '-' || isdigit((unsigned char)**at));
	return true;
}

static bool parse_ts(const char **at, struct script_option *o)
{
	o->kind = OPT_TS;
	if (!take(at, "val"))
		return true;
	o->has_value = true;
	return take_number(at, &o->value) && take(at, "ecr") && take_number(at, &o->ecr);
}

static bool parse_raw(const char **at, struct script_line *line)
{
	skip(at);
	while (isxdigit((unsigned char)(*at)[0]) && isxdigit((unsigned char)(*at)[1])) {
		char hex[3] = { (*at)[0], (*at)[1], 0 };

		if (line->n_options == SCRIPT_MAX_OPTIONS)
			return false;
		line->options[line->n_options++] = (struct script_option){ .kind = OPT_RAW,
			.value = (uint32_t)strtoul(hex, NULL, 16) };
		*at += 2;
	}
	return true;
}

static bool parse_option(const char **at, struct script_line *line)
{
	struct script_option o = { 0 };

	if (take(at, "raw"))
		return parse_raw(at, line);
	if (take(at, "mss")) {
		o.kind = OPT_MSS;
		if (!take_number(at, &o.value))
			return false;
	} else if (take(at, "wscale")) {
		o.kind = OPT_WSCALE;
		if (!take_number(at, &o.value))
			return false;
	} else if (take(at, "sackOK")) {
		o.kind = OPT_SACKOK;
	} else if (take(at, "sack")) {
		if (!parse_sack(at, &o))
			return false;
	} else if (take(at, "TS")) {
		if (!parse_ts(at, &o))
			return false;
	} else if (take(at, "nop")) {
		o.kind = OPT_NOP;
	} else if (take(at, "eol")) {
		o.kind = OPT_EOL;
	} else {
		return false;
	}
	if (line->n_options == SCRIPT_MAX_OPTIONS)
		return false;
	line->options[line->n_options++] = o;
	return true;
}

static bool parse_options(const char **at, struct script_line *line)
{
	line->has_options = true;
	if (take(at, ">"))
		return true;
	do {
		if (!parse_option(at, line))
			return false;
	} while (take(at, ","));
	return take(at, ">");
}

static bool parse_ecn(const char **at, struct script_line *line)
{
	static const char *const names[] = { "noecn", "ect1", "ect0", "ce" };

	if (!take(at, "["))
		return true;
	for (unsigned i = 0; i < 4; i++)
		if (take(at, names[i])) {
			line->has_ecn = true;
			line->ecn = (uint8_t)i;
			return take(at, "]");
		}
	return false;
}

static bool parse_tail(const char **at, struct script_line *line)
{
	for (;;) {
		bool good = true;

		skip(at);
		if (!**at)
			return true;
		if (take(at, "win")) {
			line->has_win = true;
			good = take_number16(at, &line->win);
		} else if (take(at, "urg")) {
			line->has_urg = true;
			good = take_number16(at, &line->urg);
		} else if (take(at, "ttl")) {
			good = take_number8(at, &line->ttl);
		} else if (take(at, "doff")) {
			good = take_number8(at, &line->data_offset);
		} else if (take(at, "badsum")) {
			line->bad_checksum = true;
		} else if (take(at, "ack")) {
			line->has_ack = true;
			line->any_ack = take(at, "*");
			good = line->any_ack || take_number(at, &line->ack);
		} else if (take(at, "<")) {
			good = parse_options(at, line);
		} else {
			return false;
		}
		if (!good)
			return false;
	}
}

const char *script_parse(const char *text, struct script_line *line)
{
	const char *at = text;

	memset(line, 0, sizeof(*line));
	if (!parse_ecn(&at, line))
		return "script: bad [ecn]";
	if (!parse_flags(&at, line))
		return "script: bad flags";
	if (!parse_seq(&at, line))
		return "script: bad a:b(len)";
	if (!parse_tail(&at, line))
		return "script: bad ack, win or options";
	if (line->has_ack && !(line->flags & TH_ACK))
		return "script: ack without the . flag";
	return NULL;
}

static void put32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

/* Appends one option; false when the header is full. */
static bool
put_option(const struct script_option *o, const struct script_base *base, struct packet *p)
{
	static const uint8_t lengths[] = { [OPT_MSS] = 4,
		[OPT_WSCALE] = 3,
		[OPT_SACKOK] = 2,
		[OPT_SACK] = 2,
		[OPT_TS] = 10,
		[OPT_NOP] = 1,
		[OPT_EOL] = 1,
		[OPT_RAW] = 1 };
	static const uint8_t kinds[] = { [OPT_MSS] = 2,
		[OPT_WSCALE] = 3,
		[OPT_SACKOK] = 4,
		[OPT_SACK] = 5,
		[OPT_TS] = 8,
		[OPT_NOP] = 1,
		[OPT_EOL] = 0,
		[OPT_RAW] = 0 };
	unsigned len = lengths[o->kind] + 8 * o->n_sacks;
	uint8_t *at = p->options + p->options_len;

	if (p->options_len + len > PACKET_MAX_OPTIONS)
		return false;
	at[0] = o->kind == OPT_RAW ? (uint8_t)o->value : kinds[o->kind];
	if (len > 1)
		at[1] = (uint8_t)len;
	switch (o->kind) {
	case OPT_MSS:
		at[2] = (uint8_t)(o->value >> 8);
		at[3] = (uint8_t)o->value;
		break;
	case OPT_WSCALE:
		at[2] = (uint8_t)o->value;
		break;
	case OPT_TS:
		put32(at + 2, o->has_value ? o->value : base->ts_val);
		put32(at + 6, o->has_value ? o->ecr : base->ts_ecr);
		break;
	case OPT_SACK:
		for (unsigned i = 0; i < o->n_sacks; i++) {
			put32(at + 2 + 8 * i, o->sack[i][0] + base->ack);
			put32(at + 6 + 8 * i, o->sack[i][1] + base->ack);
		}
		break;
	case OPT_SACKOK:
	case OPT_NOP:
	case OPT_EOL:
	case OPT_RAW:
		break;
	}
	p->options_len = (uint8_t)(p->options_len + len);
	return true;
}

const char *
script_build(const struct script_line *line, const struct script_base *base, struct packet *p)
{
	memset(p, 0, sizeof(*p));
	p->flags = line->flags;
	p->seq = base->seq + line->seq;
	p->len = line->len;
	p->ack = line->has_ack ? base->ack + line->ack : 0;
	p->window = line->win;
	p->urgent = line->urg;
	p->ecn = line->ecn;
	p->ttl = line->ttl;
	p->data_offset = line->data_offset;
	p->bad_checksum = line->bad_checksum;
	if (line->any_seq || line->any_ack)
		return "script: * in a line to send";
	for (unsigned i = 0; i < line->n_options; i++)
		if (!put_option(&line->options[i], base, p))
			return "script: more than 40 bytes of options";
	while (p->options_len % 4)
		p->options[p->options_len++] = 0;
	return NULL;
}

static bool sacks_equal(
    const struct script_option *o, const struct script_base *base, const struct packet_options *got)
{
	if (o->n_sacks != got->n_sacks)
		return false;
	for (unsigned i = 0; i < o->n_sacks; i++)
		for (unsigned side = 0; side < 2; side++)
			if (o->sack[i][side] + base->ack != got->sack[i][side])
				return false;
	return true;
}

static const char *match_options(
    const struct script_line *line, const struct script_base *base, const struct packet *p)
{
	struct packet_options got;
	const char *error = packet_options_parse(p, &got);
	unsigned want = 0, have = 0;

	if (error)
		return error;
	for (unsigned i = 0; i < line->n_options; i++) {
		const struct script_option *o = &line->options[i];
		bool good = true;

		want |= 1u << o->kind;
		switch (o->kind) {
		case OPT_MSS:
			good = got.has_mss && got.mss == o->value;
			break;
		case OPT_WSCALE:
			good = got.has_wscale && got.wscale == o->value;
			break;
		case OPT_SACKOK:
			good = got.sack_ok;
			break;
		case OPT_SACK:
			good = sacks_equal(o, base, &got);
			break;
		case OPT_TS:
			good = got.has_ts && (!o->has_value || got.ts_ecr == o->ecr);
			break;
		case OPT_NOP:
		case OPT_EOL:
		case OPT_RAW:
			break;
		}
		if (!good)
			return "option";
	}
	have = (got.has_mss ? 1u << OPT_MSS : 0) | (got.has_wscale ? 1u << OPT_WSCALE : 0) |
	    (got.sack_ok ? 1u << OPT_SACKOK : 0) | (got.has_ts ? 1u << OPT_TS : 0) |
	    (got.n_sacks ? 1u << OPT_SACK : 0);
	return have & ~want ? "option not expected" : NULL;
}

const char *
script_match(const struct script_line *line, const struct script_base *base, const struct packet *p)
{
	if ((line->flags & ~TH_PSH) != (p->flags & ~TH_PSH))
		return "flags";
	if ((line->flags & TH_PSH) && !(p->flags & TH_PSH))
		return "flags (P)";
	if (!line->any_seq && line->len != p->len)
		return "length";
	if (!line->any_seq && base->seq + line->seq != p->seq)
		return "sequence number";
	if (line->has_ack && !line->any_ack && base->ack + line->ack != p->ack)
		return "acknowledgment number";
	if (line->has_win && line->win != p->window)
		return "window";
	if (line->has_urg && line->urg != p->urgent)
		return "urgent pointer";
	if (line->has_ecn && line->ecn != p->ecn)
		return "ECN field";
	return line->has_options ? match_options(line, base, p) : NULL;
}
