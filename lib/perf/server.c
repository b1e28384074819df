/* lib/perf/server.c - see server.h. */
#include "perf/server_internal.h"

#include "core/hashmap.h"
#include "gen/embed.h"

#include <math.h>
#include <stdlib.h>

#define STATEMENTS_SINCE 140000

/* ---- one look ------------------------------------------------------------------------------- */

static int take_database(struct db_conn *conn, struct arena *arena, struct perf_server *s,
                         bool *ret_extension, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(conn, sql_perf_database, DB_NO_PARAMS, &r, err));
    if (db_result_rows(r) != 1)
        return error_set(err, ERR_DATABASE, "pg_stat_database has no row of this database");
    *s = (struct perf_server){.version = arena_strdup(arena, db_result_text(r, 0, 0)),
                              .version_number = (int)db_result_int(r, 0, 1),
                              .has_hypothetical = db_result_bool(r, 0, 3),
                              .stats_age_s = server_number(r, 0, 4),
                              .reset_s = server_number(r, 0, 5),
                              .identity = arena_strdup(arena, db_result_text(r, 0, 6)),
                              .database_bytes = server_number(r, 0, 7),
                              .commits = server_number(r, 0, 8),
                              .rollbacks = server_number(r, 0, 9),
                              .deadlocks = server_number(r, 0, 10),
                              .temp_bytes = server_number(r, 0, 11),
                              .blocks_hit = server_number(r, 0, 12),
                              .blocks_read = server_number(r, 0, 13),
                              .max_connections = server_number(r, 0, 14),
                              .reserved_connections = server_number(r, 0, 15),
                              .taken_us = db_result_int(r, 0, 16),
                              .totals = true};
    s->window_s = s->stats_age_s;
    *ret_extension = *db_result_text(r, 0, 2) != '\0';
    return 0;
}

static void add_counter(struct perf_statement *s, const struct perf_counter *c)
{
    s->calls += c->values[COUNTER_CALLS];
    s->rows += c->values[COUNTER_ROWS];
    s->exec_ms += c->values[COUNTER_EXEC_MS];
    s->plan_ms += c->values[COUNTER_PLAN_MS];
    s->blocks_hit += c->values[COUNTER_HIT];
    s->blocks_read += c->values[COUNTER_READ];
    s->blocks_dirtied += c->values[COUNTER_DIRTIED];
    s->temp_blocks += c->values[COUNTER_TEMP];
    s->wal_bytes += c->values[COUNTER_WAL_BYTES];
}

static int compare_time(const void *a, const void *b)
{
    const struct perf_statement *x = a, *y = b;
    if (x->exec_ms < y->exec_ms || x->exec_ms > y->exec_ms)
        return x->exec_ms < y->exec_ms ? 1 : -1;
    return strcmp(x->fingerprint, y->fingerprint);
}

static void fold(const struct perf_counters *counters, const struct perf_names *names,
                 struct arena *arena, struct perf_server *s)
{
    struct hashmap *known = hashmap_new();
    s->statements = arena_array(arena, counters->count + 1, sizeof *s->statements);
    for (size_t i = 0; i < counters->count; i++) {
        const struct perf_name *name = perf_names_find(names, counters->items[i].id);
        if (name == NULL || name->is_ours)
            continue;
        struct perf_statement *into = hashmap_gets(known, name->fingerprint);
        if (into == NULL) {
            into = &s->statements[s->nstatements++];
            *into = (struct perf_statement){.fingerprint = name->fingerprint,
                                            .text = name->text,
                                            .truncated = name->truncated,
                                            .utility = name->utility};
            hashmap_puts(known, name->fingerprint, into);
        }
        add_counter(into, &counters->items[i]);
    }
    hashmap_free(known);
    qsort(s->statements, s->nstatements, sizeof *s->statements, compare_time);
    if (s->nstatements > PERF_STATEMENTS_MAX)
        s->nstatements = PERF_STATEMENTS_MAX;
}

static void lack_texts(const struct perf_names *names, struct arena *arena,
                       struct perf_study *study)
{
    if (perf_names_hidden(names))
        perf_study_lacks(study, arena, "texts of others",
                         "the texts of other users' statements are kept from this user: grant it "
                         "pg_read_all_stats",
                         "当前用户无权查看其他用户的语句文本：请授予 pg_read_all_stats");
    if (perf_names_no_parser(names) != NULL)
        perf_study_lacks(study, arena, "fingerprints", perf_names_no_parser(names),
                         "未安装 libpg_query：语句按服务器的 queryid 归并");
}

