/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

/* Numbers of the PROXY protocol's version 2 (sections 2.2 and 2.2.x), for reader and writer. */

#define PP2_SIGNATURE     "\x0d\x0a\x0d\x0a\x00\x0d\x0a\x51\x55\x49\x54\x0a"
#define PP2_SIGNATURE_LEN 12
#define PP2_HEADER        16 /* signature, version and command, family, length */

enum {
	PP2_LOCAL = 0x20, /* version 2 in the high half */
	PP2_PROXY = 0x21,
};

enum {
	PP2_UNSPEC = 0x00,
	PP2_TCP4 = 0x11,
	PP2_TCP6 = 0x21,
};

enum {
	PP2_ADDRS4 = 12,
	PP2_ADDRS6 = 36,
};

enum {
	PP2_TYPE_ALPN = 0x01,
	PP2_TYPE_AUTHORITY = 0x02,
	PP2_TYPE_CRC32C = 0x03,
	PP2_TYPE_NOOP = 0x04,
	PP2_TYPE_UNIQUE_ID = 0x05,
	PP2_TYPE_SSL = 0x20,
	PP2_TYPE_NETNS = 0x30,
};

enum {
	PP2_SSL_VERSION = 0x21,
	PP2_SSL_CN = 0x22,
	PP2_SSL_CIPHER = 0x23,
	PP2_SSL_SIG_ALG = 0x24,
	PP2_SSL_KEY_ALG = 0x25,
	PP2_SSL_GROUP = 0x26,
	PP2_SSL_SIG_SCHEME = 0x27,
	PP2_SSL_CLIENT_CERT = 0x28,
};

enum {
	PP2_CLIENT_SSL = 0x01,
	PP2_CLIENT_CERT_CONN = 0x02,
	PP2_CLIENT_CERT_SESS = 0x04,
};
