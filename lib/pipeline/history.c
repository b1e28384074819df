/* diner.run and diner.run_stream. */
#include "core/clock.h"
#include "core/datetime.h"
#include "core/secret.h"
#include "format/jsonx.h"
#include "gen/embed.h"
#include "pipeline/run_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void params_json(const struct pipeline *p, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; i < p->params.count; i++)
        jwriter_kstring(&w, p->params.names[i], p->param_values[i]);
    jwriter_end(&w);
}

/* A load holds the lock, so a run still marked as running is dead: killed, or its machine was. */
int history_begin(struct run *run, const char *name, struct error *err)
{
    AUTO_STRBUF struct strbuf params = {0};
    char pid[16], parent[24], host[256] = "";
    strbuf_init(&params, 1 << 20);
    params_json(run->pipeline, &params);
    snprintf(pid, sizeof pid, "%ld", (long)getpid());
    snprintf(parent, sizeof parent, "%" PRId64, run->parent_id);
    (void)gethostname(host, sizeof host - 1);
    if (run->options->kind == RUN_LOAD)
        TRY(db_execute(run->db, sql_run_interrupted, DB_PARAMS(name), NULL, err));
    return db_query_int(run->db, sql_run_begin,
                        DB_PARAMS(name, params.data, host, pid, run->parent_id ? parent : NULL),
                        &run->run_id, err);
}

static const char *status_of(enum error_code code)
{
    switch (code) {
    case ERR_OK: return "succeeded";
    case ERR_PARTIAL: return "partial";
    case ERR_CANCELLED: return "interrupted";
    default: return "failed";
    }
}

int history_end(struct run *run, enum error_code code, const struct error *cause, struct error *err)
{
    char id[24], status[16];
    AUTO_STRBUF struct strbuf message = {0}, hint = {0};
    strbuf_init(&message, 4096);
    strbuf_init(&hint, 4096);
    if (code != ERR_OK && cause->code != ERR_OK) {
        strbuf_adds(&message, cause->message);
        strbuf_adds(&hint, cause->hint);
        secret_redact(&message);
        secret_redact(&hint);
    }
    snprintf(id, sizeof id, "%" PRId64, run->run_id);
    snprintf(status, sizeof status, "%d", run_exit_status(code));
    return db_execute(run->db, sql_run_end,
                      DB_PARAMS(id, status_of(code), status, message.len ? message.data : NULL,
                                hint.len ? hint.data : NULL),
                      NULL, err);
}

int history_stream(const struct run *run, const struct stream_report *r, int64_t started_us,
                   const char *source_hash, int attempts, struct error *err)
{
    char numbers[11][24], started[DATETIME_ISO_MAX];
    const struct stream_counts *c = &r->counts;
    const int64_t values[11] = {run->run_id,  c->read,     c->inserted,   c->updated,
                                c->unchanged, c->deleted,  c->superseded, c->rejected,
                                c->skipped,   c->findings, attempts};
    AUTO_STRBUF struct strbuf message = {0};
    strbuf_init(&message, 4096);
    strbuf_adds(&message, r->error != NULL ? r->error : "");
    secret_redact(&message);
    for (size_t i = 0; i < 11; i++)
        snprintf(numbers[i], sizeof numbers[i], "%" PRId64, values[i]);
    datetime_print(started_us, NULL, started);
    return db_execute(run->db, sql_run_stream,
                      DB_PARAMS(numbers[0], r->stream, r->status, numbers[1], numbers[2],
                                numbers[3], numbers[4], numbers[5], numbers[6], numbers[7],
                                numbers[8], numbers[9], r->target, source_hash, started,
                                numbers[10], message.len > 0 ? message.data : NULL),
                      NULL, err);
}
