#include "pipeline/slice.h"

#include "core/datetime.h"
#include "format/jsonx.h"
#include "pipeline/state.h"

#include <stdlib.h>
#include <string.h>

#define CHILDREN_MAX 1000000
#define UNITS_MAX    1000000
#define US_PER_DAY   (INT64_C(86400) * 1000000)

struct child {
    const char *json;
    struct field_string_map items;
    struct bizday bizday;
    const char *fault; /* why it cannot be read, of isolated ones; or NULL */
    int fault_code;
};

struct unit {
    size_t child;
    int64_t from_us, to_us; /* a fixed window; from_us INT64_MIN: from the cursor on */
};

struct slices {
    struct run *run;
    struct stream_spec *stream;
    struct arena *arena, *unit_arena, *slice_arena;
    struct child *children;
    size_t nchildren, children_capacity;
    struct unit *units;
    size_t nunits, units_capacity;
    /* the unit under way */
    const struct unit *unit;
    int64_t at_us, end_us;
    const char *plain_start; /* of the only slice of a stream without windows */
    bool is_done;
};

static bool has_windows(const struct stream_spec *s)
{
    return s->incremental != NULL && s->incremental->window_ms > 0;
}

/* A window of times says nothing of a cursor that is a number, nor the other way round: such a
 * stream goes on from its cursor. */
static bool is_backfill(const struct slices *s)
{
    const struct incremental_spec *inc = s->stream->incremental;
    const struct run_options *o = s->run->options;
    const char *edge = o->from != NULL ? o->from : o->to;
    struct decimal n;
    return inc != NULL && edge != NULL && decimal_parse(edge, strlen(edge), &n) == inc->is_number;
}

static int64_t instant_of(const char *text, const struct bizday *b, bool by_business_day)
{
    struct datetime t;
    int64_t start_us, end_us;
    if (!datetime_parse_iso(text, strlen(text), &t))
        return INT64_MIN;
    if (t.has_zone)
        return t.us;
    if (t.has_time || !by_business_day)
        return zone_local_to_utc(b->zone, t.us);
    bizday_range(b, (int32_t)(t.us / US_PER_DAY), &start_us, &end_us);
    return start_us;
}

/* ---- children --------------------------------------------------------------------------- */

static const struct stream_spec *parent_of(const struct slices *s)
{
    const struct pipeline *p = s->run->pipeline;
    for (size_t i = 0; i < p->streams.count; i++)
        if (strcmp(p->streams.names[i], s->stream->for_each->stream) == 0)
            return (const struct stream_spec *)p->streams.items + i;
    return NULL;
}

static void add_output(struct strbuf *sql, const char *column, const char *as)
{
    strbuf_adds(sql, sql->len > 0 && sql->data[sql->len - 1] != ' ' ? ", p." : "p.");
    db_quote_identifier(sql, column);
    strbuf_adds(sql, "::text as ");
    db_quote_identifier(sql, as);
}

/* select distinct p."shop_id"::text as "shop_id", ... from PARENT p order by 1, 2 */
static int children_sql(const struct slices *s, const struct stream_context *ctx,
                        struct bound_sql *ret, struct error *err)
{
    const struct for_each_spec *each = s->stream->for_each;
    AUTO_STRBUF struct strbuf sql = {0};
    *ret = (struct bound_sql){0};
    strbuf_init(&sql, 1 << 20);
    strbuf_adds(&sql, "select distinct ");
    for (size_t i = 0; i < each->bind.count; i++)
        add_output(&sql, each->bind.values[i], each->bind.keys[i]);
    if (each->timezone != NULL)
        add_output(&sql, each->timezone, "_timezone");
    if (each->business_day != NULL)
        add_output(&sql, each->business_day, "_business_day");
    strbuf_adds(&sql, " from ");
    if (each->query != NULL) {
        const char *text;
        TRY(pipeline_sql(s->run->pipeline, s->stream->source_node, each->query, &text, err));
        TRY(stream_sql(ctx, text, ret, err));
        strbuf_addf(&sql, "(%s\n)", ret->sql);
    } else {
        const struct stream_spec *parent = parent_of(s);
        db_quote_qualified(&sql, ynode_text(parent->target_node, "schema", "public"),
                           ynode_text(parent->target_node, "table", parent->name));
    }
    strbuf_adds(&sql, " p order by ");
    for (size_t i = 0; i < each->bind.count; i++)
        strbuf_addf(&sql, "%s%zu", i > 0 ? ", " : "", i + 1);
    ret->sql = arena_strdup(s->arena, sql.data);
    return 0;
}

