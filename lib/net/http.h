/* lib/net/http.h - the HTTP client (libcurl): bounded, patient, and never twice what must be once.
 *
 * Keep-alive and connection reuse, limits on connect, total and idle time and on body bytes, TLS
 * verified, redirects followed only for GET and only within the same host, credentials only to the
 * host they are for. Retries: connect failures, 408, 429, 500, 502, 503, 504 and timeouts, with
 * full-jitter backoff and Retry-After (seconds or date) honoured within the budget; 429 for any
 * method, all else only for GET/HEAD/PUT/DELETE or with an idempotency key. Several attempts fold
 * into one message. One thread; many transfers in flight. */
#ifndef DINER_NET_HTTP_H
#define DINER_NET_HTTP_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>
#include <stdint.h>

struct http_retry_policy {
    int64_t max_attempts; /* 1: no retry */
    int64_t base_ms, cap_ms;
    int64_t budget_ms; /* over all attempts of one request */
};
/* Pure: the wait before the next attempt, or -1 for no more. retry_after_ms 0: none was given. */
int64_t http_retry_wait_ms(const struct http_retry_policy *policy, int64_t attempts_made,
                           int64_t elapsed_ms, int64_t retry_after_ms, uint64_t random);

/* A rate that is kept together with other processes: asks for the next n places, one in
 * interval_ns; in *ret_wait_ns the first may go out. take NULL: the rate is this client's own. */
struct http_budget {
    int (*take)(void *self, const char *name, int64_t interval_ns, int64_t n, int64_t *ret_wait_ns,
                struct error *err);
    void *self;
    const char *name;
};

struct http_options {
    int64_t connect_timeout_ms;     /* 0: 5 s */
    int64_t timeout_ms;             /* one attempt; 0: 5 s */
    int64_t idle_timeout_ms;        /* no byte for so long; 0: timeout_ms */
    size_t body_max_bytes;          /* 0: 64 MiB; more is ERR_LIMIT */
    struct http_retry_policy retry; /* zeroed: 5 attempts, 500 ms, 30 s, 10 min */
    int64_t breaker_failures;       /* consecutive, per host; 0: none */
    int64_t breaker_open_ms;
    int64_t rate_count, rate_per_ms; /* token bucket over all requests; 0: none */
    struct http_budget budget;       /* borrowed */
    int64_t in_flight_max;           /* 0: 8 */
    bool adaptive;                   /* fewer at once where the host bears fewer: adaptive.h */
    const char *ca_file;             /* NULL: the system's */
    /* PEM, shown to a host that wants one; ptr NULL: none. Borrowed while the client lives. */
    struct span client_certificate, client_key;
};
struct http_client;
/* Strings of options are copied, but for those. */
int http_client_new(const struct http_options *options, struct http_client **ret,
                    struct error *err);
/* NULL-safe. Transfers still under way are dropped without their done being called. */
void http_client_free(struct http_client *c);

/* What follows belongs to another part of the work, a child of a list, whose failure is its own
 * when is_isolated. Then a host that answers, if badly, is tried once at once by each part, however
 * open its breaker is, and no request waits for a breaker: with a host that is down it fails at
 * once. */
void http_client_renew(struct http_client *c, bool is_isolated);

struct http_header {
    const char *name, *value;
};
/* Where a large body goes instead of into memory: a file, from its beginning at each attempt. It
 * comes as its sender has it, not packed for the way. */
