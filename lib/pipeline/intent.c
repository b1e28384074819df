#include "pipeline/intent.h"

#include "core/log.h"
#include "core/message.h"
#include "core/signals.h"
#include "format/jpull.h"
#include "gen/embed.h"
#include "pipeline/reject.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

int intent_add(const struct stream_context *ctx, const char *connector, const char *resource,
               struct span body, int64_t nrows, struct error *err)
{
    char run[24], rows[24];
    snprintf(run, sizeof run, "%" PRId64, ctx->run_id);
    snprintf(rows, sizeof rows, "%" PRId64, nrows);
    AUTOFREE char *text = mem_strndup(body.ptr, body.len);
    return db_execute(
        ctx->db, sql_intent_add,
        DB_PARAMS(ctx->pipeline->name, ctx->stream->name, run, connector, resource, text, rows),
        NULL, err);
}

struct pending {
    const char *id, *stream, *key, *connector, *resource, *body;
    int64_t nrows;
};

/* Compares results with the records sent, one by one. */
struct result_reader {
    const struct stream_context *ctx;
    const struct pending *intent;
    struct connector_write write;
    struct jpull_array results, records;
    int64_t accepted, refused;
    struct strbuf scratch;
};

static void add_refusal(struct result_reader *r, struct span record, struct span result)
{
    struct error ignored = ERROR_INIT;
    struct jpull_value reason = {0};
    const char *pointer =
        arena_printf(r->ctx->arena, "/%s", r->write.result_error ? r->write.result_error : "error");
    struct reject item = {
        .origin = arena_printf(r->ctx->arena, "%s/%s", r->intent->connector, r->intent->resource),
        .position = (uint64_t)(r->accepted + r->refused),
        .raw = arena_strndup(r->ctx->arena, record.ptr, record.len)};
    if (jpull_find(result, pointer, &reason, &r->scratch, &ignored) == 0 &&
        reason.kind == JPULL_STRING)
        item.reason =
            arena_printf(r->ctx->arena, "refused: %.*s", (int)reason.text.len, reason.text.ptr);
    else
        item.reason = MESSAGE("refused by the platform");
    if (r->ctx->rejects != NULL)
        rejects_add(r->ctx->rejects, &item);
}

/* A request of one record was refused: that is what became of the record. */
static void add_lone_refusal(const struct stream_context *ctx, const struct pending *intent,
                             const char *message)
{
    struct reject item = {
        .origin = arena_printf(ctx->arena, "%s/%s", intent->connector, intent->resource),
        .position = 1,
        .raw = arena_strdup(ctx->arena, intent->body),
        .reason = arena_printf(ctx->arena, "refused: %s", message)};
    if (ctx->rejects != NULL)
        rejects_add(ctx->rejects, &item);
}

static int read_one(struct result_reader *r, bool *ret_end, struct error *err)
{
    struct span record, result;
    bool end_of_results = false;
    struct jpull_value ok = {0};
    TRY(jpull_array_next(&r->records, &record, ret_end, err));
    if (*ret_end)
        return 0;
    TRY(jpull_array_next(&r->results, &result, &end_of_results, err));
    if (end_of_results)
        return error_set(err, ERR_REMOTE, "%s/%s answered with fewer results than records",
                         r->intent->connector, r->intent->resource);
    const char *pointer = arena_printf(r->ctx->arena, "/%s", r->write.result_ok);
    TRY(jpull_find(result, pointer, &ok, &r->scratch, err));
    bool accepted =
        ok.kind == JPULL_TRUE || (ok.kind == JPULL_STRING && span_equal(ok.text, SPAN("ok")));
    if (accepted) {
        r->accepted++;
        return 0;
    }
    r->refused++;
    add_refusal(r, record, result);
    return 0;
}

static int read_results(struct result_reader *r, struct span answer, struct error *err)
{
    struct jpull_value records, results;
    struct span body = span_of(r->intent->body);
    bool end = false;
    if (r->write.results == NULL || r->write.result_ok == NULL || r->write.records == NULL) {
        r->accepted = r->intent->nrows;
        return 0;
    }
    TRY(jpull_find(body, r->write.records, &records, &r->scratch, err));
    TRY(jpull_find(answer, r->write.results, &results, &r->scratch, err));
    if (records.kind != JPULL_ARRAY || results.kind != JPULL_ARRAY)
        return error_set(err, ERR_REMOTE, "%s/%s answered without results at '%s'",
                         r->intent->connector, r->intent->resource, r->write.results);
    TRY(jpull_array_begin(records.text, &r->records, err));
    TRY(jpull_array_begin(results.text, &r->results, err));
    while (!end)
        TRY(read_one(r, &end, err));
    return 0;
}

static int settle(const struct stream_context *ctx, const struct pending *intent, bool refused,
                  int64_t accepted, struct span answer, struct error *err)
{
    char count[24];
    snprintf(count, sizeof count, "%" PRId64, accepted);
    const char *text = arena_strndup(ctx->arena, answer.ptr != NULL ? answer.ptr : "",
                                     answer.len < 4096 ? answer.len : 4096);
    return db_execute(ctx->db, sql_intent_settle,
                      DB_PARAMS(intent->id, refused ? "refused" : "done", count, text), NULL, err);
}

/* A request refused as a whole will be refused again: it must not block the pipeline for ever. */
static bool is_final_refusal(const struct error *err)
{
    return err->code == ERR_REMOTE || err->code == ERR_NOT_FOUND || err->code == ERR_CONFLICT;
}

