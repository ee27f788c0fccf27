/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <curl/curl.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/ctl/ctl.h"

#define MAX_ANSWER (256u << 20)
#define TIMEOUT_S  120L

struct answer {
	char *text;
	size_t len;
};

static size_t take(char *data, size_t size, size_t n, void *arg)
{
	struct answer *a = arg;
	char *text;

	n *= size;
	if (a->len + n > MAX_ANSWER || !(text = realloc(a->text, a->len + n + 1)))
		return 0;
	memcpy(text + a->len, data, n);
	a->text = text;
	a->len += n;
	text[a->len] = '\0';
	return n;
}

static struct curl_slist *headers(const struct ctl *c)
{
	struct curl_slist *list = curl_slist_append(NULL, "Content-Type: application/json");
	char line[400];

	if (c->if_match && !c->transaction) {
		snprintf(line, sizeof(line), "If-Match: %s", c->if_match);
		list = curl_slist_append(list, line);
	}
	if (c->key && !c->transaction) {
		snprintf(line, sizeof(line), "Idempotency-Key: %s", c->key);
		list = curl_slist_append(list, line);
	}
	return list;
}

/* What the daemon does not like, a line each. */
static void complain(const json_t *answer, long status)
{
	const json_t *all = json_object_get(answer, "errors"), *one;
	const char *first = json_string_value(json_object_get(answer, "error"));
	size_t i;

	json_array_foreach(all, i, one) fprintf(stderr, "sallyctl: %s\n", json_string_value(one));
	if (!all && first)
		fprintf(stderr, "sallyctl: %s\n", first);
	else if (!all)
		fprintf(stderr, "sallyctl: the daemon answers with status %ld\n", status);
}

static int
judge(const struct ctl *c, CURL *curl, CURLcode code, const struct answer *a, json_t **answer)
{
	json_error_t why;
	long status = 0;

	if (code == CURLE_COULDNT_CONNECT) {
		fprintf(stderr,
		    "sallyctl: nobody answers at %s: is sallyport running, is control.socket set, and may you use it?\n",
		    c->socket);
		return CTL_NO_ANSWER;
	}
	if (code != CURLE_OK) {
		fprintf(stderr, "sallyctl: %s: %s\n", c->socket, curl_easy_strerror(code));
		return CTL_NO_ANSWER;
	}
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	*answer = json_loadb(a->text ? a->text : "", a->len, JSON_DECODE_ANY, &why);
	if (status < 300 && *answer)
		return CTL_OK;
	complain(*answer, status);
	json_decref(*answer);
	*answer = NULL;
	return CTL_REFUSED;
}

static void free_wiped(char *text)
{
	if (text)
		explicit_bzero(text, strlen(text));
	free(text);
}

int ctl_ask(
    const struct ctl *c, const char *method, const char *path, json_t *body, json_t **answer)
{
	char *text = body ? json_dumps(body, JSON_COMPACT) : NULL, url[4096];
	struct curl_slist *list = headers(c);
	struct answer a = { .text = NULL };
	CURL *curl = curl_easy_init();
	int status = CTL_NO_ANSWER;

	*answer = NULL;
	snprintf(url, sizeof(url), "http://sallyport%s", path);
	if (curl && (text || !body)) {
		curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, c->socket);
		curl_easy_setopt(curl, CURLOPT_URL, url);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
		curl_easy_setopt(curl, CURLOPT_HTTPHEADER, list);
		curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
		curl_easy_setopt(curl, CURLOPT_WRITEDATA, &a);
		curl_easy_setopt(curl, CURLOPT_TIMEOUT, TIMEOUT_S);
		curl_easy_setopt(curl, CURLOPT_PROXY, "");
		if (text) {
			curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE, (long)strlen(text));
			curl_easy_setopt(curl, CURLOPT_POSTFIELDS, text);
		}
		status = judge(c, curl, curl_easy_perform(curl), &a, answer);
	}
	curl_easy_cleanup(curl);
	curl_slist_free_all(list);
	free_wiped(text);
	free(a.text);
	return status;
}

char *ctl_change_path(const struct ctl *c, const char *format, ...)
{
	char *path = NULL, *all = NULL;
	va_list ap;

	va_start(ap, format);
	if (vasprintf(&path, format, ap) < 0)
		path = NULL;
	va_end(ap);
	if (!path)
		return NULL;
	if (asprintf(&all, "%s%s%s%s%s", path,
		c->transaction || c->dry_run ? (strchr(path, '?') ? "&" : "?") : "",
		c->transaction ? "tx=" : (c->dry_run ? "dry_run=1" : ""),
		c->transaction ? c->transaction : "", "") < 0)
		all = NULL;
	free(path);
	return all;
}

char *ctl_escape(const char *text)
{
	char *out = malloc(3 * strlen(text) + 1), *to = out;

	for (; out && *text; text++) {
		if (strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~",
			*text))
			*to++ = *text;
		else
			to += sprintf(to, "%%%02X", (unsigned char)*text);
	}
	if (out)
		*to = '\0';
	return out;
}