struct http_sink {
    int fd;             /* a file that can be truncated */
    uint64_t max_bytes; /* more is ERR_LIMIT */
    uint64_t bytes;     /* out: of the last attempt */
};
/* So much of it the response has all the same. */
#define HTTP_SINK_HEAD_BYTES ((size_t)64 << 10)
struct http_response;
/* What to make of a response; asked before a retry, for systems that say it in the body. */
enum http_verdict {
    HTTP_VERDICT_BY_STATUS = 0,
    HTTP_VERDICT_FINAL,        /* never repeated */
    HTTP_VERDICT_TRANSIENT,    /* as a 503 */
    HTTP_VERDICT_RATE_LIMITED, /* as a 429 */
};
struct http_request {
    const char *method; /* NULL: GET */
    const char *url;
    const struct http_header *headers;
    size_t nheaders;
    struct span body; /* ptr NULL: none */
    const char *content_type;
    const char *idempotency_key; /* sent as Idempotency-Key; makes a write repeatable */
    int64_t timeout_ms;          /* 0: the client's */
    struct http_sink *sink;      /* NULL: the body is kept in memory */
    bool no_retry;
    bool is_text; /* of its answer: decoded into UTF-8 by the charset it states, without a mark */
    bool has_elsewhere; /* not repeated at a host that is down: its sender knows another */
    bool
        is_repeatable; /* its sender knows that twice is harmless, as a search or a login by POST */
    enum http_verdict (*judge)(void *judge_self,
                               const struct http_response *response); /* or NULL */
    void *judge_self;
    bool *was_sent; /* or NULL; set once any of it has left for the host */
};
struct http_response {
    int status;
    struct strbuf body;
    struct http_header *headers; /* names lower case; freed by http_response_release */
    size_t nheaders;
    int attempts;
    int64_t too_long_ms, budget_ms; /* a Retry-After beyond the budget of retries; else 0 */
    int64_t elapsed_us;             /* of the last attempt */
};
/* Any status is a success here (redirects to another host are ERR_REMOTE); transport failures after
 * retries are ERR_UNAVAILABLE. A 429 or 5xx that outlived its retries is returned as response too.
 * A host whose breaker is open is ERR_UNAVAILABLE at once (a retry waits for it, within its
 * budget). Blocks; a signal makes ERR_CANCELLED. */
int http_send(struct http_client *c, const struct http_request *req, struct http_response *ret,
              struct error *err);
void http_response_release(struct http_response *r);
/* For answers made without a transfer. Names are lower case; both are copied. */
void http_response_add_header(struct http_response *r, const char *name, const char *value);
const char *http_response_header(const struct http_response *r, const char *lower_name);
/* 2xx is 0. 401/403 ERR_AUTH, 404 ERR_NOT_FOUND, 409 ERR_CONFLICT, 429 ERR_RATE_LIMITED, 408/5xx
 * ERR_UNAVAILABLE, others ERR_REMOTE; message has method, URL without query, status and the first
 * 200 bytes of the body made printable. */
int http_response_check(const struct http_request *req, const struct http_response *r,
                        struct error *err);

/* The error of a response with a reason of the caller's own; code ERR_OK: by the status, as above.
 */
int http_response_fail(const struct http_request *req, const struct http_response *r,
                       enum error_code code, const char *reason, struct error *err);

/* One POST of JSON that is told once and never again: no retry, the answer is only checked as
 * above. token: NULL for none, else sent as a bearer's. */
int http_tell(struct http_client *c, const char *url, const char *token, struct span body,
              struct error *err);

/* Many in flight: done is called from http_run once per request (err->code 0 with a response, or
 * the failure); the request's memory is borrowed until then, the response until done returns. */
typedef void (*http_done)(void *self, const struct http_request *req,
                          const struct http_response *response, const struct error *err);
void http_start(struct http_client *c, const struct http_request *req, http_done done, void *self);
/* Drives transfers until fewer than in_flight_max are under way (wait_all: until none is). On a
 * signal all of them end with ERR_CANCELLED, and so does this. done may start more and may send. */
int http_run(struct http_client *c, bool wait_all, struct error *err);

/* One request ahead of its need: begun now, awaited later. It is sent at once when limits allow,
 * and moves on whenever the client is used or polled; req is borrowed until it is awaited or
 * dropped. Meant for requests that may be repeated: one that nobody drove for longer than its time
 * limit is sent again. */
struct http_task;
struct http_task *http_begin(struct http_client *c, const struct http_request *req);
/* As http_send; ends the task. */
int http_await(struct http_client *c, struct http_task *t, struct http_response *ret,
               struct error *err);
void http_drop(struct http_client *c, struct http_task *t); /* NULL-safe */
/* How many may be in flight now. */
int64_t http_in_flight_max(const struct http_client *c);
/* Moves on what can be without waiting. */
void http_poll(struct http_client *c);

/* Query strings: appends "k=v" percent-encoded (RFC 3986), with & when `first` is false. */
void http_encode_param(struct strbuf *out, const char *key, const char *value, bool first);

#endif