static const char *child_json(struct arena *arena, const struct field_string_map *items)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct jwriter w;
    strbuf_init(&out, 1 << 20);
    jwriter_init(&w, &out);
    jwriter_object(&w);
    for (size_t i = 0; i < items->count; i++)
        jwriter_kstring(&w, items->keys[i], items->values[i]);
    jwriter_end(&w);
    return arena_strdup(arena, out.data);
}

struct child_query {
    struct slices *s;
    const struct bizday *otherwise;
};

static int child_bizday(const struct child_query *q, const struct db_result *row, struct bizday *b,
                        struct error *err)
{
    const struct for_each_spec *each = q->s->stream->for_each;
    size_t at = each->bind.count;
    const char *zone = each->timezone != NULL ? db_result_text(row, 0, at++) : NULL;
    const char *day = each->business_day != NULL ? db_result_text(row, 0, at) : NULL;
    *b = *q->otherwise;
    if (zone != NULL)
        TRY(zone_load(zone, &b->zone, err));
    if (day != NULL)
        TRY(time_of_day_parse(day, &b->cutoff_s, err));
    return 0;
}

/* None may be null; those that are become empty. */
static int child_values(const struct field_string_map *bind, const char **values, struct error *err)
{
    int code = 0;
    for (size_t i = 0; i < bind->count; i++) {
        if (values[i] != NULL)
            continue;
        values[i] = "";
        code =
            error_set(err, ERR_DATA, "a row of the parent has no value in '%s'", bind->values[i]);
    }
    return code;
}

static int add_child(void *self, const struct db_result *row, struct error *err)
{
    const struct child_query *q = self;
    struct slices *s = q->s;
    const struct field_string_map *bind = &s->stream->for_each->bind;
    if (s->nchildren == CHILDREN_MAX)
        return error_set(err, ERR_LIMIT, "for_each gives more than %d children", CHILDREN_MAX);
    s->children =
        mem_grow(s->children, &s->children_capacity, s->nchildren + 1, sizeof *s->children);
    struct child *c = &s->children[s->nchildren];
    *c = (struct child){.items = {.keys = bind->keys,
                                  .values = arena_array(s->arena, bind->count, sizeof(char *)),
                                  .count = bind->count}};
    for (size_t i = 0; i < bind->count; i++)
        c->items.values[i] = arena_strdup(s->arena, db_result_text(row, 0, i));
    c->json = child_json(s->arena, &c->items);
    s->nchildren++;
    int code = child_values(bind, c->items.values, err);
    if (code == 0)
        code = child_bizday(q, row, &c->bizday, err);
    if (code == 0)
        return 0;
    if (!s->stream->for_each->isolate)
        return error_context(err, "child %s", c->json);
    c->fault_code = code;
    c->fault = arena_strdup(s->arena, err->message);
    c->bizday = *q->otherwise;
    error_clear(err);
    return 0;
}

static struct stream_context context_of(const struct slices *s, struct arena *arena)
{
    return (struct stream_context){.pipeline = s->run->pipeline,
                                   .stream = s->stream,
                                   .config = s->run->options->config,
                                   .arena = arena,
                                   .db = s->run->db,
                                   .run_id = s->run->run_id};
}

