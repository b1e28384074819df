#include "net/http.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/signals.h"
#include "net/http_internal.h"
#include "net/retry.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS INT64_C(1000000)
#define STEP_MS   100 /* a signal is seen within this */

/* ---- lists --------------------------------------------------------------------------------- */

static void list_remove(struct http_task *t)
{
    struct http_task_list *list = t->list;

    if (!list)
        return;
    *(t->prev ? &t->prev->next : &list->first) = t->next;
    *(t->next ? &t->next->prev : &list->last) = t->prev;
    t->prev = t->next = NULL;
    t->list = NULL;
    list->count--;
}

static void list_move_last(struct http_task_list *list, struct http_task *t)
{
    list_remove(t);
    t->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = t;
    list->last = t;
    t->list = list;
    list->count++;
}

static void list_move_first(struct http_task_list *list, struct http_task *t)
{
    list_remove(t);
    t->next = list->first;
    *(list->first ? &list->first->prev : &list->last) = t;
    list->first = t;
    t->list = list;
    list->count++;
}

/* ---- the client ---------------------------------------------------------------------------- */

static int64_t or_default(int64_t value, int64_t fallback)
{
    return value > 0 ? value : fallback;
}

static struct http_options options_complete(const struct http_options *given)
{
    struct http_options o = *given;

    o.connect_timeout_ms = or_default(o.connect_timeout_ms, 5000);
    o.timeout_ms = or_default(o.timeout_ms, 5000);
    o.idle_timeout_ms = or_default(o.idle_timeout_ms, o.timeout_ms);
    if (o.body_max_bytes == 0)
        o.body_max_bytes = STRBUF_DEFAULT_MAX;
    o.retry.max_attempts = or_default(o.retry.max_attempts, 5);
    o.retry.base_ms = or_default(o.retry.base_ms, 500);
    o.retry.cap_ms = or_default(o.retry.cap_ms, 30000);
    o.retry.budget_ms = or_default(o.retry.budget_ms, 600000);
    o.in_flight_max = or_default(o.in_flight_max, 8);
    o.ca_file = NULL; /* a copy is kept */
    return o;
}

/* libcurl's own start takes milliseconds: only who makes a client pays for it. */
static int library_start(struct error *err)
{
    static bool started;

    if (started)
        return 0;
    CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    if (code != CURLE_OK)
        return error_set(err, ERR_FAILED, "libcurl did not start: %s", curl_easy_strerror(code));
    started = true;
    return 0;
}

int http_client_new(const struct http_options *options, struct http_client **ret, struct error *err)
{
    TRY(library_start(err));
    CURLM *multi = curl_multi_init();
    if (!multi)
        return error_set(err, ERR_FAILED, "libcurl gave no handle");
    struct http_client *c = mem_alloc(sizeof(*c));
    c->multi = multi;
    c->options = options_complete(options);
    c->ca_file = mem_strdup(options->ca_file);
    c->hosts = hashmap_new();
    limit_init(&c->limit, options->rate_count, options->rate_per_ms);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)c->options.in_flight_max);
    *ret = c;
    return 0;
}

static void task_free(struct http_client *c, struct http_task *t)
{
    list_remove(t);
    http_transfer_end(c, t);
    if (t->host)
        breaker_forget(&t->host->breaker, t->is_probe);
    http_response_release(&t->response);
    free(t->url);
    free(t);
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    struct http_task_list *lists[] = {&c->queued, &c->waiting, &c->active, &c->finished};
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        while (lists[i]->first)
            task_free(c, lists[i]->first);
    while (c->spares > 0)
        curl_easy_cleanup(c->spare[--c->spares]);
    curl_multi_cleanup(c->multi);
    for (size_t i = 0; i < hashmap_count(c->hosts); i++)
        free(hashmap_at(c->hosts, i, NULL));
    hashmap_free(c->hosts);
    free(c->ca_file);
    free(c);
}

/* ---- outcomes ------------------------------------------------------------------------------ */

