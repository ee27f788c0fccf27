/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "tls/client_cert.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { /* RFC 8446 6 */
	HANDSHAKE_FAILURE = 40,
	BAD_CERTIFICATE = 42,
	CERTIFICATE_REVOKED = 44,
	CERTIFICATE_EXPIRED = 45,
	UNKNOWN_CA = 48,
	CERTIFICATE_REQUIRED = 116,
	NO_ALERT = 0xff,
};

const char *client_cert_status_name(enum client_cert_status status)
{
	static const char *const names[CLIENT_CERT_N_STATUS] = {
		[CLIENT_CERT_NOT_ASKED] = "-",
		[CLIENT_CERT_SUCCESS] = "Success",
		[CLIENT_CERT_PASSED] = "-",
		[CLIENT_CERT_MAX_DEPTH] = "ClientCertMaxChainDepthExceeded",
		[CLIENT_CERT_MAX_SIZE] = "ClientCertMaxSizeExceeded",
		[CLIENT_CERT_CRL_HIT] = "ClientCertCrlHit",
		[CLIENT_CERT_CRL_ERROR] = "ClientCertCrlProcessingError",
		[CLIENT_CERT_UNTRUSTED] = "ClientCertUntrusted",
		[CLIENT_CERT_NOT_YET_VALID] = "ClientCertNotYetValid",
		[CLIENT_CERT_EXPIRED] = "ClientCertExpired",
		[CLIENT_CERT_TYPE] = "ClientCertTypeUnsupported",
		[CLIENT_CERT_INVALID] = "ClientCertInvalid",
		[CLIENT_CERT_PURPOSE] = "ClientCertPurposeInvalid",
		[CLIENT_CERT_REJECTED] = "ClientCertRejected",
		[CLIENT_CERT_UNMAPPED] = "UnmappedConnectionError",
		[CLIENT_CERT_HOSTNAME] = "ClientCertHostnameMismatch",
	};

	return names[status];
}

const char *server_cert_status_name(enum client_cert_status status)
{
	static const char client[] = "ClientCert";
	const char *name = client_cert_status_name(status);
	size_t n = sizeof(client) - 1;

	return strncmp(name, client, n) == 0 ? name + n : name;
}

uint8_t client_cert_alert(enum client_cert_status status, uint16_t version)
{
	switch (status) {
	case CLIENT_CERT_NOT_ASKED:
	case CLIENT_CERT_SUCCESS:
	case CLIENT_CERT_PASSED:
	case CLIENT_CERT_N_STATUS:
		break;
	case CLIENT_CERT_CRL_HIT:
		return CERTIFICATE_REVOKED;
	case CLIENT_CERT_EXPIRED:
	case CLIENT_CERT_NOT_YET_VALID:
		return CERTIFICATE_EXPIRED;
	case CLIENT_CERT_UNTRUSTED:
		return UNKNOWN_CA;
	case CLIENT_CERT_UNMAPPED: /* there was none */
		return version >= 0x0304 ? CERTIFICATE_REQUIRED : HANDSHAKE_FAILURE;
	case CLIENT_CERT_MAX_DEPTH:
	case CLIENT_CERT_MAX_SIZE:
	case CLIENT_CERT_CRL_ERROR:
	case CLIENT_CERT_TYPE:
	case CLIENT_CERT_INVALID:
	case CLIENT_CERT_PURPOSE:
	case CLIENT_CERT_REJECTED:
	case CLIENT_CERT_HOSTNAME:
		return BAD_CERTIFICATE;
	}
	return NO_ALERT;
}

void client_cert_free(struct client_cert *c)
{
	free(c);
}

static const char *date_text(int64_t seconds, char out[32])
{
	time_t t = (time_t)seconds;
	struct tm tm;

	if (!gmtime_r(&t, &tm) || strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		return "-";
	return out;
}

char *client_cert_validity(const struct client_cert *c, char *text, size_t room)
{
	char from[32], to[32];

	snprintf(text, room, "NotBefore=%s;NotAfter=%s", date_text(c->not_before, from),
	    date_text(c->not_after, to));
	return text;
}

/* --- PEM, URL-encoded --- */

struct out {
	char *text;
	size_t room, len; /* len goes on counting when there is no room */
};

static void put(struct out *o, const char *text)
{
	for (; *text; text++, o->len++)
		if (o->len + 1 < o->room)
			o->text[o->len] = *text;
}

static void put_char(struct out *o, char c)
{
	const char text[2] = { c, '\0' };

	put(o, text);
}

/* RFC 4648 4, in lines of 64 characters (RFC 7468 2); a line's end is %0A. */
static void put_base64(struct out *o, const uint8_t *at, size_t len)
{
	static const char digits[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < len; i += 3) {
		size_t n = len - i < 3 ? len - i : 3;
		uint32_t word = (uint32_t)at[i] << 16;

		if (i > 0 && i % 48 == 0)
			put(o, "%0A");
		if (n > 1)
			word |= (uint32_t)at[i + 1] << 8;
		if (n > 2)
			word |= at[i + 2];
		put_char(o, digits[word >> 18]);
		put_char(o, digits[word >> 12 & 63]);
		put_char(o, n > 1 ? digits[word >> 6 & 63] : '=');
		put_char(o, n > 2 ? digits[word & 63] : '=');
	}
}

size_t client_cert_pem_url(const struct client_cert *c, bool whole_chain, char *text, size_t room)
{
	struct out o = { .text = text, .room = room };
	unsigned n = whole_chain ? c->n_chain : 1;

	for (unsigned i = 0; i < n; i++) {
		put(&o, "-----BEGIN%20CERTIFICATE-----%0A");
		put_base64(&o, c->chain[i].at, c->chain[i].len);
		put(&o, "%0A-----END%20CERTIFICATE-----%0A");
	}
	if (room > 0)
		text[o.len < room ? o.len : room - 1] = '\0';
	return o.len;
}
