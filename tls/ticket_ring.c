/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <wolfssl/options.h>
#include <wolfssl/wolfcrypt/coding.h>
#include <wolfssl/wolfcrypt/hmac.h>

#include "config/err.h"
#include "tls/pem.h"
#include "tls/secret.h"
#include "tls/ticket.h"

#define MAX_FILE 65536
#define LINE     108 /* 80 bytes in base64 */

/* --- one key --- */

/* HMAC-SHA256 over the secret bytes, as HKDF-Extract (RFC 5869 2.2) with a label for salt. */
static int key_derive(struct ticket_key *key)
{
	static const char label[] = "sallyport ticket AES-256-GCM";
	Hmac hmac;
	int bad;

	if (wc_HmacInit(&hmac, NULL, INVALID_DEVID) != 0)
		return -1;
	bad = wc_HmacSetKey(&hmac, WC_SHA256, (const byte *)label, sizeof(label) - 1);
	if (bad == 0)
		bad = wc_HmacUpdate(
		    &hmac, key->bytes + TICKET_NAME_BYTES, TICKET_KEY_BYTES - TICKET_NAME_BYTES);
	if (bad == 0)
		bad = wc_HmacFinal(&hmac, key->aead);
	wc_HmacFree(&hmac);
	secret_wipe(&hmac, sizeof(hmac));
	return bad == 0 ? 0 : -1;
}

