#include "pipeline/asked.h"

#include "core/datetime.h"
#include "core/fileio.h"
#include "core/sha256.h"
#include "format/jsonx.h"
#include "gen/embed.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FILE_MAX_BYTES ((size_t)16 << 20)
#define PARAMS_MAX     1000

void asked_params_print(const struct pipeline *p, struct strbuf *out)
{
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; i < p->params.count; i++)
        jwriter_kstring(&w, p->params.names[i], p->param_values[i]);
    jwriter_end(&w);
}

int asked_digest(const struct pipeline *p, char ret[ASKED_DIGEST_MAX], struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, FILE_MAX_BYTES + 1);
    TRY(file_read(p->file, FILE_MAX_BYTES, &text, err));
    struct sha256 *h = sha256_new();
    sha256_add(h, text.data, text.len);
    sha256_finish(h, ret);
    return 0;
}

/* What another machine needs to find the same windows in the same pipeline. */
static int print_shared(const struct run *run, struct jwriter *w, struct error *err)
{
    char digest[ASKED_DIGEST_MAX];
    TRY(asked_digest(run->pipeline, digest, err));
    jwriter_kstring(w, "ask", run->name);
    jwriter_kstring(w, "definition", digest);
    jwriter_kint(w, "started_us", run->started_us);
    jwriter_kint(w, "asked_us", run->asked_us);
    return 0;
}

/* A business day stays one: it begins where the cut-off of each child is. */
static void print_edge(struct jwriter *w, const char *key, const char *text, const int32_t *day)
{
    char date[11];
    if (day != NULL)
        date_print(*day, date);
    jwriter_kstring(w, key, day != NULL ? date : text);
}

int asked_options_print(const struct run *run, struct strbuf *out, struct error *err)
{
    const struct run_options *o = run->options;
    char path[PATH_MAX];
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    if (realpath(run->pipeline->file, path) != NULL)
        jwriter_kstring(&w, "file", path);
    print_edge(&w, "from", o->from, o->from_day);
    print_edge(&w, "to", o->to, o->to_day);
    jwriter_kstring(&w, "only", o->only);
    jwriter_kbool(&w, "full_refresh", o->full_refresh);
    jwriter_kbool(&w, "strict", o->strict);
    jwriter_kbool(&w, "verify", o->verify);
    if (o->replay) /* so that its rows are not taken for those of a load */
        jwriter_kbool(&w, "replay", true);
    jwriter_kint(&w, "shard_index", o->shard_index);
    jwriter_kint(&w, "shard_count", o->shard_count);
    if (o->distribute)
        TRY(print_shared(run, &w, err));
    jwriter_end(&w);
    return 0;
}

/* ---- reading ------------------------------------------------------------------------------ */

struct params_query {
    struct field_strings *params;
    struct arena *arena;
};

static int add_param(void *self, const struct db_result *row, struct error *err)
{
    const struct params_query *q = self;
    (void)err;
    if (db_result_text(row, 0, 1) != NULL)
        q->params->items[q->params->count++] =
            arena_printf(q->arena, "%s=%s", db_result_text(row, 0, 0), db_result_text(row, 0, 1));
    return 0;
}

static void fill_options(struct arena *arena, const struct db_result *res, struct run_options *o)
{
    o->from = arena_strdup(arena, db_result_text(res, 0, 3));
    o->to = arena_strdup(arena, db_result_text(res, 0, 4));
    o->only = arena_strdup(arena, db_result_text(res, 0, 5));
    o->full_refresh = db_result_bool(res, 0, 6);
    o->strict = db_result_bool(res, 0, 7);
    o->verify = db_result_bool(res, 0, 8);
    o->shard_index = db_result_int(res, 0, 9);
    o->shard_count = db_result_int(res, 0, 10);
    o->started_us = db_result_int(res, 0, 13);
    o->asked_us = db_result_int(res, 0, 14);
}

int asked_read(struct db_conn *db, int64_t run_id, struct arena *arena, struct run_options *options,
               struct asked *ret, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, run_id);
    TRY(db_query(db, sql_run_resume, DB_PARAMS(id), &res, err));
    if (db_result_rows(res) == 0)
        return error_set(err, ERR_NOT_FOUND, "there is no run %s", id);
    *ret = (struct asked){.file = arena_strdup(arena, db_result_text(res, 0, 0)),
                          .status = arena_strdup(arena, db_result_text(res, 0, 1)),
                          .parent_id = db_result_int(res, 0, 2),
                          .name = arena_strdup(arena, db_result_text(res, 0, 11)),
                          .definition = arena_strdup(arena, db_result_text(res, 0, 12)),
                          .params = {.items = arena_array(arena, PARAMS_MAX, sizeof(char *))}};
    fill_options(arena, res, options);
    return db_query_each(db,
                         "select p.key, p.value from diner.run r, jsonb_each_text(r.params) p "
                         "where r.id = $1::bigint limit 1000",
                         DB_PARAMS(id), add_param, &(struct params_query){&ret->params, arena},
                         err);
}
