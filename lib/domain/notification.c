/* lib/domain/notification.c - what becomes of the messages of the outbox. */
#include "domain/notification.h"
#include "core/clock.h"
#include "core/secret.h"
#include "core/signals.h"
#include "domain/notification_internal.h"
#include "format/encoding.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PLAN_ROWS      "1000"
#define BATCH_MAX      256
#define IN_FLIGHT_MIN  8 /* more may be under way; leases are reckoned with this */
#define LEASE_SLACK_MS 30000
#define LAST_ERROR_MAX 500

struct claim {
    const char *id, *number;
    int64_t attempts;
    struct notification_message message;
    struct notification_way *way;
    struct notification_call call;
    struct http_request request;
    bool is_question, was_sent;
    enum notification_outcome outcome;
    struct error failure; /* looked at unless accepted */
};

/* One deliver. */
struct delivery {
    struct domain_context *ctx;
    struct notifier *n;
    const struct notification_limits *limits;
    struct notification_counts *counts;
    int64_t done, waited_ms;
};

static bool is_left(const struct notifier *n, const struct notification_way *w)
{
    int64_t most = n->options->breaker_failures;
    return most > 0 && w->failures >= most;
}

/* As an array of PostgreSQL, in the arena: those declared that pass the test. */
static const char *channel_array(const struct notifier *n, struct arena *arena,
                                 bool (*test)(const struct notifier *n,
                                              const struct notification_way *w))
{
    const char *list = "";
    for (size_t i = 0; i < NOTIFICATION_CHANNELS; i++)
        if (n->ways[i].ops != NULL && test(n, &n->ways[i]))
            list = arena_printf(arena, "%s%s%s", list, *list != '\0' ? "," : "",
                                notification_channel_names[i]);
    return arena_printf(arena, "{%s}", list);
}

static bool knows_repeats(const struct notifier *n, const struct notification_way *w)
{
    (void)n;
    return w->ops->is_idempotent;
}

static bool is_patient(const struct notifier *n, const struct notification_way *w)
{
    (void)n;
    return w->ops->is_patient;
}

static bool answers(const struct notifier *n, const struct notification_way *w)
{
    return !is_left(n, w);
}

/* ---- planning and claiming ----------------------------------------------------------------- */

static int plan(struct delivery *d, int64_t *ret_planned, struct error *err)
{
    int64_t planned = 1;
    *ret_planned = 0;
    while (planned > 0) {
        TRY(signals_check(err));
        TRY(db_query_int(d->ctx->conn, sql_notification_plan,
                         DB_PARAMS(d->n->patterns, d->n->targets,
                                   domain_int(d->ctx, d->n->options->max_age_ms), PLAN_ROWS,
                                   channel_array(d->n, d->ctx->arena, is_patient)),
                         &planned, err));
        *ret_planned += planned;
    }
    return ERR_OK;
}

/* One first, twice as many each time that all went well: what does not answer is found out by one
 * message. A mail that was claimed and never begun would be in doubt after a crash for nothing. */
static int64_t batch_size(const struct delivery *d, const struct notification_way *w)
{
    int64_t most = d->limits->most, size = w->done < BATCH_MAX ? w->done + 1 : BATCH_MAX;
    if (!w->ops->is_idempotent)
        size = 1;
    return most > 0 && most - d->done < size ? most - d->done : size;
}

/* Long enough for the whole batch, so that nobody takes over what is still under way. */
static int64_t lease_ms(const struct notification_options *o, int64_t batch)
{
    return o->smtp.timeout_ms + o->timeout_ms * (batch / IN_FLIGHT_MIN + 1) + LEASE_SLACK_MS;
}

static int64_t apart_ms(const struct notification_way *w)
{
    const struct field_rate *r = &w->place->rate;
    return r->per_ms > 0 && r->count > 0 ? (r->per_ms + r->count - 1) / r->count : 0;
}

