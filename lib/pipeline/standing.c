/* What of earlier runs stands, and is left out by this one. */
#include "pipeline/standing.h"

#include "core/hashmap.h"
#include "core/log.h"
#include "gen/embed.h"
#include "pipeline/asked.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RUNS_SHOWN_MAX 100

/* ---- a run that is resumed ------------------------------------------------------------- */

static void standing_key(struct strbuf *out, const char *stream, const char *child,
                         const char *window_start, const char *window_end)
{
    strbuf_addf(out, "%s\x1f%s\x1f%s\x1f%s", stream, child, window_start, window_end);
}

int history_standing(struct run *run, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf key = {0};
    char id[24];
    snprintf(id, sizeof id, "%" PRId64, run->resumes);
    TRY(db_query(run->db, sql_run_standing, DB_PARAMS(id), &res, err));
    strbuf_init(&key, 1 << 20);
    run->standing = hashmap_new();
    for (size_t i = 0; i < db_result_rows(res); i++) {
        strbuf_clear(&key);
        standing_key(&key, db_result_text(res, i, 0), db_result_text(res, i, 1),
                     db_result_text(res, i, 2), db_result_text(res, i, 3));
        hashmap_puts(run->standing, key.data, run);
    }
    return 0;
}

bool history_stands(const struct run *run, const char *stream, const char *child,
                    const char *window_start, const char *window_end)
{
    AUTO_STRBUF struct strbuf key = {0};
    if (run->standing == NULL)
        return false;
    strbuf_init(&key, 1 << 20);
    standing_key(&key, stream, child, window_start, window_end);
    return hashmap_gets(run->standing, key.data) != NULL;
}

/* ---- a load that did not end ------------------------------------------------------------- */

/* What adds its rows cannot load a child twice. Of files the ledger knows better what is there. */
static bool must_go_on(const struct run *run, const struct stream_spec *s)
{
    return s->mode == MODE_APPEND && s->for_each != NULL && s->incremental == NULL &&
           s->target == &target_postgres && !source_reads_text(s->source) &&
           (!run->options->full_refresh || run->resumes != 0);
}

static int query_load(const struct run *run, const struct stream_spec *s, struct db_result **ret,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf params = {0}, options = {0}, table = {0};
    char id[24], shard[48];
    int64_t of = run->resumes != 0 ? run->resumes : run->run_id;
    strbuf_init(&params, 1 << 20);
    strbuf_init(&options, 1 << 20);
    strbuf_init(&table, 1024);
    asked_params_print(run->pipeline, &params);
    TRY(asked_options_print(run, &options, err));
    db_quote_qualified(&table, ynode_text(s->target_node, "schema", "public"),
                       ynode_text(s->target_node, "table", s->name));
    snprintf(id, sizeof id, "%" PRId64, of != 0 ? of : INT64_MAX); /* a dry run has none */
    return db_query(run->db, sql_run_load,
                    DB_PARAMS(run->pipeline->name, s->name,
                              run_shard_text(run->options, shard, sizeof shard), params.data,
                              options.data, id, table.data),
                    ret, err);
}

/* The children that this run is to do, as keys. */
static struct hashmap *children_of(const struct slices *slices, size_t *ret_count)
{
    struct hashmap *mine = hashmap_new();
    *ret_count = 0;
    for (size_t i = 0; i < slices_units(slices); i++) {
        if (!slices_is_mine(slices, i))
            continue;
        hashmap_puts(mine, slices_child(slices, i), mine);
        ++*ret_count;
    }
    return mine;
}

static void add_run(struct strbuf *runs, const char *id, int64_t *last)
{
    int64_t run = strtoll(id, NULL, 10);
    if (run == *last || runs->len > RUNS_SHOWN_MAX)
        return;
    if (*last != 0)
        strbuf_adds(runs, ", ");
    strbuf_adds(runs, runs->len + strlen(id) > RUNS_SHOWN_MAX ? "..." : id);
    *last = run;
}

/* Those that stand, of `mine`; runs: who loaded them. */
static size_t add_standing(struct run *run, const struct stream_spec *s,
                           const struct db_result *res, const struct hashmap *mine,
                           struct strbuf *runs)
{
    AUTO_STRBUF struct strbuf key = {0};
    size_t count = 0;
    int64_t last = 0;
    strbuf_init(&key, 1 << 20);
    if (run->standing == NULL)
        run->standing = hashmap_new();
    for (size_t i = 0; i < db_result_rows(res); i++) {
        const char *child = db_result_text(res, i, 0);
        if (hashmap_gets(mine, child) == NULL)
            continue;
        strbuf_clear(&key);
        standing_key(&key, s->name, child, "", "");
        hashmap_puts(run->standing, key.data, run);
        if (db_result_int(res, i, 1) == run->run_id)
            continue; /* it changed hands: they are counted with its own */
        add_run(runs, db_result_text(res, i, 1), &last);
        count++;
    }
    return count;
}

int standing_of_load(struct run *run, const struct stream_spec *s, const struct slices *slices,
                     size_t *ret_count, struct error *err)
{
    AUTO_RESULT struct db_result *res = NULL;
    AUTO_STRBUF struct strbuf runs = {0};
    size_t all;
    *ret_count = 0;
    if (!must_go_on(run, s))
        return 0;
    TRY(query_load(run, s, &res, err));
    if (db_result_rows(res) == 0)
        return 0;
    strbuf_init(&runs, RUNS_SHOWN_MAX + 64);
    struct hashmap *mine = children_of(slices, &all);
    *ret_count = add_standing(run, s, res, mine, &runs);
    hashmap_free(mine);
    if (*ret_count > 0 && run->resumes == 0)
        log_warn("stream '%s': %zu of %zu children were loaded by a run that did not end (%s): "
                 "they are left as they are (--full-refresh loads all again)",
                 s->name, *ret_count, all, runs.data);
    return 0;
}