static int load_children(struct slices *s, const struct bizday *otherwise, struct error *err)
{
    struct child_query q = {s, otherwise};
    struct stream_context ctx = context_of(s, s->arena);
    struct bound_sql sql;
    if (children_sql(s, &ctx, &sql, err) != 0 ||
        db_query_each(s->run->db, sql.sql, sql.params, sql.nparams, add_child, &q, err) != 0) {
        const char *parent = s->stream->for_each->stream;
        if (parent == NULL)
            stream_blame_sql(err);
        else if (strcmp(err->sqlstate, "42P01") == 0 || strcmp(err->sqlstate, "3F000") == 0)
            error_hint(err,
                       "'%s' was never loaded, and a dry run loads nothing: run it first, or "
                       "look with 'diner pipeline plan'",
                       parent);
        return error_context(err, "stream '%s': for_each", s->stream->name);
    }
    for (size_t i = 1; i < s->nchildren; i++)
        if (strcmp(s->children[i].json, s->children[i - 1].json) == 0)
            return error_set(err, ERR_DATA,
                             "stream '%s': for_each: child %s has two time zones or business days",
                             s->stream->name, s->children[i].json);
    return 0;
}

/* ---- units ------------------------------------------------------------------------------ */

static void add_unit(struct slices *s, size_t child, int64_t from_us, int64_t to_us)
{
    s->units = mem_grow(s->units, &s->units_capacity, s->nunits + 1, sizeof *s->units);
    s->units[s->nunits++] = (struct unit){child, from_us, to_us};
}

/* An edge given as a business day is where that day begins for the child. */
static int64_t edge_of(const char *text, const int32_t *day, const struct bizday *b)
{
    int64_t start_us, end_us;
    if (day == NULL)
        return instant_of(text, b, true);
    bizday_range(b, *day, &start_us, &end_us);
    return start_us;
}

static int64_t upper_bound(const struct slices *s, const struct bizday *b)
{
    const struct run_options *o = s->run->options;
    int64_t to_us = o->to != NULL && is_backfill(s) ? edge_of(o->to, o->to_day, b) : INT64_MAX;
    return to_us < s->run->started_us ? to_us : s->run->started_us;
}

/* Where the window that holds `us` begins, and where it ends. */
static void window_around(const struct slices *s, const struct bizday *b, int64_t *us,
                          int64_t *ret_end_us)
{
    const struct incremental_spec *inc = s->stream->incremental;
    int64_t unused;
    if (!inc->has_business_day) {
        *ret_end_us = *us + inc->window_ms * 1000;
        return;
    }
    int32_t day = bizday_of(b, *us);
    bizday_range(b, day, us, &unused);
    bizday_range(b, day + (int32_t)(inc->window_ms * 1000 / US_PER_DAY) - 1, &unused, ret_end_us);
}

static int add_windows(struct slices *s, size_t child, struct error *err)
{
    const struct bizday *b = &s->children[child].bizday;
    const struct run_options *o = s->run->options;
    int64_t at = o->from != NULL ? edge_of(o->from, o->from_day, b)
                                 : instant_of(s->stream->incremental->start, b, true);
    int64_t end = upper_bound(s, b), next;
    for (; at < end; at = next) {
        window_around(s, b, &at, &next);
        if (s->nunits == UNITS_MAX)
            return error_set(err, ERR_LIMIT, "more than %d windows; use a longer one", UNITS_MAX);
        add_unit(s, child, at, next < end ? next : end);
    }
    return 0;
}