static struct claim claim_read(const struct db_result *r, size_t row, struct notification_way *w,
                               bool is_question)
{
    return (struct claim){.id = db_result_text(r, row, 0),
                          .number = db_result_text(r, row, 1),
                          .attempts = db_result_int(r, row, 2),
                          .way = w,
                          .is_question = is_question,
                          .outcome = NOTIFICATION_LATER,
                          .message = {.id = db_result_text(r, row, 3),
                                      .type = db_result_text(r, row, 4),
                                      .key = db_result_text(r, row, 5),
                                      .payload = db_result_text(r, row, 6),
                                      .created_at = db_result_text(r, row, 7),
                                      .created_s = db_result_int(r, row, 8),
                                      .store_name = db_result_text(r, row, 9),
                                      .local_time = db_result_text(r, row, 10),
                                      .tried_s = db_result_int(r, row, 11)}};
}

/* ---- sending ------------------------------------------------------------------------------- */

static void on_answer(void *self, const struct http_request *request,
                      const struct http_response *response, const struct error *err)
{
    struct claim *c = self;
    if (response == NULL || err->code != ERR_OK) {
        c->failure = *err;
        response = NULL;
    }
    if (!c->is_question)
        c->outcome = notification_judge(c->way, request, response, c->was_sent, &c->failure);
    else if (response == NULL)
        c->outcome = NOTIFICATION_UNKNOWN;
    else
        c->outcome = c->way->ops->ask_judge(&c->message, response, &c->failure);
}

static void start(struct claim *c, struct arena *arena)
{
    const struct notification_ops *ops = c->way->ops;
    if (ops->send != NULL) {
        (void)ops->send(c->way, &c->message, arena, &c->outcome, &c->failure);
        return;
    }
    int code =
        (c->is_question ? ops->ask : ops->call)(c->way, &c->message, arena, &c->call, &c->failure);
    if (code != ERR_OK) {
        c->outcome = c->is_question ? NOTIFICATION_UNKNOWN : NOTIFICATION_REFUSED;
        return;
    }
    c->request = notification_request(&c->call);
    c->request.was_sent = &c->was_sent;
    http_start(c->way->http, &c->request, on_answer, c);
}

/* ---- recording ----------------------------------------------------------------------------- */

static bool may_repeat(const struct notifier *n, const struct claim *c)
{
    bool is_passing = c->outcome == NOTIFICATION_LATER || c->outcome == NOTIFICATION_LIMITED;
    return is_passing && (c->way->ops->is_patient || c->attempts <= n->options->retries);
}

static const char *next_state(const struct notifier *n, const struct claim *c,
                              struct notification_counts *counts)
{
    int64_t *count = &counts->dead;
    const char *state = "dead";
    if (c->outcome == NOTIFICATION_ACCEPTED) {
        count = &counts->sent;
        state = "sent";
    } else if (c->outcome == NOTIFICATION_UNKNOWN) {
        count = &counts->unknown;
        state = "unknown";
    } else if (may_repeat(n, c)) {
        count = &counts->failed;
        state = "failed";
    }
    (*count)++;
    return state;
}

/* Doubled each time, up to the cap, and a tenth of chance so that not all come back at once. What
 * is patient comes back as soon as it may. */
static int64_t wait_ms(const struct notification_options *o, const struct claim *c)
{
    int64_t wait = o->retry_after_ms, doublings = c->way->ops->is_patient ? 0 : c->attempts - 1;
    for (int64_t i = 0; i < doublings && wait < o->retry_cap_ms; i++)
        wait *= 2;
    if (wait > o->retry_cap_ms && o->retry_cap_ms > o->retry_after_ms)
        wait = o->retry_cap_ms;
    wait += (int64_t)(clock_random_u64() % (uint64_t)(wait / 10 + 1));
    if (c->is_question && c->outcome == NOTIFICATION_LATER)
        return 0; /* it never left: now it may */
    return c->failure.retry_after_ms > wait ? c->failure.retry_after_ms : wait;
}

/* As it may be kept: printable, bounded, without secrets. */
static void add_error(const struct error *err, struct strbuf *out)
{
    strbuf_adds(out, err->message);
    secret_redact(out);
    if (out->len > LAST_ERROR_MAX)
        strbuf_truncate(out, utf8_cut(out->data, out->len, LAST_ERROR_MAX));
}