static void task_finish(struct http_client *c, struct http_task *t)
{
    http_transfer_end(c, t);
    t->is_finished = true;
    if (t->done)
        list_move_last(&c->finished, t);
    else
        list_remove(t);
}

static void task_fail(struct http_client *c, struct http_task *t, const struct error *err)
{
    t->error = *err;
    task_finish(c, t);
}

/* "GET http://host/path: <the failure>; 3 attempts in 4.2 s, first: HTTP 503" */
static void failure_fold(const struct http_task *t, struct error *err)
{
    AUTO_STRBUF struct strbuf url = {0}, attempts = {0};
    struct error one = *err;
    const struct http_request *req = t->req;

    strbuf_init(&url, 0);
    strbuf_init(&attempts, 0);
    url_shown(t->url ? t->url : req->url, &url);
    if (t->response.attempts > 1) {
        int64_t elapsed_ms = (clock_monotonic_ns() - t->begun_ns) / NS_PER_MS;
        strbuf_addf(&attempts, "; %d attempts in %" PRId64 ".%" PRId64 " s", t->response.attempts,
                    elapsed_ms / 1000, elapsed_ms % 1000 / 100);
        if (strcmp(t->first_failure, one.message) != 0)
            strbuf_addf(&attempts, ", first: %s", t->first_failure);
    }
    error_set(err, one.code, "%s %s: %.600s%s", req->method ? req->method : "GET", url.data,
              one.message, attempts.len > 0 ? attempts.data : "");
    err->retry_after_ms = one.retry_after_ms;
    if (one.hint[0])
        error_hint(err, "%s", one.hint);
    else if (one.code == ERR_UNAVAILABLE && t->response.attempts > 0 &&
             !retry_request_is_repeatable(req))
        error_hint(err, "it was not repeated, for it may have been carried out: look first");
}

/* ---- one attempt --------------------------------------------------------------------------- */

/* What an attempt came to: a verdict on whether to repeat, and the failure if there is no
 * response. */
struct attempt {
    enum http_verdict verdict; /* never BY_STATUS */
    int64_t retry_after_ms;
    struct error failure; /* code 0: there is a response */
};

static enum http_verdict response_verdict(const struct http_task *t)
{
    enum http_verdict verdict = HTTP_VERDICT_BY_STATUS;

    if (t->req->judge)
        verdict = t->req->judge(t->req->judge_self, &t->response);
    if (verdict != HTTP_VERDICT_BY_STATUS)
        return verdict;
    if (t->response.status == 429)
        return HTTP_VERDICT_RATE_LIMITED;
    return retry_status_is_transient(t->response.status) ? HTTP_VERDICT_TRANSIENT
                                                         : HTTP_VERDICT_FINAL;
}

static void attempt_judge(const struct http_task *t, CURLcode result, struct attempt *ret)
{
    *ret = (struct attempt){.verdict = HTTP_VERDICT_FINAL};
    if (result != CURLE_OK || t->stopped || t->response.status == 0) {
        http_transfer_error(t, result, &ret->failure);
        if (ret->failure.code == ERR_UNAVAILABLE)
            ret->verdict = HTTP_VERDICT_TRANSIENT;
        return;
    }
    ret->verdict = response_verdict(t);
    ret->retry_after_ms =
        retry_after_ms(http_response_header(&t->response, "retry-after"), clock_wall_us());
}

/* Failures of the transport and 5xx count against the host; any other answer shows it alive. */
static void host_learn(struct http_task *t, const struct attempt *a, int64_t now_ns)
{
    struct http_host *h = t->host;
    bool failed = a->failure.code == ERR_UNAVAILABLE || t->response.status >= 500;

    if (a->failure.code != 0 && !failed)
        breaker_forget(&h->breaker, t->is_probe);
    else
        breaker_report(&h->breaker, !failed, t->is_probe, now_ns);
    t->is_probe = false;
}

