/* What becomes of a request: when it may be sent, what an attempt came to, whether there is
 * another. */
#include "core/clock.h"
#include "core/log.h"
#include "core/message.h"
#include "net/http_internal.h"
#include "net/retry.h"
#include "net/url.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define NS_PER_MS INT64_C(1000000)

/* ---- lists --------------------------------------------------------------------------------- */

void http_list_remove(struct http_task *t)
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

void http_list_move_last(struct http_task_list *list, struct http_task *t)
{
    http_list_remove(t);
    t->prev = list->last;
    *(list->last ? &list->last->next : &list->first) = t;
    list->last = t;
    t->list = list;
    list->count++;
}

void http_list_move_first(struct http_task_list *list, struct http_task *t)
{
    http_list_remove(t);
    t->next = list->first;
    *(list->first ? &list->first->prev : &list->last) = t;
    list->first = t;
    t->list = list;
    list->count++;
}

/* ---- outcomes ------------------------------------------------------------------------------ */

/* However it ends, by its answer or because nobody waits any more, its sender may want to know
 * whether the host can have it. */
static void attempt_leave(struct http_client *c, struct http_task *t)
{
    long sent_bytes = 0;

    if (t->easy && t->req->was_sent &&
        curl_easy_getinfo(t->easy, CURLINFO_REQUEST_SIZE, &sent_bytes) == CURLE_OK &&
        sent_bytes > 0)
        *t->req->was_sent = true;
    http_transfer_end(c, t);
}

static void http_task_finish(struct http_client *c, struct http_task *t)
{
    attempt_leave(c, t);
    t->is_finished = true;
    if (t->done)
        http_list_move_last(&c->finished, t);
    else
        http_list_remove(t);
}

void http_task_fail(struct http_client *c, struct http_task *t, const struct error *err)
{
    t->error = *err;
    http_task_finish(c, t);
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
        strbuf_addf(&attempts, message_text("; %d attempts in %" PRId64 ".%" PRId64 " s"),
                    t->response.attempts, elapsed_ms / 1000, elapsed_ms % 1000 / 100);
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
    if (failed)
        breaker_learn(&h->breaker, a->failure.code == 0);
    t->is_probe = false;
}

/* Whether an open breaker ends an isolated request instead of making it wait. One that did not
 * begin as the probe has its retries, where the host is there to answer them. */
static bool breaker_ends(const struct http_client *c, const struct http_task *t)
{
    const struct breaker *b = &t->host->breaker;

    return c->is_isolated && b->is_open && (t->was_probe || !b->is_answering);
}

/* The wait before the next attempt in ms, or -1. */
static int64_t task_retry_wait_ms(const struct http_client *c, struct http_task *t,
                                  const struct attempt *a, int64_t now_ns)
{
    if (a->verdict == HTTP_VERDICT_FINAL || t->req->no_retry || breaker_ends(c, t))
        return -1;
    if (t->req->has_elsewhere && retry_host_is_down(a->failure.code, t->response.status))
        return -1;
    if (a->verdict != HTTP_VERDICT_RATE_LIMITED && !retry_request_is_repeatable(t->req))
        return -1;
    int64_t elapsed_ms = (now_ns - t->begun_ns) / NS_PER_MS;
    const struct http_retry_policy *policy = &c->options.retry;
    int64_t wait_ms = http_retry_wait_ms(policy, t->response.attempts, elapsed_ms,
                                         a->retry_after_ms, clock_random_u64());
    bool is_long = policy->budget_ms > 0 && elapsed_ms + a->retry_after_ms > policy->budget_ms;
    t->response.too_long_ms = wait_ms < 0 && is_long ? a->retry_after_ms : 0;
    t->response.budget_ms = policy->budget_ms;
    return wait_ms;
}

static void task_retry_at(struct http_client *c, struct http_task *t, const struct attempt *a,
                          int64_t due_ns)
{
    if (a->verdict == HTTP_VERDICT_RATE_LIMITED && a->retry_after_ms > 0 &&
        t->host->hold_until_ns < due_ns)
        t->host->hold_until_ns = due_ns;
    t->due_ns = due_ns;
    http_list_move_last(&c->waiting, t);
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
              message_text("request failed: %s"), text);
}

