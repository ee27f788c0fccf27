/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/hello.h"

#include <assert.h>
#include <string.h>

#include "tls/name.h"

/*
 * A real hello comes in one to three records. The limit keeps the walk short; it is high enough
 * for the records of one byte that some clients and test suites use to be difficult.
 */
#define MAX_RECORDS    2048
#define RECORD_HEADER  5
#define MAX_RECORD     16384 /* RFC 8446 5.1 */
#define MESSAGE_HEADER 4

/* Both lists lie behind the message in scratch, two bytes each. */
#define MAX_EXTENSIONS 256
#define MAX_KEY_SHARES 256
static_assert(2 * (MAX_EXTENSIONS + MAX_KEY_SHARES) == HELLO_SCRATCH - HELLO_MAX_MESSAGE,
    "the lists fill what the message leaves of scratch");

enum { /* RFC 8446 6 */
	ALERT_UNEXPECTED_MESSAGE = 10,
	ALERT_RECORD_OVERFLOW = 22,
	ALERT_ILLEGAL_PARAMETER = 47,
	ALERT_DECODE_ERROR = 50,
	ALERT_PROTOCOL_VERSION = 70,
	ALERT_MISSING_EXTENSION = 109,
};

enum { /* IANA: TLS ExtensionType Values */
	EXT_SERVER_NAME = 0,
	EXT_GROUPS = 10,
	EXT_POINT_FORMATS = 11,
	EXT_SIGALGS = 13,
	EXT_ALPN = 16,
	EXT_EMS = 23,
	EXT_TICKET = 35,
	EXT_PSK = 41,
	EXT_EARLY_DATA = 42,
	EXT_VERSIONS = 43,
	EXT_PSK_MODES = 45,
	EXT_SIGALGS_CERT = 50,
	EXT_KEY_SHARE = 51,
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/* --- from stream to message --- */

struct cursor {
	const struct iovec *in;
	unsigned n, i;
	size_t at; /* in in[i] */
};

/* Copies up to n bytes to out and moves on. Returns how many there were. */
static size_t cursor_copy(struct cursor *c, uint8_t *out, size_t n)
{
	size_t done = 0;

	while (done < n && c->i < c->n) {
		size_t some = c->in[c->i].iov_len - c->at;

		if (some > n - done)
			some = n - done;
		if (some > 0)
			memcpy(out + done, (const uint8_t *)c->in[c->i].iov_base + c->at, some);
		done += some;
		c->at += some;
		if (c->at == c->in[c->i].iov_len) {
			c->i++;
			c->at = 0;
		}
	}
	return done;
}

/* The alert for a record header of which n bytes are there, 0 when nothing is wrong yet. */
static uint8_t check_record(const uint8_t *header, size_t n)
{
	if (n >= 1 && header[0] != 22)
		/* The high bit begins an SSLv2 hello (RFC 5246 E.2); else HTTP or anything. */
		return header[0] & 0x80 ? ALERT_PROTOCOL_VERSION : ALERT_UNEXPECTED_MESSAGE;
	if (n >= 2 && header[1] != 3)
		return ALERT_PROTOCOL_VERSION;
	if (n < RECORD_HEADER)
		return 0;
	/* RFC 8446 5.1: no zero-length fragments of handshake types. */
	if (get16(header + 3) == 0)
		return ALERT_UNEXPECTED_MESSAGE;
	return get16(header + 3) > MAX_RECORD ? ALERT_RECORD_OVERFLOW : 0;
}

/* The alert for a message header of which n bytes are there, 0 when nothing is wrong yet. */
static uint8_t check_message(const uint8_t *header, size_t n, size_t *total)
{
	*total = MESSAGE_HEADER;
	if (n >= 1 && header[0] != 1)
		return ALERT_UNEXPECTED_MESSAGE;
	if (n < MESSAGE_HEADER)
		return 0;
	*total += (size_t)header[1] << 16 | get16(header + 2);
	return *total > HELLO_MAX_MESSAGE ? ALERT_ILLEGAL_PARAMETER : 0;
}

/*
 * Puts the message into scratch. When it is not all there, *need is where it would end if the
 * rest came in one record: a bound below which nothing can be complete, and which a stream of
 * small records raises by a factor each time, so that all calls together stay near O(bytes).
 */
static enum hello_status
reassemble(struct hello *h, struct cursor *c, uint8_t *scratch, size_t *need, uint8_t *alert)
{
	size_t stream = 0, have = 0, total = MESSAGE_HEADER;

	for (unsigned n_records = 0; n_records < MAX_RECORDS; n_records++) {
		uint8_t header[RECORD_HEADER];
		size_t n = cursor_copy(c, header, RECORD_HEADER), len;

		*alert = check_record(header, n);
		if (*alert)
			return HELLO_BAD;
		*need = stream + RECORD_HEADER + (total - have);
		if (n < RECORD_HEADER)
			return HELLO_MORE;
		if (n_records == 0)
			h->record_version = get16(header + 1);
		len = get16(header + 3);
		/* More than the message ever has room for is only seen as too much below. */
		n = len < HELLO_MAX_MESSAGE - have ? len : HELLO_MAX_MESSAGE - have;
		n = cursor_copy(c, scratch + have, n);
		*alert = check_message(scratch, have + n, &total);
		if (*alert)
			return HELLO_BAD;
		/* Nothing may follow a ClientHello before it is answered (RFC 8446 5.1, 4.1.2). */
		if (have + n >= MESSAGE_HEADER && have + len > total) {
			*alert = ALERT_UNEXPECTED_MESSAGE;
			return HELLO_BAD;
		}
		stream += RECORD_HEADER + len;
		if (n < len) {
			*need = stream;
			if (have + len < total)
				*need += RECORD_HEADER + (total - have - len);
			return HELLO_MORE;
		}
		have += len;
		if (have == total) {
			h->message = scratch;
			h->message_len = total;
			return HELLO_OK;
		}
	}
	*alert = ALERT_UNEXPECTED_MESSAGE;
	return HELLO_BAD;
}

/* --- from message to facts --- */

/* What is left of a vector. A failed take leaves it failed. */
struct bytes {
	const uint8_t *at;
	size_t n;
	bool failed;
};

static const uint8_t *take(struct bytes *b, size_t n)
{
	const uint8_t *at = b->at;

	if (b->failed || b->n < n) {
		b->failed = true;
		return NULL;
	}
	b->at += n;
	b->n -= n;
	return at;
}

static unsigned take8(struct bytes *b)
{
	const uint8_t *at = take(b, 1);

	return at ? *at : 0;
}

static unsigned take16(struct bytes *b)
{
	const uint8_t *at = take(b, 2);

	return at ? get16(at) : 0;
}

/* A vector of min..max bytes whose length stands before it in 1 or 2 bytes. */
static struct bytes take_vector(struct bytes *b, unsigned length_bytes, size_t min, size_t max)
{
	size_t n = length_bytes == 1 ? take8(b) : take16(b);
	struct bytes v = { .n = n };

