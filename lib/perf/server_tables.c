/* lib/perf/server_tables.c - the part of a look that is about tables and indexes. */
#include "perf/server_internal.h"

#include "gen/embed.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_OF(macro)  STRING_OF(macro)
#define STRING_OF(text) #text

static const char *text_at(const struct db_result *r, size_t row, size_t column,
                           struct arena *arena)
{
    return arena_strdup(arena, db_result_text(r, row, column));
}

/* "{1,2,3}" of the first column. */
static char *oids_of(const struct db_result *r, struct arena *arena)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    strbuf_addch(&out, '{');
    for (size_t i = 0; i < db_result_rows(r); i++)
        strbuf_addf(&out, "%s%s", i > 0 ? "," : "", db_result_text(r, i, 0));
    strbuf_addch(&out, '}');
    return arena_strdup(arena, out.data);
}

/* Rows of parts stand by the oid of their table, as the tables do: those of table i are first up
 * to *ret_end. */
static size_t rows_of(const struct db_result *parts, const char *oid, size_t first, size_t *ret_end)
{
    int64_t wanted = strtoll(oid, NULL, 10);
    while (first < db_result_rows(parts) && db_result_int(parts, first, 0) < wanted)
        first++;
    size_t end = first;
    while (end < db_result_rows(parts) && db_result_int(parts, end, 0) == wanted)
        end++;
    *ret_end = end;
    return first;
}

static void fill_table(struct perf_table *t, const struct db_result *r, size_t i,
                       struct arena *arena)
{
    double *const numbers[] = {&t->rows,
                               &t->dead_rows,
                               &t->bytes,
                               &t->total_bytes,
                               &t->seq_scans,
                               &t->seq_rows,
                               &t->index_scans,
                               &t->index_rows,
                               &t->inserted,
                               &t->updated,
                               &t->hot_updated,
                               &t->deleted,
                               &t->heap_hit,
                               &t->heap_read,
                               &t->last_vacuum_age_s,
                               &t->last_analyze_age_s,
                               &t->frozen_xid_age};
    t->schema = text_at(r, i, 1, arena);
    t->name = text_at(r, i, 2, arena);
    for (size_t k = 0; k < sizeof numbers / sizeof *numbers; k++)
        *numbers[k] = server_number(r, i, 3 + k);
    t->options = text_at(r, i, 20, arena);
    t->partitioned = db_result_bool(r, i, 21);
    t->partition_of = text_at(r, i, 22, arena);
}

static void fill_columns(struct perf_table *t, const struct db_result *r, size_t first, size_t end,
                         struct arena *arena)
{
    t->ncolumns = end - first;
    t->columns = arena_array(arena, t->ncolumns + 1, sizeof *t->columns);
    for (size_t i = 0; i < t->ncolumns; i++)
        t->columns[i] = (struct perf_column){.name = text_at(r, first + i, 1, arena),
                                             .type = text_at(r, first + i, 2, arena),
                                             .not_null = db_result_bool(r, first + i, 3),
                                             .null_share = server_number(r, first + i, 4),
                                             .distinct = server_number(r, first + i, 5),
                                             .width = (int)server_number(r, first + i, 6)};
}

static void fill_foreign_keys(struct perf_table *t, const struct db_result *r, size_t first,
                              size_t end, struct arena *arena)
{
    t->nforeign_keys = end - first;
    t->foreign_keys = arena_array(arena, t->nforeign_keys + 1, sizeof *t->foreign_keys);
    for (size_t i = 0; i < t->nforeign_keys; i++)
        t->foreign_keys[i] =
            (struct perf_foreign_key){.name = text_at(r, first + i, 1, arena),
                                      .columns = text_at(r, first + i, 2, arena),
                                      .to_table = text_at(r, first + i, 3, arena),
                                      .to_columns = text_at(r, first + i, 4, arena)};
}

static void fill_index(struct perf_index *x, const struct db_result *r, size_t i,
                       struct arena *arena)
{
    *x = (struct perf_index){.schema = text_at(r, i, 0, arena),
                             .table = text_at(r, i, 1, arena),
                             .name = text_at(r, i, 2, arena),
                             .method = text_at(r, i, 3, arena),
                             .definition = text_at(r, i, 4, arena),
                             .keys = text_at(r, i, 5, arena),
                             .predicate = text_at(r, i, 6, arena),
                             .unique = db_result_bool(r, i, 7),
                             .primary = db_result_bool(r, i, 8),
                             .constraint = db_result_bool(r, i, 9),
                             .valid = db_result_bool(r, i, 10),
                             .building = db_result_bool(r, i, 11),
                             .expression = db_result_bool(r, i, 12),
                             .bytes = server_number(r, i, 13),
                             .scans = server_number(r, i, 14),
                             .scans_total = server_number(r, i, 14),
                             .hit = server_number(r, i, 15),
                             .read = server_number(r, i, 16)};
}

/* exact: by the file system. Whoever alters a table now would make us wait for it. */
static int take(struct db_conn *conn, bool exact, struct arena *arena, struct perf_server *s,
                struct error *err)
{
    AUTO_RESULT struct db_result *tables = NULL, *columns = NULL, *keys = NULL, *indexes = NULL;
    const char *by_file = exact ? "true" : "false";
    TRY(db_query(conn, sql_perf_tables, DB_PARAMS(by_file, TEXT_OF(PERF_TABLES_MAX)), &tables,
                 err));
    char *oids = oids_of(tables, arena);
    TRY(db_query(conn, sql_perf_columns, DB_PARAMS(oids), &columns, err));
    TRY(db_query(conn, sql_perf_foreign_keys, DB_PARAMS(oids), &keys, err));
    TRY(db_query(conn, sql_perf_indexes, DB_PARAMS(oids, by_file, TEXT_OF(PERF_INDEXES_MAX)),
                 &indexes, err));
    s->ntables = db_result_rows(tables);
    s->tables = arena_array(arena, s->ntables + 1, sizeof *s->tables);
    for (size_t i = 0, column = 0, key = 0, end; i < s->ntables; i++) {
        fill_table(&s->tables[i], tables, i, arena);
        column = rows_of(columns, db_result_text(tables, i, 0), column, &end);
        fill_columns(&s->tables[i], columns, column, end, arena);
        key = rows_of(keys, db_result_text(tables, i, 0), key, &end);
        fill_foreign_keys(&s->tables[i], keys, key, end, arena);
    }
    s->nindexes = db_result_rows(indexes);
    s->indexes = arena_array(arena, s->nindexes + 1, sizeof *s->indexes);
    for (size_t i = 0; i < s->nindexes; i++)
        fill_index(&s->indexes[i], indexes, i, arena);
    return 0;
}

int server_take_tables(struct db_conn *conn, struct arena *arena, struct perf_study *study,
                       struct error *err)
{
    if (take(conn, true, arena, &study->server, err) == 0)
        return 0;
    if (strcmp(err->sqlstate, "55P03") != 0)
        return err->code;
    error_clear(err);
    TRY(take(conn, false, arena, &study->server, err));
    perf_study_lacks(study, arena, "exact sizes",
                     "a table was locked: sizes of tables and indexes are those of its last vacuum",
                     "有表被锁定：表和索引的大小取自最近一次 vacuum");
    return 0;
}