static bool is_one_byte(const uint8_t *bytes, size_t len)
{
	return memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Takes 80 bytes into the ring. number: of the key in the file. */
static int ring_add(struct ticket_ring *ring, const char *file, const uint8_t *bytes,
    unsigned number, struct err *e)
{
	struct ticket_key *key = &ring->keys[ring->n_keys];

	if (ring->n_keys == TICKET_MAX_KEYS)
		return err_set(e, "%s has more than %d ticket keys", file, TICKET_MAX_KEYS);
	if (is_one_byte(bytes, TICKET_NAME_BYTES) ||
	    is_one_byte(bytes + TICKET_NAME_BYTES, TICKET_KEY_BYTES - TICKET_NAME_BYTES))
		return err_set(e,
		    "ticket key %u in %s is not random; make one with \"openssl rand 80 | openssl base64 -A\"",
		    number, file);
	for (unsigned i = 0; i < ring->n_keys; i++)
		if (memcmp(ring->keys[i].bytes, bytes, TICKET_NAME_BYTES) == 0)
			return err_set(e,
			    "ticket keys %u and %u in %s begin with the same 16 bytes, "
			    "by which tickets name them",
			    i + 1, number, file);
	memcpy(key->bytes, bytes, TICKET_KEY_BYTES);
	if (key_derive(key) < 0)
		return err_set(e, "no memory for ticket keys");
	ring->n_keys++;
	return 0;
}

static int ring_add_random(struct ticket_ring *ring, struct err *e)
{
	uint8_t bytes[TICKET_KEY_BYTES];
	int status = -1;

	if (getrandom(bytes, sizeof(bytes), 0) == (ssize_t)sizeof(bytes))
		status = ring_add(ring, "the kernel's randomness", bytes, 1, e);
	else
		err_set(e, "the kernel gives no random bytes for ticket keys: %s", strerror(errno));
	secret_wipe(bytes, sizeof(bytes));
	return status;
}

/* --- text --- */

static int add_line(struct ticket_ring *ring, const char *file, const char *line, size_t len,
    unsigned number, struct err *e)
{
	const struct pem_block block = { .body = line, .body_len = len };
	uint8_t bytes[LINE];
	int n = len <= LINE ? pem_decode(&block, bytes, sizeof(bytes)) : -1, status;

	if (n == TICKET_KEY_BYTES)
		status = ring_add(ring, file, bytes, ring->n_keys + 1, e);
	else
		status = err_set(e,
		    "line %u of %s is no ticket key: expected are 80 bytes in base64, "
		    "%d characters",
		    number, file, LINE);
	secret_wipe(bytes, sizeof(bytes));
	return status;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int
add_text(struct ticket_ring *ring, const char *file, const char *text, size_t len, struct err *e)
{
	const char *end = text + len;

	for (unsigned number = 1; text < end; number++) {
		const char *stop = memchr(text, '\n', (size_t)(end - text)), *next;

		next = stop ? stop + 1 : end;
		stop = stop ? stop : end;
		while (text < stop && is_blank(*text))
			text++;
		while (stop > text && is_blank(stop[-1]))
			stop--;
		if (stop > text && *text != '#' &&
		    add_line(ring, file, text, (size_t)(stop - text), number, e) < 0)
			return -1;
		text = next;
	}
	return 0;
}

static bool is_text(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((bytes[i] < ' ' && bytes[i] != '\n' && !is_blank((char)bytes[i])) ||
		    bytes[i] > '~')
			return false;
	return true;
}

/* --- rings --- */

static struct ticket_ring *ring_alloc(uint32_t lifetime_s, struct err *e)
{
	struct ticket_ring *ring;

	if (lifetime_s < 1 || lifetime_s > TICKET_MAX_LIFE_S) {
		err_set(e, "a ticket's lifetime is 1 to %d seconds (RFC 8446 4.6.1), not %u",
		    TICKET_MAX_LIFE_S, lifetime_s);
		return NULL;
	}
	ring = secret_alloc(sizeof(*ring));
	if (!ring)
		err_set(e, "no memory for ticket keys");
	else
		ring->lifetime_s = lifetime_s;
	return ring;
}

struct ticket_ring *ticket_ring_new(uint32_t lifetime_s, struct err *e)
{
	struct ticket_ring *ring = ring_alloc(lifetime_s, e);

	if (ring && ring_add_random(ring, e) == 0)
		return ring;
	ticket_ring_free(ring);
	return NULL;
}

struct ticket_ring *ticket_ring_parse(
    const char *file, const uint8_t *bytes, size_t len, uint32_t lifetime_s, struct err *e)
{
	struct ticket_ring *ring = ring_alloc(lifetime_s, e);
	int bad = 0;

	if (!ring)
		return NULL;
	if (is_text(bytes, len))
		bad = add_text(ring, file, (const char *)bytes, len, e);
	else if (len % TICKET_KEY_BYTES != 0)
		bad = err_set(e,
		    "%s has no ticket keys: expected are lines of base64, or %d bytes for "
		    "each key",
		    file, TICKET_KEY_BYTES);
	else
		for (size_t at = 0; at < len && !bad; at += TICKET_KEY_BYTES)
			bad = ring_add(ring, file, bytes + at, ring->n_keys + 1, e);
	if (!bad && ring->n_keys == 0)
		bad = err_set(e,
		    "%s has no ticket key; make one with \"openssl rand 80 | openssl base64 -A\"",
		    file);
	if (!bad)
		return ring;
	ticket_ring_free(ring);
	return NULL;
}

struct ticket_ring *
ticket_ring_rotate(const struct ticket_ring *old, unsigned n_keep, struct err *e)
{
	struct ticket_ring *ring = ticket_ring_new(old->lifetime_s, e);

	if (!ring)
		return NULL;
	if (n_keep > TICKET_MAX_KEYS)
		n_keep = TICKET_MAX_KEYS;
	for (unsigned i = 0; i < old->n_keys && ring->n_keys < n_keep; i++)
		ring->keys[ring->n_keys++] = old->keys[i];
	return ring;
}

bool ticket_ring_is_same(const struct ticket_ring *a, const struct ticket_ring *b)
{
	if (a->lifetime_s != b->lifetime_s || a->n_keys != b->n_keys)
		return false;
	for (unsigned i = 0; i < a->n_keys; i++)
		if (memcmp(a->keys[i].bytes, b->keys[i].bytes, TICKET_KEY_BYTES) != 0)
			return false;
	return true;
}

void ticket_ring_free(struct ticket_ring *ring)
{
	secret_free(ring, sizeof(*ring));
}

/* --- files --- */

static int read_all(int fd, uint8_t *to, size_t len)
{
	for (size_t done = 0; done < len;) {
		ssize_t n = read(fd, to + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? errno : EIO;
		done += (size_t)n;
	}
	return 0;
}

static struct ticket_ring *
load_open(int fd, const char *file, const struct stat *st, uint32_t lifetime_s, struct err *e)
{
	size_t len = (size_t)st->st_size;
	struct ticket_ring *ring = NULL;
	uint8_t *bytes;
	int error;

	if (!S_ISREG(st->st_mode) || st->st_size == 0 || st->st_size > MAX_FILE) {
		err_set(
		    e, "ticket keys: %s must be an ordinary file of 1 to %d bytes", file, MAX_FILE);
		return NULL;
	}
	if (st->st_mode & S_IROTH) {
		err_set(e,
		    "ticket keys: %s can be read by every user; take that away (chmod 600 %s)",
		    file, file);
		return NULL;
	}
	bytes = secret_alloc(len);
	error = bytes ? read_all(fd, bytes, len) : ENOMEM;
	if (error)
		err_set(e, "ticket keys: cannot read %s: %s", file, strerror(error));
	else
		ring = ticket_ring_parse(file, bytes, len, lifetime_s, e);
	secret_free(bytes, len);
	return ring;
}

struct ticket_ring *ticket_ring_load(const char *file, uint32_t lifetime_s, struct err *e)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct ticket_ring *ring = NULL;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		err_set(e, "ticket keys: cannot read %s: %s", file, strerror(errno));
	else
		ring = load_open(fd, file, &st, lifetime_s, e);
	if (fd >= 0)
		close(fd);
	return ring;
}

static int write_all(int fd, const char *from, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		from += n;
		len -= (size_t)n;
	}
	return 0;
}

/* The ring as text; *len bytes. The caller frees it with secret_free(.., PRINT_ROOM). */
#define PRINT_ROOM (TICKET_MAX_KEYS * (LINE + 2) + 200)

static char *ring_print(const struct ticket_ring *ring, size_t *len)
{
	char *text = secret_alloc(PRINT_ROOM);

	if (!text)
		return NULL;
	*len = (size_t)snprintf(text, PRINT_ROOM,
	    "# Ticket keys of sallyport, secret. The first one seals, all of them open.\n");
	for (unsigned i = 0; i < ring->n_keys; i++) {
		word32 room = (word32)(PRINT_ROOM - *len);

		if (Base64_Encode_NoNl(
			ring->keys[i].bytes, TICKET_KEY_BYTES, (byte *)text + *len, &room) != 0) {
			secret_free(text, PRINT_ROOM);
			return NULL;
		}
		*len += room;
		text[(*len)++] = '\n';
	}
	return text;
}

/* Makes the rename last. */
static int sync_folder(const char *file)
{
	const char *slash = strrchr(file, '/');
	char folder[4096];
	int fd, bad;

	snprintf(
	    folder, sizeof(folder), "%.*s", slash ? (int)(slash - file) : 1, slash ? file : ".");
	fd = open(folder[0] ? folder : "/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	bad = fsync(fd);
	close(fd);
	return bad;
}

static int save_text(const char *file, const char *text, size_t len)
{
	char next[4096];
	int fd, bad;

	if ((size_t)snprintf(next, sizeof(next), "%s.new", file) >= sizeof(next)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	unlink(next); /* of a crash; never written through a link somebody left */
	fd = open(next, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -1;
	bad = write_all(fd, text, len) < 0 || fsync(fd) < 0;
	bad |= close(fd) < 0;
	if (!bad && rename(next, file) == 0 && sync_folder(file) == 0)
		return 0;
	unlink(next);
	return -1;
}

int ticket_ring_save(const struct ticket_ring *ring, const char *file, struct err *e)
{
	size_t len;
	char *text = ring_print(ring, &len);
	int bad;

	if (!text)
		return err_set(e, "no memory for ticket keys");
	bad = save_text(file, text, len);
	secret_free(text, PRINT_ROOM);
	return bad ? err_set(e, "ticket keys: cannot write %s: %s", file, strerror(errno)) : 0;
}