/* How much of what we send the system bears. */
static void load_learn(struct http_client *c, const struct http_task *t, const struct attempt *a,
                       int64_t now_ns)
{
    bool overload = a->verdict == HTTP_VERDICT_RATE_LIMITED || t->response.status == 503 ||
                    (a->failure.code == ERR_UNAVAILABLE && t->response.status == 0);

    if (c->options.adaptive && (a->failure.code == 0 || overload))
        adaptive_report(&c->adaptive, t->response.elapsed_us, overload, now_ns);
}

static void attempt_conclude(struct http_client *c, struct http_task *t, struct attempt *a)
{
    int64_t now_ns = clock_monotonic_ns();

    host_learn(t, a, now_ns);
    load_learn(c, t, a, now_ns);
    int64_t wait_ms = task_retry_wait_ms(c, t, a, now_ns);
    if (a->verdict != HTTP_VERDICT_FINAL || a->failure.code != 0)
        attempt_describe(t, a);
    if (wait_ms >= 0) {
        task_retry_at(c, t, a, now_ns + wait_ms * NS_PER_MS);
    } else if (a->failure.code != 0) {
        failure_fold(t, &a->failure);
        http_task_fail(c, t, &a->failure);
    } else {
        http_task_finish(c, t);
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
    http_list_move_last(&c->waiting, t);
}

/* Its time passed while nobody looked, and the answer may lie there unread: that attempt was none.
 */
static bool attempt_was_left(struct http_client *c, struct http_task *t, CURLcode result)
{
    if (result != CURLE_OPERATION_TIMEDOUT || t->stopped || !c->was_left ||
        !retry_request_is_repeatable(t->req))
        return false;
    attempt_leave(c, t);
    breaker_forget(&t->host->breaker, t->is_probe);
    t->is_probe = false;
    t->response.attempts--;
    t->due_ns = clock_monotonic_ns();
    http_list_move_last(&c->waiting, t);
    return true;
}

void http_attempt_end(struct http_client *c, struct http_task *t, CURLcode result)
{
    if (attempt_was_left(c, t, result))
        return;
    char *target = result == CURLE_OK ? mem_strdup(http_transfer_redirect(t)) : NULL;
    struct attempt a;

    attempt_leave(c, t);
    if (result == CURLE_OK && redirect_is_followed(t, target)) {
        redirect_follow(c, t, target);
        return;
    }
    free(target);
    if (result == CURLE_OK && !t->stopped)
        http_charset_end(t);
    attempt_judge(t, result, &a);
    attempt_conclude(c, t, &a);
}

/* ---- admission ----------------------------------------------------------------------------- */

static void sooner(int64_t *wake_ns, int64_t at_ns)
{
    if (at_ns < *wake_ns)
        *wake_ns = at_ns;
}

/* Places of a shared rate that were left unused for so long are given up. */
#define PLACE_STALE_NS (INT64_C(1000) * NS_PER_MS)
/* So much of a shared rate is asked for at a time. */
#define PLACES_NS (INT64_C(50) * NS_PER_MS)

static bool rate_is_shared(const struct http_client *c)
{
    return c->options.budget.take != NULL && c->limit.interval_ns > 0;
}

/* How long the rate keeps the next attempt waiting. */
static int rate_wait(struct http_client *c, int64_t now_ns, int64_t *ret_ns, struct error *err)
{
    const struct http_budget *b = &c->options.budget;
    int64_t n = 1, wait_ns = 0;

    if (!rate_is_shared(c)) {
        *ret_ns = limit_wait_ns(&c->limit, now_ns);
        return 0;
    }
    if (c->places == 0 || now_ns - c->place_ns > PLACE_STALE_NS) {
        if (PLACES_NS > c->limit.interval_ns)
            n = PLACES_NS / c->limit.interval_ns;
        TRY(b->take(b->self, b->name, c->limit.interval_ns, n, &wait_ns, err));
        c->places = n;
        c->place_ns = clock_monotonic_ns() + wait_ns;
    }
    *ret_ns = c->place_ns > now_ns ? c->place_ns - now_ns : 0;
    return 0;
}

static void rate_take(struct http_client *c, int64_t now_ns)
{
    if (!rate_is_shared(c)) {
        limit_take(&c->limit, now_ns);
        return;
    }
    c->places--;
    c->place_ns += c->limit.interval_ns;
}

static void attempt_begin(struct http_client *c, struct http_task *t, int64_t now_ns)
{
    struct error err = ERROR_INIT;

    rate_take(c, now_ns);
    if (t->response.attempts == 0 && t->redirects == 0)
        t->begun_ns = now_ns;
    t->response.attempts++;
    if (http_transfer_begin(c, t, retry_request_is_repeatable(t->req), &err) != 0) {
        failure_fold(t, &err);
        http_task_fail(c, t, &err);
        return;
    }
    http_list_move_last(&c->active, t);
}

/* An open circuit ends a new request at once; one that was tried before waits for the circuit, if
 * its budget allows. Returns true when the task is over. */
static bool circuit_refuses(struct http_client *c, struct http_task *t, int64_t now_ns,
                            int64_t wait_ms)
{
    struct error err = ERROR_INIT;
    int64_t elapsed_ms = (now_ns - t->begun_ns) / NS_PER_MS;

    if (t->response.attempts > 0 && !c->is_isolated &&
        elapsed_ms + wait_ms <= c->options.retry.budget_ms) {
        t->due_ns = now_ns + wait_ms * NS_PER_MS;
        return false;
    }
    error_set(&err, ERR_UNAVAILABLE,
              "not sent: the host failed %" PRId64 " times in a row and is left alone for another "
              "%" PRId64 " s",
              t->host->breaker.failures, (wait_ms + 999) / 1000);
    err.retry_after_ms = wait_ms;
    failure_fold(t, &err);
    http_task_fail(c, t, &err);
    return true;
}

/* True when the task left its list: started, or over. Else *wake_ns says when to ask again. */
static bool task_admit(struct http_client *c, struct http_task *t, int64_t now_ns, int64_t *wake_ns)
{
    int64_t wait_ms = 0, rate_ns = 0, at_ns = t->due_ns;
    struct error err = ERROR_INIT;

    if (at_ns < t->host->hold_until_ns)
        at_ns = t->host->hold_until_ns;
    if (at_ns <= now_ns) {
        if (rate_wait(c, now_ns, &rate_ns, &err) != 0) {
            http_task_fail(c, t, &err);
            return true;
        }
        at_ns = now_ns + rate_ns;
    }
    if (at_ns > now_ns) {
        sooner(wake_ns, at_ns);
        return false;
    }
    switch (breaker_ask(&t->host->breaker, now_ns, &t->is_probe, &wait_ms)) {
    case BREAKER_PROBING: return false; /* its end is an event of the loop */
    case BREAKER_OPEN:
        if (c->is_isolated && t->response.attempts > 0 && !breaker_ends(c, t))
            break;
        if (circuit_refuses(c, t, now_ns, wait_ms))
            return true;
        sooner(wake_ns, t->due_ns);
        return false;
    case BREAKER_GO: break;
    }
    t->was_probe = t->was_probe || t->is_probe;
    attempt_begin(c, t, now_ns);
    return true;
}

/* Starts what may start. Returns whether anything did. */
bool http_admit(struct http_client *c, int64_t *wake_ns)
{
    int64_t now_ns = clock_monotonic_ns();
    bool progress = false;

    for (struct http_task *t = c->waiting.first, *next; t; t = next) {
        next = t->next;
        progress = task_admit(c, t, now_ns, wake_ns) || progress;
    }
    /* A task waiting for its next attempt keeps its place in flight. */
    while (c->queued.first && c->active.count + c->waiting.count < http_in_flight_max(c)) {
        if (!task_admit(c, c->queued.first, now_ns, wake_ns))
            break;
        progress = true;
    }
    return progress;
}
