/* lib/net/http_internal.h - the parts of the client: http.c has the loop, http_attempt.c decides
 * (queue, limits, retries), http_transfer.c moves one attempt's bytes through libcurl. Included by
 * the http*.c files only. */
#ifndef DINER_NET_HTTP_INTERNAL_H
#define DINER_NET_HTTP_INTERNAL_H

#include "core/hashmap.h"
#include "core/message.h"
#include "core/trace_span.h"
#include "net/adaptive.h"
#include "net/breaker.h"
#include "net/http.h"
#include "net/limit.h"
#include <curl/curl.h>

#define HTTP_REDIRECTS_MAX    5
#define HTTP_HEADERS_MAX      256
#define HTTP_HEADER_BYTES_MAX ((size_t)64 << 10)
#define HTTP_SPARE_MAX        64

struct http_host {
    struct breaker breaker;
    int64_t hold_until_ns; /* a 429 of one request holds them all */
};

struct http_task_list {
    struct http_task *first, *last;
    int64_t count;
};

struct http_task {
    struct http_task *next, *prev;
    struct http_task_list *list; /* where it is, or NULL */
    const struct http_request *req;
    http_done done; /* NULL: http_send waits for it */
    void *self;
    struct http_host *host;
    char *url; /* where a redirect led; NULL: req->url */
    int redirects;
    /* one attempt */
    CURL *easy;
    struct curl_slist *header_lines;
    int64_t moved_ns, moved_bytes; /* for the idle limit */
    size_t header_bytes;
    const char *stopped; /* why we ended it ourselves, or NULL */
    enum error_code stopped_code;
    const char *stopped_hint;
    struct decoder *decoder; /* of its text; NULL: it comes as UTF-8 */
    bool charset_is_read, charset_unknown;
    uint64_t charset_fault; /* the first byte that is not in it, from 1; 0: none */
    char charset[32], charset_text[160];
    bool is_probe;
    bool was_probe; /* an attempt of it was */
    struct trace_span span;
    char curl_text[CURL_ERROR_SIZE];
    /* over all attempts */
    int64_t begun_ns, due_ns; /* begun: the first attempt */
    char first_failure[128];
    bool is_finished;
    struct http_response response;
    struct error error; /* the outcome, once finished */
};

struct http_client {
    struct http_options options;
    char *ca_file;
    CURLM *multi;
    CURL *spare[HTTP_SPARE_MAX];
    size_t spares;
    struct limit limit;
    int64_t places, place_ns; /* of the shared rate: how many are left, and when the next is */
    struct adaptive adaptive; /* when options.adaptive */
    int64_t driven_ns;        /* when it was moved on last */
    bool was_left;            /* for so long that time limits passed unseen */
    bool is_isolated;         /* http_client_renew */
    struct hashmap *hosts;    /* by origin, of struct http_host */
    /* A task is in one of these, or finished and on its way to http_send. */
    struct http_task_list queued, waiting, active, finished;
};

/* ---- http_attempt.c: what becomes of a task ---- */

void http_list_remove(struct http_task *t);
void http_list_move_last(struct http_task_list *list, struct http_task *t);
void http_list_move_first(struct http_task_list *list, struct http_task *t);
void http_task_fail(struct http_client *c, struct http_task *t, const struct error *err);
/* Starts what may start now. Returns whether anything did; *wake_ns shrinks to when to ask again.
 */
bool http_admit(struct http_client *c, int64_t *wake_ns);
/* libcurl is done with the attempt, or we are: on to the next, or to the end. */
void http_attempt_end(struct http_client *c, struct http_task *t, CURLcode result);

/* ---- http_charset.c: text that comes in another charset ---- */

/* Appends to the body of the response. False: it is over the limit. */
bool http_charset_add(struct http_task *t, const char *bytes, size_t n);
/* All is there: t->stopped is set for text that cannot be read. */
void http_charset_end(struct http_task *t);
void http_charset_clear(struct http_task *t);

/* ---- http_transfer.c: one attempt in libcurl ---- */

/* Frees the names and values, not the array. */
void http_headers_clear(struct http_response *r);
/* Starts an attempt of the task, on a kept connection only if it may_reuse one. The task keeps the
 * handle until http_transfer_end. */
int http_transfer_begin(struct http_client *c, struct http_task *t, bool may_reuse,
                        struct error *err);
/* Takes the handle back; fills status and time of the response. */
void http_transfer_end(struct http_client *c, struct http_task *t);
/* The idle limit: true when t->stopped was set just now. */
bool http_transfer_is_idle(const struct http_client *c, struct http_task *t, int64_t now_ns);
/* Why the attempt failed, when libcurl said so. */
void http_transfer_error(const struct http_task *t, CURLcode result, struct error *err);
/* The URL this attempt was redirected to, borrowed, or NULL. Before http_transfer_end. */
const char *http_transfer_redirect(const struct http_task *t);

#endif
