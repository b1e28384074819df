/* The statement of a PostgreSQL source: its table or query, bounded by the window, cut into parts.
 */
#include "pipeline/source/postgres.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SQL_MAX_BYTES ((size_t)4 << 20)

/* Pages of a part: enough rows to be worth a statement, few enough to wait in memory. */
#define PART_PAGES_MIN    64
#define PART_PAGES_MAX    1024
#define PARTS_PER_READER  8
#define TID_RANGE_VERSION 140000 /* before, a condition on ctid ranges reads the whole table */

static const struct postgres_source_spec *spec_of(const struct stream_context *ctx)
{
    return ctx->stream->source_spec;
}

bool postgres_source_is_local(const struct stream_context *ctx)
{
    return ctx->control_connection != NULL &&
           strcmp(spec_of(ctx)->connection, ctx->control_connection) == 0;
}

static void add_table(const struct stream_context *ctx, struct strbuf *sql)
{
    const char *table = spec_of(ctx)->table, *dot = strchr(table, '.');
    if (dot == NULL)
        db_quote_identifier(sql, table);
    else
        db_quote_qualified(sql, arena_strndup(ctx->arena, table, (size_t)(dot - table)), dot + 1);
}

/* The query as it is written. */
static int own_query(const struct stream_context *ctx, const char **ret, struct error *err)
{
    return pipeline_sql(ctx->pipeline, ynode_get(ctx->stream->source_node, "query"),
                        spec_of(ctx)->query, ret, err);
}

static int add_from(const struct stream_context *ctx, struct strbuf *sql, struct error *err)
{
    const char *query;
    if (spec_of(ctx)->table != NULL) {
        add_table(ctx, sql);
        return 0;
    }
    TRY(own_query(ctx, &query, err));
    strbuf_addf(sql, "(%s\n) as diner_source", query);
    return 0;
}

/* ---- the window ------------------------------------------------------------------------- */

/* A query that names the window has its own idea of it. */
static int needs_window(const struct stream_context *ctx, bool *ret, struct error *err)
{
    const char *query;
    *ret = ctx->stream->incremental != NULL && ctx->window_start != NULL;
    if (!*ret || spec_of(ctx)->query == NULL)
        return 0;
    TRY(own_query(ctx, &query, err));
    *ret = strstr(query, "${window.") == NULL;
    return 0;
}

/* "timestamp with time zone" and so on, without reading a row. */
static int type_of_column(const struct stream_context *ctx, struct db_conn *conn,
                          const char *column, const char **ret, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    AUTOFREE char *text = NULL;
    struct bound_sql bound;
    strbuf_init(&sql, SQL_MAX_BYTES);
    strbuf_adds(&sql, "select pg_typeof(c)::text from (select 1) as one left join (select ");
    db_quote_identifier(&sql, column);
    strbuf_adds(&sql, " as c from ");
    TRY(add_from(ctx, &sql, err));
    strbuf_adds(&sql, " limit 0) as none on true");
    TRY(stream_sql(ctx, sql.data, &bound, err));
    TRY(db_query_text(conn, bound.sql, bound.params, bound.nparams, &text, err));
    *ret = arena_strdup(ctx->arena, text);
    return 0;
}

#define HOUR_US (INT64_C(3600) * 1000000)

/* Whether the file says in which zone a cursor without one counts. */
static bool zone_is_stated(const struct stream_context *ctx, const struct column_spec *c)
{
    const struct stream_spec *s = ctx->stream;
    return (c != NULL && c->zone != NULL) || s->incremental->zone != NULL ||
           (s->for_each != NULL && s->for_each->timezone != NULL);
}

/* Local times that rows of the window may have. Clocks that are set back near an edge make earlier
 * ones of later instants; without a zone they are those of any zone on earth, -12 h to +14 h. So
 * more is read than the window has, and found unchanged. */
static void local_edges(const struct zone *zone, const int64_t us[2], int64_t ret_local[2])
{
    static const int64_t near_us = 3 * HOUR_US;
    if (zone == NULL) {
        ret_local[0] = us[0] - 12 * HOUR_US;
        ret_local[1] = us[1] + 14 * HOUR_US;
        return;
    }
    int64_t start = zone_utc_to_local(zone, us[0]), end = zone_utc_to_local(zone, us[1]);
    int64_t after = zone_utc_to_local(zone, us[0] + near_us) - near_us;
    int64_t before = zone_utc_to_local(zone, us[1] - near_us) + near_us;
    ret_local[0] = after < start ? after : start;
    ret_local[1] = before > end ? before : end;
}