/* The wait before the next attempt in ms, or -1. */
static int64_t task_retry_wait_ms(const struct http_client *c, const struct http_task *t,
                                  const struct attempt *a, int64_t now_ns)
{
    if (a->verdict == HTTP_VERDICT_FINAL || t->req->no_retry)
        return -1;
    if (a->verdict != HTTP_VERDICT_RATE_LIMITED && !retry_request_is_repeatable(t->req))
        return -1;
    return http_retry_wait_ms(&c->options.retry, t->response.attempts,
                              (now_ns - t->begun_ns) / NS_PER_MS, a->retry_after_ms,
                              clock_random_u64());
}

static void task_retry_at(struct http_client *c, struct http_task *t, const struct attempt *a,
                          int64_t due_ns)
{
    if (a->verdict == HTTP_VERDICT_RATE_LIMITED && a->retry_after_ms > 0 &&
        t->host->hold_until_ns < due_ns)
        t->host->hold_until_ns = due_ns;
    t->due_ns = due_ns;
    list_move_last(&c->waiting, t);
}

static void attempt_describe(struct http_task *t, const struct attempt *a)
{
    char text[sizeof(t->first_failure)];

    if (a->failure.code != 0)
        snprintf(text, sizeof(text), "%.120s", a->failure.message);
    else
        snprintf(text, sizeof(text), "HTTP %d", t->response.status);
    if (!t->first_failure[0])
        memcpy(t->first_failure, text, sizeof(text));
    log_event(LOG_DEBUG,
              LOG_FIELDS(LOG_INT("attempt", t->response.attempts),
                         LOG_INT("http_status", t->response.status)),
              "request failed: %s", text);
}

static void attempt_conclude(struct http_client *c, struct http_task *t, struct attempt *a)
{
    int64_t now_ns = clock_monotonic_ns();

    host_learn(t, a, now_ns);
    int64_t wait_ms = task_retry_wait_ms(c, t, a, now_ns);
    if (a->verdict != HTTP_VERDICT_FINAL || a->failure.code != 0)
        attempt_describe(t, a);
    if (wait_ms >= 0) {
        task_retry_at(c, t, a, now_ns + wait_ms * NS_PER_MS);
    } else if (a->failure.code != 0) {
        failure_fold(t, &a->failure);
        task_fail(c, t, &a->failure);
    } else {
        task_finish(c, t);
    }
}

/* ---- redirects ----------------------------------------------------------------------------- */

static bool redirect_is_followed(const struct http_task *t, const char *target)
{
    const char *method = t->req->method;
    bool reads = !method || strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;

    return target && reads && t->response.status >= 301 && t->response.status <= 308;
}

/* Credentials stand in the headers, so nothing leaves for another host: the attempt either goes on
 * at the same host or fails. Takes target over. */
static void redirect_follow(struct http_client *c, struct http_task *t, char *target)
{
    const char *from = t->url ? t->url : t->req->url;
    struct attempt a = {.verdict = HTTP_VERDICT_FINAL};
    AUTO_STRBUF struct strbuf shown = {0};

    strbuf_init(&shown, 0);
    url_shown(target, &shown);
    if (!url_may_follow(from, target))
        error_set(&a.failure, ERR_REMOTE, "redirected to another host, '%s', and not followed",
                  shown.data);
    else if (t->redirects >= HTTP_REDIRECTS_MAX)
        error_set(&a.failure, ERR_REMOTE, "redirected more than %d times", HTTP_REDIRECTS_MAX);
    if (a.failure.code != 0) {
        free(target);
        attempt_conclude(c, t, &a);
        return;
    }
    host_learn(t, &a, clock_monotonic_ns());
    free(t->url);
    t->url = target;
    t->redirects++;
    t->response.attempts--; /* the next hop belongs to the same attempt */
    t->due_ns = clock_monotonic_ns();
    list_move_last(&c->waiting, t);
}

static void attempt_end(struct http_client *c, struct http_task *t, CURLcode result)
{
    char *target = result == CURLE_OK ? mem_strdup(http_transfer_redirect(t)) : NULL;
    struct attempt a;

    http_transfer_end(c, t);
    if (result == CURLE_OK && redirect_is_followed(t, target)) {
        redirect_follow(c, t, target);
        return;
    }
    free(target);
    attempt_judge(t, result, &a);
    attempt_conclude(c, t, &a);
}