	if (n < min || n > max)
		b->failed = true;
	v.at = take(b, n);
	v.failed = b->failed;
	if (v.failed)
		v.n = 0;
	return v;
}

/* A vector that fills b to its end. */
static struct bytes take_whole(struct bytes *b, unsigned length_bytes, size_t min, size_t max)
{
	struct bytes v = take_vector(b, length_bytes, min, max);

	if (b->n != 0)
		v.failed = b->failed = true;
	return v;
}

/* A list of 16-bit numbers that fills b; empty ones are not allowed anywhere. */
static uint8_t read_list(struct bytes *b, unsigned length_bytes, struct hello_list *list)
{
	struct bytes v = take_whole(b, length_bytes, 2, length_bytes == 1 ? 254 : 65534);

	if (v.failed || v.n % 2 != 0)
		return ALERT_DECODE_ERROR;
	list->at = v.at;
	list->n = (uint16_t)(v.n / 2);
	return 0;
}

/* RFC 6066 3 */
static uint8_t read_server_name(struct hello *h, struct bytes *b)
{
	struct bytes names = take_whole(b, 2, 1, 65535);
	bool seen = false;

	while (!names.failed && names.n > 0) {
		unsigned type = take8(&names);
		struct bytes name = take_vector(&names, 2, 1, 65535);
		int len;

		if (names.failed)
			break;
		if (type != 0) /* host_name is the only type there is */
			continue;
		if (seen)
			return ALERT_ILLEGAL_PARAMETER;
		seen = true;
		if (name_is_address(name.at, name.n)) /* not permitted, yet sent: as no SNI */
			continue;
		len = name_copy(h->sni, name.at, name.n);
		if (len < 0) {
			h->sni[0] = '\0';
			return ALERT_ILLEGAL_PARAMETER;
		}
		h->sni_len = (uint8_t)len;
	}
	return names.failed ? ALERT_DECODE_ERROR : 0;
}

/* RFC 7301 3.1 */
static uint8_t read_alpn(struct hello *h, struct bytes *b)
{
	struct bytes list = take_whole(b, 2, 2, 65535), rest = list;

	while (!rest.failed && rest.n > 0)
		take_vector(&rest, 1, 1, 255);
	if (rest.failed)
		return ALERT_DECODE_ERROR;
	h->alpn = list.at;
	h->alpn_len = (uint16_t)list.n;
	return 0;
}

/* Appends a number to a list in scratch. false: no room. */
static bool list_add(struct hello_list *list, unsigned max, uint16_t value)
{
	uint8_t *at;

	if (list->n == max)
		return false;
	at = (uint8_t *)(uintptr_t)list->at + 2 * list->n++; /* it lies in the caller's scratch */
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
	return true;
}

/* RFC 8446 4.2.8: may be empty (to ask for a HelloRetryRequest); no group twice. */
static uint8_t read_key_share(struct hello *h, struct bytes *b)
{
	struct bytes shares = take_whole(b, 2, 0, 65535);

	while (!shares.failed && shares.n > 0) {
		uint16_t group = (uint16_t)take16(&shares);

		take_vector(&shares, 2, 1, 65535);
		if (shares.failed)
			break;
		if (hello_list_has(&h->key_shares, group) ||
		    !list_add(&h->key_shares, MAX_KEY_SHARES, group))
			return ALERT_ILLEGAL_PARAMETER;
	}
	return shares.failed ? ALERT_DECODE_ERROR : 0;
}

/* RFC 8446 4.2.11: as many binders as identities. */
static uint8_t read_psk(struct bytes *b)
{
	struct bytes identities = take_vector(b, 2, 7, 65535);
	struct bytes binders = take_whole(b, 2, 33, 65535);
	unsigned n_identities = 0, n_binders = 0;

	if (b->failed)
		return ALERT_DECODE_ERROR;
	while (!identities.failed && identities.n > 0) {
		take_vector(&identities, 2, 1, 65535);
		take(&identities, 4);
		n_identities++;
	}
	while (!binders.failed && binders.n > 0) {
		take_vector(&binders, 1, 32, 255);
		n_binders++;
	}
	if (identities.failed || binders.failed)
		return ALERT_DECODE_ERROR;
	return n_identities == n_binders ? 0 : ALERT_ILLEGAL_PARAMETER;
}

static uint8_t read_point_formats(struct hello *h, struct bytes *b)
{
	struct bytes v = take_whole(b, 1, 1, 255);

	h->point_formats = v.at;
	h->n_point_formats = (uint8_t)v.n;
	return v.failed ? ALERT_DECODE_ERROR : 0;
}

static uint8_t read_extension(struct hello *h, uint16_t type, struct bytes *b)
{
	switch (type) {
	case EXT_SERVER_NAME:
		return read_server_name(h, b);
	case EXT_GROUPS:
		return read_list(b, 2, &h->groups);
	case EXT_POINT_FORMATS:
		return read_point_formats(h, b);
	case EXT_SIGALGS:
		return read_list(b, 2, &h->sigalgs);
	case EXT_ALPN:
		return read_alpn(h, b);
	case EXT_EMS:
		h->has_ems = true;
		return b->n == 0 ? 0 : ALERT_DECODE_ERROR; /* RFC 7627 5.1 */
	case EXT_TICKET:
		h->has_ticket = true;
		return 0;
	case EXT_PSK:
		h->has_psk = true;
		return read_psk(b);
	case EXT_EARLY_DATA:
		h->has_early_data = true;
		return b->n == 0 ? 0 : ALERT_DECODE_ERROR;
	case EXT_VERSIONS:
		return read_list(b, 1, &h->versions);
	case EXT_PSK_MODES:
		h->has_psk_modes = true;
		return take_whole(b, 1, 1, 255).failed ? ALERT_DECODE_ERROR : 0;
	case EXT_SIGALGS_CERT:
		return read_list(b, 2, &h->sigalgs_cert);
	case EXT_KEY_SHARE:
		return read_key_share(h, b);
	}
	return 0; /* RFC 8446 4.2: unknown ones are ignored, GREASE (RFC 8701) among them */
}

/*
 * Whether a type came before. Nearly all have small numbers: a bit each; the rest (GREASE,
 * renegotiation_info, drafts) are looked for in the list so far.
 */
static bool is_repeated(const struct hello *h, uint64_t *seen, uint16_t type)
{
	if (type < 64) {
		uint64_t bit = UINT64_C(1) << type;
		bool repeated = *seen & bit;

		*seen |= bit;
		return repeated;
	}
	return hello_list_has(&h->extensions, type);
}

static uint8_t read_extensions(struct hello *h, struct bytes *b)
{
	struct bytes all = take_whole(b, 2, 0, 65535);
	uint64_t seen = 0;

	while (!all.failed && all.n > 0) {
		uint16_t type = (uint16_t)take16(&all);
		struct bytes body = take_vector(&all, 2, 0, 65535);
		uint8_t alert;

		if (all.failed)
			break;
		/* RFC 8446 4.2: not more than one of a type; 4.2.11: pre_shared_key is the last. */
		if (is_repeated(h, &seen, type) || h->has_psk ||
		    !list_add(&h->extensions, MAX_EXTENSIONS, type))
			return ALERT_ILLEGAL_PARAMETER;
		alert = read_extension(h, type, &body);
		if (alert)
			return alert;
	}
	return all.failed ? ALERT_DECODE_ERROR : 0;
}

/* RFC 8446 4.2.1: supported_versions decides alone; without it TLS 1.2 is the most there is. */
static uint16_t best_version(const struct hello *h)
{
	uint16_t best = 0;

	if (h->versions.n == 0)
		return h->legacy_version > 0x0303 ? 0x0303 : h->legacy_version;
	for (unsigned i = 0; i < h->versions.n; i++) {
		uint16_t version = hello_list_get(&h->versions, i);

		if (version >= 0x0300 && version <= 0x0304 && version > best)
			best = version;
	}
	return best;
}

/* Rules about several fields. */
static uint8_t check_whole(const struct hello *h, const struct bytes *compression)
{
	bool offers_13 = hello_list_has(&h->versions, 0x0304);

	/* RFC 5246 7.4.1.2: null must be offered; RFC 8446 4.1.2: it must be the only one. */
	if (!memchr(compression->at, 0, compression->n) || (offers_13 && compression->n != 1))
		return ALERT_ILLEGAL_PARAMETER;
	/* RFC 8422 5.1.2 */
	if (h->n_point_formats && h->max_version < 0x0304 &&
	    !memchr(h->point_formats, 0, h->n_point_formats))
		return ALERT_ILLEGAL_PARAMETER;
	/* RFC 8446 4.2.9 */
	if (offers_13 && h->has_psk && !h->has_psk_modes)
		return ALERT_MISSING_EXTENSION;
	return 0;
}

/* RFC 8446 4.1.2, RFC 5246 7.4.1.2 */
static uint8_t read_message(struct hello *h)
{
	struct bytes b = { .at = h->message + MESSAGE_HEADER,
		.n = h->message_len - MESSAGE_HEADER };
	struct bytes session_id, suites, compression;
	uint8_t alert;

	h->legacy_version = (uint16_t)take16(&b);
	if (!b.failed && h->legacy_version < 0x0300)
		return ALERT_PROTOCOL_VERSION;
	h->random = take(&b, 32);
	session_id = take_vector(&b, 1, 0, 32);
	suites = take_vector(&b, 2, 2, 65534);
	compression = take_vector(&b, 1, 1, 255);
	if (b.failed || suites.n % 2 != 0)
		return ALERT_DECODE_ERROR;
	h->session_id = session_id.at;
	h->session_id_len = (uint8_t)session_id.n;
	h->suites.at = suites.at;
	h->suites.n = (uint16_t)(suites.n / 2);
	if (b.n > 0) { /* RFC 5246: the extensions may be left out altogether */
		alert = read_extensions(h, &b);
		if (alert)
			return alert;
	}
	h->max_version = best_version(h);
	return check_whole(h, &compression);
}

enum hello_status hello_read(struct hello *h, const struct iovec *in, unsigned n_in,
    uint8_t scratch[HELLO_SCRATCH], size_t *need, uint8_t *alert)
{
	struct cursor c = { .in = in, .n = n_in };
	enum hello_status status;

	memset(h, 0, sizeof(*h));
	status = reassemble(h, &c, scratch, need, alert);
	if (status != HELLO_OK)
		return status;
	h->extensions.at = scratch + HELLO_MAX_MESSAGE;
	h->key_shares.at = h->extensions.at + 2 * MAX_EXTENSIONS;
	*alert = read_message(h);
	return *alert ? HELLO_BAD : HELLO_OK;
}