/* "c >= '...'::timestamp and c < '...'::timestamp" of a column without a zone. What is replaced
 * by its window is told by the window's own zone, as the target tells it; so are days, of a zone
 * that is stated, and from a stored cursor on it is the cursor that tells. is_open: the stored
 * cursor is a time without a zone, so what is read from it has no end but that of the table. */
static int add_local_window(const struct stream_context *ctx, const struct column_spec *c,
                            bool is_date, bool is_open, const char *name, struct strbuf *where,
                            struct error *err)
{
    const struct bizday days = stream_days(ctx);
    const struct zone *zone = c != NULL && c->zone != NULL ? c->zone : days.zone;
    bool is_replaced = ctx->stream->mode == MODE_DELETE_INSERT, is_stated = zone_is_stated(ctx, c);
    struct stream_edges edges;
    char text[2][DATETIME_ISO_MAX];
    int64_t local[2];
    TRY(stream_window(ctx, is_date ? DB_DATE : DB_TIMESTAMP, zone, &edges, err));
    if (is_replaced || (is_date && is_stated) || (is_open && edges.start_is_local)) {
        strbuf_addf(where, "%s >= '%s'::%s", name, edges.text[0], edges.type);
        if (is_replaced || !is_open)
            strbuf_addf(where, " and %s < '%s'::%s", name, edges.text[1], edges.type);
        return 0;
    }
    local_edges(is_stated ? zone : NULL, edges.us, local);
    if (is_date) /* a business day may be the one before its date */
        local[0] -= 24 * HOUR_US;
    datetime_print(local[0], NULL, text[0]);
    datetime_print(local[1], NULL, text[1]);
    const char *type = is_date ? "timestamp::date" : "timestamp";
    strbuf_addf(where, "%s >= '%s'::%s", name, text[0], type);
    if (!is_open)
        strbuf_addf(where, " and %s %s '%s'::%s", name, is_date ? "<=" : "<", text[1], type);
    return 0;
}

static int add_instant_window(const struct stream_context *ctx, const struct column_spec *c,
                              const char *name, struct strbuf *where, struct error *err)
{
    struct stream_edges edges;
    TRY(stream_window(ctx, DB_TIMESTAMPTZ, c != NULL ? c->zone : NULL, &edges, err));
    strbuf_addf(where, "%s >= '%s'::timestamptz and %s < '%s'::timestamptz", name, edges.text[0],
                name, edges.text[1]);
    return 0;
}

/* What a number is compared as: whole ones as bigint, which their indexes know. NULL: it is none.
 */
static const char *number_type(const char *type)
{
    static const char *const types[][2] = {{"smallint", "bigint"},
                                           {"integer", "bigint"},
                                           {"bigint", "bigint"},
                                           {"numeric", "numeric"},
                                           {"double precision", "double precision"}};
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(type, types[i][0]) == 0)
            return types[i][1];
    return NULL;
}

/* "c >= start", then the end, where --to says one: else it is the snapshot's. */
static void add_number_window(const struct stream_context *ctx, const char *type, const char *name,
                              struct strbuf *where)
{
    const char *round = strcmp(type, "bigint") == 0 ? "ceil" : "";
    struct decimal end;
    strbuf_addf(where, "%s >= %s(${window.start}::numeric)::%s", name, round, type);
    if (ctx->window_end != NULL && decimal_parse(ctx->window_end, strlen(ctx->window_end), &end))
        strbuf_addf(where, " and %s < %s(${window.end}::numeric)::%s", name, round, type);
}

/* From the window's start, >=, to its end; rows without a value come along where the cursor is what
 * decides, for no later run would find them. */