static void learn(struct delivery *d, const struct claim *c)
{
    struct notification_way *w = c->way;
    bool is_alive = c->outcome == NOTIFICATION_ACCEPTED || c->outcome == NOTIFICATION_REFUSED;
    w->failures = c->outcome == NOTIFICATION_LATER && !c->is_question ? w->failures + 1
                  : is_alive                                          ? 0
                                                                      : w->failures;
    w->done = is_alive ? w->done + 1 : 0;
    if (is_left(d->n, w))
        d->counts->left = w->ops->whom;
}

static void write_end(struct delivery *d, const struct claim *c, struct jwriter *w)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, 0);
    jwriter_object(w);
    jwriter_kraw(w, "id", c->id);
    jwriter_kraw(w, "claim", c->number);
    jwriter_kstring(w, "state", next_state(d->n, c, d->counts));
    jwriter_kint(w, "wait_ms", wait_ms(d->n->options, c));
    if (c->outcome != NOTIFICATION_ACCEPTED) {
        add_error(&c->failure, &text);
        (void)snprintf(d->counts->last_error, sizeof d->counts->last_error, "%s", text.data);
        jwriter_kstring(w, "error", text.data);
    }
    jwriter_end(w);
}

static int record(struct delivery *d, const struct claim *claims, size_t count, struct error *err)
{
    AUTO_STRBUF struct strbuf ends = {0};
    struct jwriter w;
    int64_t pause_ms = 0, ours;
    strbuf_init(&ends, 0);
    jwriter_init(&w, &ends);
    jwriter_array(&w);
    for (size_t i = 0; i < count; i++) {
        const struct claim *c = &claims[i];
        learn(d, c);
        write_end(d, c, &w);
        if (c->outcome == NOTIFICATION_LIMITED && wait_ms(d->n->options, c) > pause_ms)
            pause_ms = wait_ms(d->n->options, c);
    }
    jwriter_end(&w);
    return db_query_int(d->ctx->conn, sql_notification_end,
                        DB_PARAMS(ends.data, notification_channel_names[claims[0].way->channel],
                                  domain_int(d->ctx, pause_ms)),
                        &ours, err);
}

/* ---- all of it ----------------------------------------------------------------------------- */

/* What is due of one channel, up to a batch: claimed, sent, recorded. */
static int deliver_batch(struct delivery *d, struct notification_way *w, bool is_question,
                         size_t *ret_count, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    struct arena *arena = d->ctx->arena;
    int64_t size = batch_size(d, w);
    TRY(signals_check(err));
    TRY(db_query(d->ctx->conn, sql_notification_claim,
                 DB_PARAMS(notification_channel_names[w->channel], is_question ? "true" : "false",
                           domain_int(d->ctx, size),
                           domain_int(d->ctx, lease_ms(d->n->options, size)),
                           domain_int(d->ctx, apart_ms(w))),
                 &r, err));
    *ret_count = db_result_rows(r);
    if (*ret_count == 0)
        return ERR_OK;
    struct claim *claims = arena_array(arena, *ret_count, sizeof *claims);
    for (size_t i = 0; i < *ret_count; i++) {
        claims[i] = claim_read(r, i, w, is_question);
        start(&claims[i], arena);
    }
    if (w->ops->finish != NULL)
        w->ops->finish(w);
    struct error stopped = ERROR_INIT;
    int code = w->http != NULL ? http_run(w->http, true, &stopped) : ERR_OK;
    TRY(record(d, claims, *ret_count, err));
    if (code != ERR_OK)
        *err = stopped;
    return code;
}

static bool is_full(const struct delivery *d)
{
    return d->limits->most > 0 && d->done >= d->limits->most;
}