static int take_statements(struct db_conn *conn, struct arena *arena, struct perf_study *study,
                           struct error *err)
{
    struct perf_counters counters = {0};
    struct perf_names *names = NULL;
    int code = perf_counters_take(conn, &counters, err);
    if (code == 0)
        code = perf_names_take(conn, arena, &names, err);
    if (code == 0) {
        fold(&counters, names, arena, &study->server);
        lack_texts(names, arena, study);
        study->server.has_statements = true;
        study->server.evicted_total = counters.evicted;
        study->server.statements_reset_s = counters.reset_s;
    }
    perf_names_free(names);
    perf_counters_release(&counters);
    return code;
}

/* Without the extension, or with it not loaded, the rest is worth having. */
static int take_statements_if_any(struct db_conn *conn, bool has_extension, struct arena *arena,
                                  struct perf_study *study, struct error *err)
{
    const char *what = "statements";
    if (study->server.version_number < STATEMENTS_SINCE) {
        perf_study_lacks(study, arena, what, "pg_stat_statements is read from PostgreSQL 14 on",
                         "只读取 PostgreSQL 14 及以上版本的 pg_stat_statements");
    } else if (!has_extension) {
        perf_study_lacks(
            study, arena, what,
            "the extension pg_stat_statements is not in this database: put it into "
            "shared_preload_libraries, restart, and run 'create extension pg_stat_statements'",
            "该数据库没有 pg_stat_statements 扩展：将其加入 shared_preload_libraries，重启后执行 "
            "create extension pg_stat_statements");
    } else if (take_statements(conn, arena, study, err) != 0) {
        if (strcmp(err->sqlstate, "55000") != 0) /* created, but the server did not load it */
            return err->code;
        error_clear(err);
        perf_study_lacks(study, arena, what,
                         "pg_stat_statements is not in shared_preload_libraries",
                         "pg_stat_statements 不在 shared_preload_libraries 中");
    }
    return 0;
}

static int take_settings(struct db_conn *conn, struct arena *arena, struct perf_server *s,
                         struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(conn, sql_perf_settings, DB_NO_PARAMS, &r, err));
    s->nsettings = db_result_rows(r);
    s->settings = arena_array(arena, s->nsettings + 1, sizeof *s->settings);
    for (size_t i = 0; i < s->nsettings; i++)
        s->settings[i] =
            (struct perf_setting){.name = arena_strdup(arena, db_result_text(r, i, 0)),
                                  .value = arena_strdup(arena, db_result_text(r, i, 1)),
                                  .unit = arena_strdup(arena, db_result_text(r, i, 2))};
    return 0;
}

int perf_server_take(struct db_conn *conn, struct arena *arena, struct perf_study *study,
                     struct error *err)
{
    bool has_extension = false;
    TRY(take_database(conn, arena, &study->server, &has_extension, err));
    TRY(take_statements_if_any(conn, has_extension, arena, study, err));
    TRY(server_take_tables(conn, arena, study, err));
    return take_settings(conn, arena, &study->server, err);
}

/* ---- two looks ------------------------------------------------------------------------------ */

size_t perf_server_statement(const struct perf_server *s, const char *fingerprint)
{
    for (size_t i = 0; i < s->nstatements; i++)
        if (strcmp(s->statements[i].fingerprint, fingerprint) == 0)
            return i;
    return (size_t)-1;
}

static void less(double *counter, double before)
{
    *counter = fmax(0, *counter - before);
}

static void statements_subtract(const struct perf_server *before, const struct perf_server *after,
                                struct arena *arena, struct perf_server *ret)
{
    struct hashmap *known = hashmap_new();
    for (size_t i = 0; i < before->nstatements; i++)
        hashmap_puts(known, before->statements[i].fingerprint, &before->statements[i]);
    ret->statements = arena_array(arena, after->nstatements + 1, sizeof *ret->statements);
    ret->nstatements = 0;
    for (size_t i = 0; i < after->nstatements; i++) {
        struct perf_statement s = after->statements[i];
        const struct perf_statement *b = hashmap_gets(known, s.fingerprint);
        /* Fewer calls than before: it was evicted and came back. What it has now is less than what
         * it did, and all that is known. */
        if (b != NULL && b->calls <= s.calls) {
            less(&s.calls, b->calls);
            less(&s.rows, b->rows);
            less(&s.exec_ms, b->exec_ms);
            less(&s.plan_ms, b->plan_ms);
            less(&s.blocks_hit, b->blocks_hit);
            less(&s.blocks_read, b->blocks_read);
            less(&s.blocks_dirtied, b->blocks_dirtied);
            less(&s.temp_blocks, b->temp_blocks);
            less(&s.wal_bytes, b->wal_bytes);
        }
        if (s.calls > 0)
            ret->statements[ret->nstatements++] = s;
    }
    hashmap_free(known);
    qsort(ret->statements, ret->nstatements, sizeof *ret->statements, compare_time);
}