int slices_open(struct run *run, struct stream_spec *stream, struct slices **ret, struct error *err)
{
    struct slices *s = mem_alloc(sizeof *s);
    const struct incremental_spec *inc = stream->incremental;
    struct bizday b = run->pipeline->bizday;
    *s = (struct slices){.run = run,
                         .stream = stream,
                         .arena = arena_new(),
                         .unit_arena = arena_new(),
                         .slice_arena = arena_new()};
    if (inc != NULL && inc->zone != NULL)
        b.zone = inc->zone;
    if (inc != NULL && inc->has_business_day)
        b.cutoff_s = inc->business_day_s;
    int code = 0;
    if (stream->for_each != NULL) {
        code = load_children(s, &b, err);
    } else {
        s->children = mem_grow(NULL, &s->children_capacity, 1, sizeof *s->children);
        s->children[s->nchildren++] = (struct child){.json = "", .bizday = b};
    }
    for (size_t i = 0; i < s->nchildren && code == 0; i++) {
        if (is_backfill(s) && has_windows(stream))
            code = add_windows(s, i, err);
        else
            add_unit(s, i, INT64_MIN, INT64_MIN);
    }
    if (code != 0) {
        slices_close(s);
        return code;
    }
    *ret = s;
    return 0;
}

void slices_close(struct slices *s)
{
    if (s == NULL)
        return;
    free(s->children);
    free(s->units);
    arena_free(s->slice_arena);
    arena_free(s->unit_arena);
    arena_free(s->arena);
    free(s);
}

size_t slices_units(const struct slices *s)
{
    return s->nunits;
}

const char *slices_child(const struct slices *s, size_t unit)
{
    return s->children[s->units[unit].child].json;
}

void slices_window(const struct slices *s, size_t unit, char ret[DATETIME_ISO_MAX])
{
    ret[0] = '\0';
    if (s->units[unit].from_us != INT64_MIN)
        datetime_print(s->units[unit].from_us, NULL, ret);
}

/* By what the unit is, not by its place: a child that appears moves no other to another shard. */
bool slices_is_mine(const struct slices *s, size_t unit)
{
    const struct run_options *o = s->run->options;
    uint64_t hash = UINT64_C(14695981039346656037);
    int64_t window = s->units[unit].from_us;
    if (o->shard_count <= 1 || run_shares(s->run, s->stream))
        return true;
    if (s->stream->for_each == NULL && window == INT64_MIN)
        return o->shard_index == 0;
    for (const char *c = slices_child(s, unit); *c != '\0'; c++)
        hash = (hash ^ (unsigned char)*c) * UINT64_C(1099511628211);
    for (int i = 0; i < 8 && window != INT64_MIN; i++)
        hash = (hash ^ ((uint64_t)window >> (8 * i) & 0xff)) * UINT64_C(1099511628211);
    hash ^= hash >> 32;
    return hash % (uint64_t)o->shard_count == (uint64_t)o->shard_index;
}

/* Two windows that change the versions of one key at once would each see the other's half. */
bool slices_are_ordered(const struct slices *s)
{
    return s->stream->mode == MODE_SCD2 && is_backfill(s) && has_windows(s->stream);
}

/* ---- the slices of a unit --------------------------------------------------------------- */

/* The stored cursor less the lag, in the form of the cursor: a day is a day, and a time without a
 * zone stays one. Of a day even ten minutes lead into the one before, whose rows may be as late. */
static int less_lag(const struct slices *s, const char *cursor, const char **ret, struct error *err)
{
    const struct incremental_spec *inc = s->stream->incremental;
    char *text = arena_alloc(s->unit_arena, DATETIME_ISO_MAX + DECIMAL_TEXT_MAX);
    struct datetime t;
    struct decimal n;
    *ret = cursor;
    if (inc->is_number) {
        if (!decimal_parse(cursor, strlen(cursor), &n) ||
            !decimal_subtract(&n, &inc->lag_back, &n)) {
            error_set(err, ERR_SPEC, "stream '%s': its cursor is a number, stored is '%s'",
                      s->stream->name, cursor);
            return error_hint(err, "'diner state set' gives it another one");
        }
        decimal_print(&n, text);
        *ret = text;
    } else if (datetime_parse_iso(cursor, strlen(cursor), &t)) {
        int64_t us = t.us - inc->lag_ms * 1000;
        datetime_print(us, NULL, text);
        if (!t.has_time && !t.has_zone)
            date_print((int32_t)(us / US_PER_DAY - (us % US_PER_DAY < 0)), text);
        else if (!t.has_zone)
            text[strlen(text) - 1] = '\0'; /* the Z */
        *ret = text;
    }
    return 0;
}