/* ---- admission ----------------------------------------------------------------------------- */

static void sooner(int64_t *wake_ns, int64_t at_ns)
{
    if (at_ns < *wake_ns)
        *wake_ns = at_ns;
}

static void attempt_begin(struct http_client *c, struct http_task *t, int64_t now_ns)
{
    struct error err = ERROR_INIT;

    limit_take(&c->limit, now_ns);
    if (t->response.attempts == 0 && t->redirects == 0)
        t->begun_ns = now_ns;
    t->response.attempts++;
    if (http_transfer_begin(c, t, retry_request_is_repeatable(t->req), &err) != 0) {
        failure_fold(t, &err);
        task_fail(c, t, &err);
        return;
    }
    list_move_last(&c->active, t);
}

/* An open circuit ends a new request at once; one that was tried before waits for the circuit, if
 * its budget allows. Returns true when the task is over. */
static bool circuit_refuses(struct http_client *c, struct http_task *t, int64_t now_ns,
                            int64_t wait_ms)
{
    struct error err = ERROR_INIT;
    int64_t elapsed_ms = (now_ns - t->begun_ns) / NS_PER_MS;

    if (t->response.attempts > 0 && elapsed_ms + wait_ms <= c->options.retry.budget_ms) {
        t->due_ns = now_ns + wait_ms * NS_PER_MS;
        return false;
    }
    error_set(&err, ERR_UNAVAILABLE,
              "not sent: the host failed %" PRId64 " times in a row and is left alone for another "
              "%" PRId64 " s",
              t->host->breaker.failures, (wait_ms + 999) / 1000);
    err.retry_after_ms = wait_ms;
    failure_fold(t, &err);
    task_fail(c, t, &err);
    return true;
}

/* True when the task left its list: started, or over. Else *wake_ns says when to ask again. */
static bool task_admit(struct http_client *c, struct http_task *t, int64_t now_ns, int64_t *wake_ns)
{
    int64_t wait_ms = 0, at_ns = t->due_ns;

    if (at_ns < t->host->hold_until_ns)
        at_ns = t->host->hold_until_ns;
    if (at_ns < now_ns + limit_wait_ns(&c->limit, now_ns))
        at_ns = now_ns + limit_wait_ns(&c->limit, now_ns);
    if (at_ns > now_ns) {
        sooner(wake_ns, at_ns);
        return false;
    }
    switch (breaker_ask(&t->host->breaker, now_ns, &t->is_probe, &wait_ms)) {
    case BREAKER_PROBING: return false; /* its end is an event of the loop */
    case BREAKER_OPEN:
        if (circuit_refuses(c, t, now_ns, wait_ms))
            return true;
        sooner(wake_ns, t->due_ns);
        return false;
    case BREAKER_GO: break;
    }
    attempt_begin(c, t, now_ns);
    return true;
}

/* Starts what may start. Returns whether anything did. */
static bool admit(struct http_client *c, int64_t *wake_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    bool progress = false;

    for (struct http_task *t = c->waiting.first, *next; t; t = next) {
        next = t->next;
        progress = task_admit(c, t, now_ns, wake_ns) || progress;
    }
    /* A task waiting for its next attempt keeps its place in flight. */
    while (c->queued.first && c->active.count + c->waiting.count < c->options.in_flight_max) {
        if (!task_admit(c, c->queued.first, now_ns, wake_ns))
            break;
        progress = true;
    }
    return progress;
}

/* ---- the loop ------------------------------------------------------------------------------ */

static bool collect(struct http_client *c)
{
    bool progress = false;
    int running = 0, left = 0;
    CURLMsg *message;

    curl_multi_perform(c->multi, &running);
    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct http_task *t = NULL;
        CURLcode result = message->data.result; /* the message dies with its handle */
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        attempt_end(c, t, result);
        progress = true;
    }
    return progress;
}