static char *qualified(struct arena *arena, const char *schema, const char *name)
{
    return arena_printf(arena, "%s.%s", schema, name);
}

static void tables_subtract(const struct perf_server *before, struct arena *arena,
                            struct perf_server *ret)
{
    struct hashmap *known = hashmap_new();
    for (size_t i = 0; i < before->ntables; i++)
        hashmap_puts(known, qualified(arena, before->tables[i].schema, before->tables[i].name),
                     &before->tables[i]);
    struct perf_table *tables = arena_array(arena, ret->ntables + 1, sizeof *tables);
    for (size_t i = 0; i < ret->ntables; i++) {
        struct perf_table *t = &tables[i];
        *t = ret->tables[i];
        const struct perf_table *b = hashmap_gets(known, qualified(arena, t->schema, t->name));
        if (b == NULL)
            continue;
        less(&t->seq_scans, b->seq_scans);
        less(&t->seq_rows, b->seq_rows);
        less(&t->index_scans, b->index_scans);
        less(&t->index_rows, b->index_rows);
        less(&t->inserted, b->inserted);
        less(&t->updated, b->updated);
        less(&t->hot_updated, b->hot_updated);
        less(&t->deleted, b->deleted);
        less(&t->heap_hit, b->heap_hit);
        less(&t->heap_read, b->heap_read);
    }
    ret->tables = tables;
    hashmap_free(known);
}

static void indexes_subtract(const struct perf_server *before, struct arena *arena,
                             struct perf_server *ret)
{
    struct hashmap *known = hashmap_new();
    for (size_t i = 0; i < before->nindexes; i++)
        hashmap_puts(known, qualified(arena, before->indexes[i].schema, before->indexes[i].name),
                     &before->indexes[i]);
    struct perf_index *indexes = arena_array(arena, ret->nindexes + 1, sizeof *indexes);
    for (size_t i = 0; i < ret->nindexes; i++) {
        struct perf_index *x = &indexes[i];
        *x = ret->indexes[i];
        const struct perf_index *b = hashmap_gets(known, qualified(arena, x->schema, x->name));
        if (b == NULL)
            continue;
        less(&x->scans, b->scans);
        less(&x->hit, b->hit);
        less(&x->read, b->read);
    }
    ret->indexes = indexes;
    hashmap_free(known);
}

static int check_pair(const struct perf_server *before, const struct perf_server *after,
                      struct error *err)
{
    if (!before->totals || !after->totals || before->identity == NULL || after->identity == NULL)
        return error_set(err, ERR_USAGE, "only two plain snapshots can be subtracted");
    if (strcmp(before->identity, after->identity) != 0)
        return error_set(err, ERR_USAGE, "the snapshots are of two different databases");
    if (after->taken_us <= before->taken_us)
        return error_set(err, ERR_USAGE, "the second snapshot is not later than the first");
    return 0;
}

int perf_server_difference(const struct perf_server *before, const struct perf_server *after,
                           struct arena *arena, struct perf_server *ret, struct error *err)
{
    TRY(check_pair(before, after, err));
    struct perf_server s = *after;
    s.totals = false;
    s.window_s = (double)(after->taken_us - before->taken_us) / 1e6;
    s.evicted = fmax(0, after->evicted_total - before->evicted_total);
    s.reset = fabs(after->reset_s - before->reset_s) > 0 ||
              fabs(after->statements_reset_s - before->statements_reset_s) > 0 ||
              after->commits < before->commits;
    if (!s.reset) {
        less(&s.commits, before->commits);
        less(&s.rollbacks, before->rollbacks);
        less(&s.deadlocks, before->deadlocks);
        less(&s.temp_bytes, before->temp_bytes);
        less(&s.blocks_hit, before->blocks_hit);
        less(&s.blocks_read, before->blocks_read);
        statements_subtract(before, after, arena, &s);
        tables_subtract(before, arena, &s);
        indexes_subtract(before, arena, &s);
    }
    *ret = s;
    return 0;
}