/* It may have been carried out, and a system that knows no keys would do it again. What it has now
 * is read by this run, which decides anew. */
static int drop_unconfirmed(const struct stream_context *ctx, const struct pending *intent,
                            struct error *err)
{
    log_notice("a write of %" PRId64 " records to %s/%s was not confirmed, and is not sent again: "
               "this run reads first",
               intent->nrows, intent->connector, intent->resource);
    return settle(ctx, intent, true, 0, SPAN(MESSAGE("not confirmed, not sent again")), err);
}

static int send_one(const struct stream_context *ctx, struct connector *connector,
                    const struct pending *intent, struct intent_result *ret, struct error *err)
{
    struct http_response response = {0};
    struct result_reader reader = {.ctx = ctx, .intent = intent};
    const size_t rejects_before = ctx->rejects != NULL ? ctx->rejects->count : 0;
    TRY(signals_check(err));
    TRY(connector_write_of(connector, intent->resource, &reader.write, err));
    if (!reader.write.resend && ctx->stream == NULL)
        return drop_unconfirmed(ctx, intent, err);
    int code = connector_call(connector, intent->resource, NULL, 0, span_of(intent->body),
                              reader.write.resend ? intent->key : NULL, &response, err);
    if (code != 0) {
        struct error settle_err = ERROR_INIT;
        if (is_final_refusal(err))
            code = settle(ctx, intent, true, 0, span_of(err->message), &settle_err);
        bool is_about_record = err->code == ERR_REMOTE || err->code == ERR_CONFLICT;
        if (is_about_record && intent->nrows == 1 && ctx->rejects != NULL && code == 0) {
            add_lone_refusal(ctx, intent, err->message);
            ret->sent++;
            ret->refused++;
            error_clear(err);
            return 0;
        }
        return error_context(err, "while sending %" PRId64 " records to %s/%s", intent->nrows,
                             intent->connector, intent->resource);
    }
    struct span answer = {response.body.data, response.body.len};
    strbuf_init(&reader.scratch, 1 << 20);
    code = read_results(&reader, answer, err);
    if (code == 0)
        code = settle(ctx, intent, false, reader.accepted, answer, err);
    if (code == 0) {
        ret->sent += intent->nrows;
        ret->accepted += reader.accepted;
        ret->refused += reader.refused;
    } else if (ctx->rejects != NULL) {
        ctx->rejects->count = rejects_before; /* not settled: it will be sent and read again */
    }
    strbuf_release(&reader.scratch);
    http_response_release(&response);
    return code;
}

static int load_pending(const struct stream_context *ctx, struct pending **ret, size_t *ret_count,
                        struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    const char *stream = ctx->stream != NULL ? ctx->stream->name : NULL;
    TRY(db_query(ctx->db, sql_intent_pending, DB_PARAMS(ctx->pipeline->name, stream), &res, err));
    size_t n = db_result_rows(res);
    struct pending *list = arena_array(ctx->arena, n + 1, sizeof *list);
    for (size_t i = 0; i < n; i++) {
        const char **fields[] = {&list[i].id,        &list[i].stream,   &list[i].key,
                                 &list[i].connector, &list[i].resource, &list[i].body};
        for (size_t k = 0; k < sizeof fields / sizeof *fields; k++)
            *fields[k] = arena_strdup(ctx->arena, db_result_text(res, i, k));
        list[i].nrows = db_result_int(res, i, 6);
    }
    *ret = list;
    *ret_count = n;
    return 0;
}

/* Of requests of one record each, many refusals mean that something is wrong with all of them. */
static int check_refusals(const struct stream_context *ctx, int64_t total_rows, struct error *err)
{
    if (ctx->rejects == NULL || rejects_check_budget(ctx->rejects, ctx, total_rows, true, err) == 0)
        return 0;
    error_hint(
        err, "what was accepted stays, nothing more was sent; first: %s; see 'diner rejects list'",
        ctx->rejects->items[0].reason);
    return (int)err->code;
}

static int connector_for(const struct stream_context *ctx, const char *name,
                         struct connector **connector, const char **open_name, struct error *err)
{
    if (*connector != NULL && strcmp(*open_name, name) == 0)
        return 0;
    connector_close(*connector);
    *connector = NULL;
    *open_name = name;
    return connector_open(name, ctx->config, ctx->builtins, connector, err);
}

int intent_send_pending(const struct stream_context *ctx, struct intent_result *ret,
                        struct error *err)
{
    struct pending *list;
    size_t count;
    struct connector *connector = NULL;
    const char *open_name = "";
    int64_t total_rows = 0;
    int code = 0;
    TRY(load_pending(ctx, &list, &count, err));
    if (ctx->stream == NULL && count > 0)
        log_notice("%zu writes of an earlier run were not confirmed: those to systems that know "
                   "their keys are sent again",
                   count);
    for (size_t i = 0; i < count; i++)
        total_rows += list[i].nrows;
    for (size_t i = 0; i < count && code == 0; i++) {
        int64_t refused = ret->refused;
        code = connector_for(ctx, list[i].connector, &connector, &open_name, err);
        if (code == 0)
            code = send_one(ctx, connector, &list[i], ret, err);
        if (code == 0 && ret->refused > refused && list[i].nrows == 1)
            code = check_refusals(ctx, total_rows, err);
    }
    connector_close(connector);
    return code;
}
