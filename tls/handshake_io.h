/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/record.h"

struct WOLFSSL;
struct WOLFSSL_CTX;

/*
 * What a wolfSSL object of ours reads from and writes to: the views of the call under way. Output that finds no
 * room is kept and goes first the next time, so that wolfSSL never sees a full pipe and never has to
 * do a step twice.
 */
struct handshake_io {
	struct record_io *io; /* NULL: reads fail, writes go nowhere */
	uint8_t *kept;        /* output without room: kept[kept_at..kept_len) */
	size_t kept_at, kept_len, kept_size;
	size_t
	    in_limit; /* of io->in, no more is shown to wolfSSL; set by handshake_io_begin to all */
	bool hold;    /* keep all output: io->out is for something else */
	/* A plaintext alert goes nowhere: whoever set this will send it, or a better one. */
	bool withhold;
	bool mute;     /* the last word is said: output goes nowhere */
	bool overflow; /* more output than any handshake has: it was dropped */
};

#define HANDSHAKE_MAX_KEPT (256 * 1024)

/* Installs the callbacks on every session of ctx. */
void handshake_io_install(struct WOLFSSL_CTX *ctx);

/* Makes s the pipe of ssl. */
void handshake_io_bind(struct handshake_io *s, struct WOLFSSL *ssl);

/*
 * Starts a call over io (counts set to zero): kept output goes first, unless hold is set. False: some
 * is still kept.
 */
bool handshake_io_begin(struct handshake_io *s, struct record_io *io);

/* Ends it: io is borrowed no longer. True: output is kept, room is needed (io->need tells how much). */
bool handshake_io_end(struct handshake_io *s);

/* Sends a fatal alert; a session too broken for that stays silent. */
void handshake_io_alert(struct WOLFSSL *ssl, int alert);

void handshake_io_fini(struct handshake_io *s);