static int add_window(const struct stream_context *ctx, struct db_conn *conn, struct strbuf *where,
                      struct error *err)
{
    const struct incremental_spec *inc = ctx->stream->incremental;
    AUTO_STRBUF struct strbuf name = {0};
    const char *type, *cursor = inc->cursor;
    int at = ctx->stream->columns_node != NULL ? stream_column(ctx->stream, cursor) : -1;
    const struct column_spec *column = at >= 0 ? &ctx->stream->columns[at] : NULL;
    bool is_plain = inc->window_ms == 0 && !inc->has_business_day && !ctx->backfill;
    if (column != NULL)
        cursor = column->from;
    strbuf_init(&name, 4096);
    db_quote_identifier(&name, cursor);
    TRY(type_of_column(ctx, conn, cursor, &type, err));
    bool is_instant = strcmp(type, "timestamp with time zone") == 0;
    bool is_date = strcmp(type, "date") == 0;
    const char *number = number_type(type);
    if (number != NULL && !inc->is_number)
        return ynode_error(ynode_get(ctx->stream->node, "incremental"), err,
                           "the cursor '%s' is a number, so 'start' must be one", cursor);
    if (inc->is_number
            ? number == NULL
            : !is_instant && !is_date && strcmp(type, "timestamp without time zone") != 0)
        return 0; /* all rows are read, and found unchanged */
    strbuf_addch(where, '(');
    if (number != NULL)
        add_number_window(ctx, number, name.data, where);
    else if (is_instant)
        TRY(add_instant_window(ctx, column, name.data, where, err));
    else
        TRY(add_local_window(ctx, column, is_date, is_plain, name.data, where, err));
    if (is_plain)
        strbuf_addf(where, " or %s is null", name.data);
    strbuf_addch(where, ')');
    return 0;
}

/* ---- statements ------------------------------------------------------------------------- */

static int statement(const struct stream_context *ctx, struct db_conn *conn, const char *condition,
                     struct bound_sql *ret, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    AUTO_STRBUF struct strbuf where = {0};
    bool is_bounded;
    strbuf_init(&sql, SQL_MAX_BYTES);
    strbuf_init(&where, SQL_MAX_BYTES);
    TRY(needs_window(ctx, &is_bounded, err));
    if (is_bounded)
        TRY(add_window(ctx, conn, &where, err));
    if (condition != NULL)
        strbuf_addf(&where, "%s(%s)", where.len > 0 ? " and " : "", condition);
    if (spec_of(ctx)->query != NULL && where.len == 0) {
        const char *query;
        TRY(own_query(ctx, &query, err));
        return stream_sql(ctx, query, ret, err);
    }
    strbuf_adds(&sql, "select * from ");
    TRY(add_from(ctx, &sql, err));
    if (where.len > 0)
        strbuf_addf(&sql, " where %s", where.data);
    return stream_sql(ctx, sql.data, ret, err);
}

int postgres_source_sql(const struct stream_context *ctx, struct db_conn *conn,
                        struct bound_sql *ret, struct error *err)
{
    return statement(ctx, conn, NULL, ret, err);
}

int postgres_source_part(const struct stream_context *ctx, struct db_conn *conn,
                         const char *condition, struct bound_sql *ret, struct error *err)
{
    return statement(ctx, conn, condition, ret, err);
}

/* ---- parts ------------------------------------------------------------------------------ */

static void one_part(const struct stream_context *ctx, const char *const **ret, size_t *ret_count)
{
    *ret = arena_array(ctx->arena, 1, sizeof(char *));
    *ret_count = 1;
}

/* SQL for the i-th of n bounds between lo and hi, by type; NULL: it cannot be divided. */
static const char *bound_expression(const char *type)
{
    if (strcmp(type, "smallint") == 0 || strcmp(type, "integer") == 0 ||
        strcmp(type, "bigint") == 0)
        return "(lo::numeric + trunc((hi::numeric - lo) * i / n))::int8";
    if (strcmp(type, "date") == 0)
        return "lo + ((hi - lo)::int8 * i / n)::int";
    if (strncmp(type, "timestamp", strlen("timestamp")) == 0)
        return "lo + (hi - lo) * (i::float8 / n)";
    return NULL;
}

static int ask_bounds(const struct stream_context *ctx, struct db_conn *conn, const char *type,
                      size_t parts, struct db_result **ret, struct error *err)
{
    AUTO_STRBUF struct strbuf sql = {0};
    struct bound_sql bound;
    strbuf_init(&sql, SQL_MAX_BYTES);
    strbuf_addf(&sql,
                "select distinct quote_literal(%s), %s from (select min(c) as lo, max(c) as "
                "hi, %zu as n from (select ",
                bound_expression(type), bound_expression(type), parts);
    db_quote_identifier(&sql, spec_of(ctx)->split);
    strbuf_adds(&sql, " as c from ");
    TRY(add_from(ctx, &sql, err));
    strbuf_addf(&sql, ") as v) as r, generate_series(1, %zu) as i where lo is not null order by 2",
                parts - 1);
    TRY(stream_sql(ctx, sql.data, &bound, err));
    return db_query(conn, bound.sql, bound.params, bound.nparams, ret, err);
}