/* >= cursor - lag, and an upper bound fixed before anything is read. */
static int find_start(struct slices *s, const char **ret, struct error *err)
{
    const struct incremental_spec *inc = s->stream->incremental;
    const struct run_options *o = s->run->options;
    struct stream_context ctx = context_of(s, s->unit_arena);
    const char *cursor = NULL;
    *ret = o->from;
    if (inc == NULL)
        return 0;
    if (is_backfill(s)) {
        *ret = o->from != NULL ? o->from : inc->start;
        return 0;
    }
    ctx.child = s->children[s->unit->child].json;
    if (!o->full_refresh && s->run->db != NULL)
        TRY(state_get(&ctx, "cursor", &cursor, err));
    *ret = inc->start;
    return cursor != NULL ? less_lag(s, cursor, ret, err) : 0;
}

int slices_begin(struct slices *s, size_t unit, struct error *err)
{
    arena_clear(s->unit_arena);
    s->unit = &s->units[unit];
    s->is_done = false;
    const struct child *c = &s->children[s->unit->child];
    const struct bizday *b = &c->bizday;
    if (c->fault != NULL)
        return error_set(err, (enum error_code)c->fault_code, "child %s: %s", c->json, c->fault);
    s->end_us = upper_bound(s, b);
    if (s->unit->from_us != INT64_MIN) {
        s->at_us = s->unit->from_us;
        s->end_us = s->unit->to_us;
        return 0;
    }
    TRY(find_start(s, &s->plain_start, err));
    if (has_windows(s->stream))
        s->at_us = instant_of(s->plain_start, b, true);
    return 0;
}

static const char *print_us(struct slices *s, int64_t us)
{
    char *text = arena_alloc(s->slice_arena, DATETIME_ISO_MAX);
    datetime_print(us, NULL, text);
    return text;
}

static void set_window(struct slices *s, struct slice *ret)
{
    const struct incremental_spec *inc = s->stream->incremental;
    const struct bizday *b = &s->children[s->unit->child].bizday;
    int64_t next;
    window_around(s, b, &s->at_us, &next);
    if (next > s->end_us)
        next = s->end_us;
    ret->window_start = print_us(s, s->at_us);
    ret->window_end = print_us(s, next);
    if (inc->has_business_day && inc->window_ms * 1000 == US_PER_DAY) {
        char *day = arena_alloc(s->slice_arena, 11);
        date_print(bizday_of(b, s->at_us), day);
        ret->window_day = day;
    }
    ret->cursor_after = ret->is_backfill ? NULL : ret->window_end;
    s->at_us = next;
}

int slices_next(struct slices *s, struct slice *ret, bool *ret_end, struct error *err)
{
    const struct child *c = &s->children[s->unit->child];
    bool windows = has_windows(s->stream);
    (void)err;
    arena_clear(s->slice_arena);
    *ret_end = windows ? s->at_us >= s->end_us : s->is_done;
    if (*ret_end)
        return 0;
    s->is_done = true;
    *ret = (struct slice){.child = c->json,
                          .items = c->items,
                          .days = c->bizday,
                          .is_backfill = is_backfill(s),
                          .is_part = windows || s->stream->for_each != NULL};
    if (windows) {
        set_window(s, ret);
        ret->is_last = s->at_us >= s->end_us;
        return 0;
    }
    ret->is_last = true;
    ret->window_start = s->plain_start;
    ret->window_end =
        s->run->options->to != NULL && (s->stream->incremental == NULL || is_backfill(s))
            ? s->run->options->to
            : print_us(s, s->run->started_us);
    return 0;
}