/* A batch of each channel in turn. *ret_is_idle: none had anything that may be sent now. */
static int deliver_round(struct delivery *d, bool is_question, bool *ret_is_idle, struct error *err)
{
    *ret_is_idle = true;
    for (size_t i = 0; i < NOTIFICATION_CHANNELS && !is_full(d); i++) {
        struct notification_way *w = &d->n->ways[i];
        size_t count = 0;
        if (w->ops == NULL || is_left(d->n, w) || (is_question && w->ops->ask == NULL))
            continue;
        TRY(deliver_batch(d, w, is_question, &count, err));
        d->done += is_question ? 0 : (int64_t)count;
        *ret_is_idle = *ret_is_idle && count == 0;
        domain_scratch_clear(d->ctx);
    }
    return ERR_OK;
}

/* Waits for the first channel that a rate holds back, when there is time. *ret_is_end: nothing is
 * to be waited for. */
static int await_rate(struct delivery *d, bool *ret_is_end, struct error *err)
{
    int64_t ms = -1;
    *ret_is_end = true;
    TRY(db_query_int(d->ctx->conn, sql_notification_wait,
                     DB_PARAMS(channel_array(d->n, d->ctx->arena, answers)), &ms, err));
    if (ms < 0)
        return ERR_OK;
    d->counts->held = 1;
    if (d->waited_ms + ms > d->limits->wait_ms)
        return ERR_OK;
    d->counts->held = 0;
    d->waited_ms += ms;
    clock_sleep_ms(ms);
    *ret_is_end = false;
    return signals_check(err);
}

static int deliver_all(struct delivery *d, struct error *err)
{
    bool is_idle = false, is_end = false;
    int64_t planned;
    while (!is_idle)
        TRY(deliver_round(d, true, &is_idle, err));
    while (!is_end && !is_full(d)) {
        TRY(plan(d, &planned, err));
        TRY(deliver_round(d, false, &is_idle, err));
        if (is_idle && planned == 0)
            TRY(await_rate(d, &is_end, err));
    }
    return ERR_OK;
}

int notification_deliver(struct domain_context *ctx, struct notifier *n,
                         const struct notification_limits *limits, struct notification_counts *ret,
                         struct error *err)
{
    struct delivery d = {.ctx = ctx, .n = n, .limits = limits, .counts = ret};
    *ret = (struct notification_counts){0};
    TRY(db_execute(ctx->conn, sql_notification_expire,
                   DB_PARAMS(domain_int(ctx, n->options->retries),
                             channel_array(n, ctx->arena, knows_repeats),
                             channel_array(n, ctx->arena, is_patient)),
                   &ret->expired, err));
    struct arena *callers = domain_scratch_begin(ctx); /* emptied after each batch */
    int code = deliver_all(&d, err);
    domain_scratch_end(ctx, callers);
    return code;
}

/* ---- looking ------------------------------------------------------------------------------- */

int notification_requeue(struct domain_context *ctx, const char *state, const char *channel,
                         const char *ids, int64_t *ret_count, struct error *err)
{
    return db_execute(ctx->conn, sql_notification_requeue, DB_PARAMS(state, channel, ids),
                      ret_count, err);
}

int notification_due(struct domain_context *ctx, const struct notifier *n, int64_t limit,
                     struct db_result **ret, struct error *err)
{
    return db_query(ctx->conn, sql_notification_due,
                    DB_PARAMS(n->patterns, n->targets, domain_int(ctx, n->options->max_age_ms),
                              domain_int(ctx, limit), channel_array(n, ctx->arena, is_patient)),
                    ret, err);
}

int notification_backlog_look(struct domain_context *ctx, struct notification_backlog *ret,
                              struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(ctx->conn, sql_notification_backlog, DB_NO_PARAMS, &r, err));
    *ret = (struct notification_backlog){db_result_int(r, 0, 0), db_result_int(r, 0, 1),
                                         db_result_int(r, 0, 2), db_result_int(r, 0, 3)};
    return ERR_OK;
}

int notification_count(struct domain_context *ctx, struct db_result **ret, struct error *err)
{
    return db_query(ctx->conn, sql_notification_counts, DB_NO_PARAMS, ret, err);
}

int notification_list(struct domain_context *ctx, const char *state, int64_t limit,
                      struct db_result **ret, struct error *err)
{
    return db_query(ctx->conn, sql_notification_list, DB_PARAMS(state, domain_int(ctx, limit)), ret,
                    err);
}