/* Ranges of equal width between the least and the largest value; null is with the first. */
static int split_by_key(const struct stream_context *ctx, struct db_conn *conn, size_t parts,
                        const char *const **ret, size_t *ret_count, struct error *err)
{
    AUTO_RESULT struct db_result *bounds = NULL;
    AUTO_STRBUF struct strbuf name = {0};
    const char *type;
    TRY(type_of_column(ctx, conn, spec_of(ctx)->split, &type, err));
    if (bound_expression(type) == NULL)
        return error_set(err, ERR_SPEC, "split: '%s' is %s, not an integer, date or time",
                         spec_of(ctx)->split, type);
    TRY(ask_bounds(ctx, conn, type, parts, &bounds, err));
    size_t n = db_result_rows(bounds) + 1;
    const char **conditions = arena_array(ctx->arena, n, sizeof *conditions);
    strbuf_init(&name, 4096);
    db_quote_identifier(&name, spec_of(ctx)->split);
    for (size_t i = 0; i < n && n > 1; i++) {
        const char *from = i > 0 ? db_result_text(bounds, i - 1, 0) : NULL;
        const char *to = i + 1 < n ? db_result_text(bounds, i, 0) : NULL;
        conditions[i] = from == NULL ? arena_printf(ctx->arena, "%s < %s::%s or %s is null",
                                                    name.data, to, type, name.data)
                        : to == NULL
                            ? arena_printf(ctx->arena, "%s >= %s::%s", name.data, from, type)
                            : arena_printf(ctx->arena, "%s >= %s::%s and %s < %s::%s", name.data,
                                           from, type, name.data, to, type);
    }
    *ret = conditions;
    *ret_count = n;
    return 0;
}

/* Pages of the table; 0 for what has none of its own: a view, a partitioned table. */
static int ask_pages(const struct stream_context *ctx, struct db_conn *conn, int64_t *ret,
                     struct error *err)
{
    AUTO_STRBUF struct strbuf name = {0};
    strbuf_init(&name, 4096);
    add_table(ctx, &name);
    return db_query_int(conn,
                        "select case when relkind in ('r', 'm') then pg_relation_size(oid) / "
                        "current_setting('block_size')::int8 else 0 end from pg_class "
                        "where oid = $1::regclass",
                        DB_PARAMS(name.data), ret, err);
}

/* The size is asked within the snapshot, so nothing that it sees lies behind; the last part is open
 * all the same. */
static int split_by_pages(const struct stream_context *ctx, struct db_conn *conn, size_t readers,
                          const char *const **ret, size_t *ret_count, struct error *err)
{
    int64_t pages;
    TRY(ask_pages(ctx, conn, &pages, err));
    int64_t each = pages / (int64_t)(readers * PARTS_PER_READER);
    each = each < PART_PAGES_MIN ? PART_PAGES_MIN : each > PART_PAGES_MAX ? PART_PAGES_MAX : each;
    size_t n = (size_t)(pages / each) + (pages % each != 0);
    if (n <= 1)
        return 0;
    const char **conditions = arena_array(ctx->arena, n, sizeof *conditions);
    for (size_t i = 0; i < n; i++)
        conditions[i] =
            i + 1 < n
                ? arena_printf(ctx->arena,
                               "ctid >= '(%" PRId64 ",0)'::tid and ctid < '(%" PRId64 ",0)'::tid",
                               (int64_t)i * each, (int64_t)(i + 1) * each)
                : arena_printf(ctx->arena, "ctid >= '(%" PRId64 ",0)'::tid", (int64_t)i * each);
    *ret = conditions;
    *ret_count = n;
    return 0;
}

int postgres_source_split(const struct stream_context *ctx, struct db_conn *conn, size_t readers,
                          const char *const **ret_conditions, size_t *ret_count, struct error *err)
{
    const struct postgres_source_spec *spec = spec_of(ctx);
    one_part(ctx, ret_conditions, ret_count);
    if (readers < 2)
        return 0;
    if (spec->split != NULL)
        return split_by_key(ctx, conn, readers * PARTS_PER_READER, ret_conditions, ret_count, err);
    if (spec->table == NULL || db_server_version(conn) < TID_RANGE_VERSION)
        return 0;
    return split_by_pages(ctx, conn, readers, ret_conditions, ret_count, err);
}
