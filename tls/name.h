/* SPDX-License-Identifier: GPL-3.0-or-later */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* DNS names as TLS knows them: letters, digits, hyphen and underscore in labels of 1..63 bytes. */

#define NAME_MAX_LEN 255

/*
 * Copies a host name in lower case and NUL-terminated, without one trailing dot (RFC 6066 3 has
 * none, some clients send it). Returns the length, or -1 when it is no host name: empty label,
 * label over 63 bytes, other characters (NUL among them), over 255 bytes. out is undefined then.
 */
int name_copy(char out[NAME_MAX_LEN + 1], const uint8_t *name, size_t len);

/* The same for a name a certificate is served for: also "*.rest", the star a whole first label. */
int name_copy_pattern(char out[NAME_MAX_LEN + 1], const uint8_t *name, size_t len);

/* Whether it is the text of an IPv4 or IPv6 address, which is no host name (RFC 6066 3). */
bool name_is_address(const uint8_t *name, size_t len);
