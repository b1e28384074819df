#include "net/http.h"
#include "core/clock.h"
#include "core/message.h"
#include "core/signals.h"
#include "net/http_internal.h"
#include "net/url.h"
#include <stdlib.h>

#define NS_PER_MS INT64_C(1000000)
#define STEP_MS   100 /* a signal is seen within this */
#define LEFT_NS   INT64_C(500000000)

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
    adaptive_init(&c->adaptive, c->options.in_flight_max);
    limit_init(&c->limit, options->rate_count, options->rate_per_ms);
    curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)c->options.in_flight_max);
    *ret = c;
    return 0;
}

static void task_free(struct http_client *c, struct http_task *t)
{
    http_list_remove(t);
    http_transfer_end(c, t);
    if (t->host)
        breaker_forget(&t->host->breaker, t->is_probe);
    http_charset_clear(t);
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

/* ---- the loop ------------------------------------------------------------------------------ */

static bool collect(struct http_client *c)
{
    bool progress = false;
    int running = 0, left = 0;
    CURLMsg *message;
    int64_t now_ns = clock_monotonic_ns();

    c->was_left = c->driven_ns != 0 && now_ns - c->driven_ns > LEFT_NS;
    curl_multi_perform(c->multi, &running);
    while ((message = curl_multi_info_read(c->multi, &left))) {
        struct http_task *t = NULL;
        CURLcode result = message->data.result; /* the message dies with its handle */
        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&t);
        http_attempt_end(c, t, result);
        progress = true;
    }
    c->driven_ns = clock_monotonic_ns();
    return progress;
}

static bool stop_idle(struct http_client *c)
{
    bool progress = false;
    int64_t now_ns = clock_monotonic_ns();

    bool all = c->options.idle_timeout_ms < c->options.timeout_ms;
    for (struct http_task *t = c->active.first, *next; t; t = next) {
        next = t->next;
        if ((!all && !t->req->sink) || !http_transfer_is_idle(c, t, now_ns))
            continue;
        t->stopped = message_text("no byte came for too long");
        t->stopped_code = ERR_UNAVAILABLE;
        http_attempt_end(c, t, CURLE_OPERATION_TIMEDOUT);
        progress = true;
    }
    return progress;
}

/* Moves everything on by one step: at most STEP_MS of waiting. */
static void client_step(struct http_client *c)
{
    int64_t wake_ns = clock_monotonic_ns() + STEP_MS * NS_PER_MS;

    bool progress = http_admit(c, &wake_ns);
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

void http_client_renew(struct http_client *c, bool is_isolated)
{
    int64_t now_ns = clock_monotonic_ns();

    c->is_isolated = is_isolated;
    for (size_t i = 0; is_isolated && i < hashmap_count(c->hosts); i++) {
        struct http_host *h = hashmap_at(c->hosts, i, NULL);
        breaker_renew(&h->breaker, now_ns);
    }
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
    http_list_move_last(&c->queued, t);
    if (host_of(c, req->url, &t->host, &err) != 0)
        http_task_fail(c, t, &err);
    return t;
}

int64_t http_in_flight_max(const struct http_client *c)
{
    return c->options.adaptive ? adaptive_limit(&c->adaptive) : c->options.in_flight_max;
}

void http_poll(struct http_client *c)
{
    int64_t wake_ns = INT64_MAX;

    http_admit(c, &wake_ns);
    collect(c);
}

struct http_task *http_begin(struct http_client *c, const struct http_request *req)
{
    struct http_task *t = task_new(c, req, NULL, NULL);

    http_poll(c);
    return t;
}

int http_await(struct http_client *c, struct http_task *t, struct http_response *ret,
               struct error *err)
{
    int code = 0;

    if (t->list == &c->queued) /* who waits goes before who is patient */
        http_list_move_first(&c->queued, t);
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

void http_drop(struct http_client *c, struct http_task *t)
{
    if (t)
        task_free(c, t);
}

int http_send(struct http_client *c, const struct http_request *req, struct http_response *ret,
              struct error *err)
{
    return http_await(c, task_new(c, req, NULL, NULL), ret, err);
}

void http_start(struct http_client *c, const struct http_request *req, http_done done, void *self)
{
    (void)task_new(c, req, done, self);
}

static void deliver(struct http_client *c)
{
    while (c->finished.first) {
        struct http_task *t = c->finished.first;
        http_list_remove(t);
        t->done(t->self, t->req, t->error.code == 0 ? &t->response : NULL, &t->error);
        task_free(c, t);
    }
}

static void cancel_all(struct http_client *c, const struct error *err)
{
    struct http_task_list *lists[] = {&c->active, &c->waiting, &c->queued};

    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
        while (lists[i]->first)
            http_task_fail(c, lists[i]->first, err);
    deliver(c);
}

int http_run(struct http_client *c, bool wait_all, struct error *err)
{
    int64_t wake_ns = INT64_MAX;

    http_admit(c, &wake_ns);
    collect(c);
    for (;;) {
        deliver(c);
        if (c->queued.count + c->waiting.count + c->active.count <
            (wait_all ? 1 : http_in_flight_max(c)))
            return 0;
        if (signals_check(err) != 0) {
            cancel_all(c, err);
            return (int)err->code;
        }
        client_step(c);
    }
}