static bool stop_idle(struct http_client *c)
{
    bool progress = false;
    int64_t now_ns = clock_monotonic_ns();

    if (c->options.idle_timeout_ms >= c->options.timeout_ms)
        return false;
    for (struct http_task *t = c->active.first, *next; t; t = next) {
        next = t->next;
        if (!http_transfer_is_idle(c, t, now_ns))
            continue;
        t->stopped = "no byte came for too long";
        t->stopped_code = ERR_UNAVAILABLE;
        attempt_end(c, t, CURLE_OPERATION_TIMEDOUT);
        progress = true;
    }
    return progress;
}

/* Moves everything on by one step: at most STEP_MS of waiting. */
static void client_step(struct http_client *c)
{
    int64_t wake_ns = clock_monotonic_ns() + STEP_MS * NS_PER_MS;

    bool progress = admit(c, &wake_ns);
    progress = collect(c) || progress;
    progress = stop_idle(c) || progress;
    if (progress)
        return;
    int64_t wait_ns = wake_ns - clock_monotonic_ns();
    int64_t wait_ms = wait_ns > 0 ? (wait_ns + NS_PER_MS - 1) / NS_PER_MS : 0;
    if (c->active.count > 0)
        curl_multi_poll(c->multi, NULL, 0, (int)wait_ms, NULL);
    else
        clock_sleep_ms(wait_ms);
}

static int host_of(struct http_client *c, const char *url, struct http_host **ret,
                   struct error *err)
{
    AUTOFREE char *origin = NULL;

    TRY(url_origin(url, &origin, err));
    struct http_host *h = hashmap_gets(c->hosts, origin);
    if (!h) {
        h = mem_alloc(sizeof(*h));
        h->breaker.failures_max = c->options.breaker_failures;
        h->breaker.open_ms = c->options.breaker_open_ms;
        hashmap_puts(c->hosts, origin, h);
    }
    *ret = h;
    return 0;
}

static struct http_task *task_new(struct http_client *c, const struct http_request *req,
                                  http_done done, void *self)
{
    struct http_task *t = mem_alloc(sizeof(*t));
    struct error err = ERROR_INIT;

    t->req = req;
    t->done = done;
    t->self = self;
    strbuf_init(&t->response.body, c->options.body_max_bytes);
    list_move_last(&c->queued, t);
    if (host_of(c, req->url, &t->host, &err) != 0)
        task_fail(c, t, &err);
    return t;
}

int http_send(struct http_client *c, const struct http_request *req, struct http_response *ret,
              struct error *err)
{
    struct http_task *t = task_new(c, req, NULL, NULL);
    int code = 0;

    if (!t->is_finished) /* who waits goes before who is patient */
        list_move_first(&c->queued, t);
    while (!t->is_finished && (code = signals_check(err)) == 0)
        client_step(c);
    if (code == 0 && t->error.code != 0) {
        *err = t->error;
        code = (int)err->code;
    } else if (code == 0) {
        *ret = t->response;
        t->response = (struct http_response){0};
    }
    task_free(c, t);
    return code;
}

void http_start(struct http_client *c, const struct http_request *req, http_done done, void *self)
{
    (void)task_new(c, req, done, self);
}

static void deliver(struct http_client *c)
{
    while (c->finished.first) {
        struct http_task *t = c->finished.first;
        list_remove(t);
        t->done(t->self, t->req, t->error.code == 0 ? &t->response : NULL, &t->error);
        task_free(c, t);
    }
}

static void cancel_all(struct http_client *c, const struct error *err)
{
    struct http_task_list *lists[] = {&c->active, &c->waiting, &c->queued};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        while (lists[i]->first)
            task_fail(c, lists[i]->first, err);
    deliver(c);
}

int http_run(struct http_client *c, bool wait_all, struct error *err)
{
    int64_t enough = wait_all ? 1 : c->options.in_flight_max;
    int64_t wake_ns = INT64_MAX;

    admit(c, &wake_ns);
    collect(c);
    for (;;) {
        deliver(c);
        if (c->queued.count + c->waiting.count + c->active.count < enough)
            return 0;
        if (signals_check(err) != 0) {
            cancel_all(c, err);
            return (int)err->code;
        }
        client_step(c);
    }
}
