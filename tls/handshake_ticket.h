/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

struct WOLFSSL_CTX;
struct tls_worker;

/* Installs the callback that seals and opens tickets for all sessions of ctx, which is w's. */
void handshake_ticket_install(struct WOLFSSL_CTX *ctx, struct tls_worker *w);
