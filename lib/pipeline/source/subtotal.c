#include "pipeline/source/subtotal.h"

#include "core/hashmap.h"
#include "core/log.h"
#include "core/message.h"
#include "pipeline/column.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define GROUPS_MAX   1000000
#define GROUPS_SHOWN 20

struct group {
    int64_t rows;
    uint64_t line; /* of what is stated last; 0: nothing is */
    struct decimal stated_rows;
    struct decimal sums[SUBTOTAL_SUMS_MAX], stated[SUBTOTAL_SUMS_MAX];
};
struct subtotals {
    const struct stream_context *ctx;
    const struct subtotal_spec *spec;
    struct pattern match;
    size_t by, nsums, sums[SUBTOTAL_SUMS_MAX]; /* columns */
    struct hashmap *groups;                    /* of struct group */
    char *last;                                /* value of the row above, or NULL */
};

int subtotals_new(const struct stream_context *ctx, const struct subtotal_spec *spec,
                  struct subtotals **ret, struct error *err)
{
    if (spec->match == NULL)
        return 0;
    struct subtotals *t = mem_alloc(sizeof *t);
    *t = (struct subtotals){.ctx = ctx, .spec = spec, .nsums = spec->sum.count};
    t->groups = hashmap_new();
    t->by = (size_t)stream_column(ctx->stream, spec->by);
    for (size_t i = 0; i < t->nsums; i++)
        t->sums[i] = (size_t)stream_column(ctx->stream, spec->sum.keys[i]);
    *ret = t;
    return pattern_compile(spec->match, &t->match, err);
}

static void forget(struct subtotals *t)
{
    for (size_t i = 0; i < hashmap_count(t->groups); i++)
        free(hashmap_at(t->groups, i, NULL));
    hashmap_free(t->groups);
    t->groups = hashmap_new();
    free(t->last);
    t->last = NULL;
}

void subtotals_free(struct subtotals *t)
{
    if (t == NULL)
        return;
    forget(t);
    hashmap_free(t->groups);
    pattern_release(&t->match);
    free(t);
}

bool subtotals_match(const struct subtotals *t, struct span first)
{
    return t != NULL && pattern_matches(&t->match, first);
}

static int group_of(struct subtotals *t, struct span value, struct group **ret, struct error *err)
{
    *ret = hashmap_get(t->groups, value.ptr, value.len);
    if (*ret != NULL)
        return 0;
    if (hashmap_count(t->groups) == GROUPS_MAX)
        return error_set(err, ERR_LIMIT, "subtotals: more than %d values of '%s'", GROUPS_MAX,
                         t->spec->by);
    *ret = mem_alloc(sizeof **ret);
    **ret = (struct group){.rows = 0};
    hashmap_put(t->groups, value.ptr, value.len, *ret);
    return 0;
}

static bool add(struct decimal *total, const struct decimal *value)
{
    struct decimal sum;
    if (!decimal_add(total, value, &sum))
        return false;
    *total = sum;
    return true;
}

/* The value of `by` in a cell; empty where it has none, or none that can be read. */
static struct span value_of(const struct subtotals *t, const struct cell *cell)
{
    struct span text = SPAN("");
    bool is_null = true;
    const char *fault = column_canonical(t->ctx->reader, t->by, cell, &text, &is_null);
    return fault == NULL && !is_null ? text : SPAN("");
}

/* ---- rows ------------------------------------------------------------------------------- */

int subtotals_add_row(struct subtotals *t, const struct source_row *row, struct error *err)
{
    struct group *g;
    struct span value = value_of(t, &row->cells[t->by]);
    TRY(group_of(t, value, &g, err));
    if (t->last == NULL || strlen(t->last) != value.len ||
        memcmp(t->last, value.ptr, value.len) != 0) {
        free(t->last);
        t->last = mem_strndup(value.ptr, value.len);
    }
    g->rows++;
    for (size_t i = 0; i < t->nsums; i++) {
        struct span text = SPAN("");
        struct decimal amount;
        bool is_null = true;
        if (column_clean(t->ctx->reader, t->sums[i], &row->cells[t->sums[i]], &text, &is_null) ==
                NULL &&
            !is_null && decimal_parse(text.ptr, text.len, &amount))
            (void)add(&g->sums[i], &amount);
    }
    return 0;
}

/* ---- what is stated --------------------------------------------------------------------- */

static int no_number(const char *file, uint64_t line, const char *name, struct span text,
                     struct error *err)
{
    return error_set(err, ERR_DATA, "%s:%" PRIu64 ": the subtotal of '%s' is not a number: '%.*s'",
                     file, line, name, (int)text.len, text.ptr);
}

/* Whose it is: what the pattern captures, else its own cell, else the value of the row above. */
static struct span stated_for(const struct subtotals *t, const struct subtotal_cells *cells)
{
    struct span text = span_trim(cells->value), captured;
    if (pattern_capture(&t->match, cells->first, &captured))
        text = span_trim(captured);
    else if (pattern_matches(&t->match, text) && t->spec->value == NULL)
        text = SPAN("");
    if (text.len == 0)
        return t->last != NULL ? span_of(t->last) : SPAN("");
    return value_of(t, &(struct cell){CELL_TEXT, text});
}

static bool read_count(struct span text, struct decimal *ret)
{
    char digits[DECIMAL_TEXT_MAX];
    size_t n = 0;
    text = span_trim(text);
    for (size_t i = 0; i < text.len && n < sizeof digits; i++)
        if (text.ptr[i] != ',')
            digits[n++] = text.ptr[i];
    return decimal_parse(digits, n, ret);
}

int subtotals_add_stated(struct subtotals *t, const char *file, const struct subtotal_cells *cells,
                         struct error *err)
{
    struct group *g;
    struct decimal figure;
    TRY(group_of(t, stated_for(t, cells), &g, err));
    g->line = cells->line;
    if (t->spec->rows != NULL) {
        if (!read_count(cells->rows, &figure) || !add(&g->stated_rows, &figure))
            return no_number(file, cells->line, t->spec->rows, cells->rows, err);
    }
    for (size_t i = 0; i < t->nsums; i++) {
        struct cell cell = {CELL_TEXT, cells->sums[i]};
        struct span text = SPAN("");
        bool is_null = true;
        if (column_clean(t->ctx->reader, t->sums[i], &cell, &text, &is_null) != NULL || is_null ||
            !decimal_parse(text.ptr, text.len, &figure) || !add(&g->stated[i], &figure))
            return no_number(file, cells->line, t->spec->sum.keys[i], cells->sums[i], err);
    }
    return 0;
}

/* ---- comparing -------------------------------------------------------------------------- */

static bool agrees(const struct subtotals *t, const struct group *g)
{
    struct decimal rows = decimal_from_int(g->rows, 0);
    bool same =
        g->line != 0 && (t->spec->rows == NULL || decimal_compare(&rows, &g->stated_rows) == 0);
    for (size_t i = 0; i < t->nsums && same; i++)
        same = decimal_compare(&g->sums[i], &g->stated[i]) == 0;
    return same;
}

/* "; store 'S001': amount 30.00 read, 30.01 stated in line 7 (-0.01)" */
static void tell(const struct subtotals *t, const char *value, const struct group *g,
                 struct strbuf *out)
{
    char read[DECIMAL_TEXT_MAX], stated[DECIMAL_TEXT_MAX], difference[DECIMAL_TEXT_MAX] = "";
    const char *comma = "";
    struct decimal d, rows = decimal_from_int(g->rows, 0);
    strbuf_addf(out, "%s%s '%s': ", out->len > 0 ? "; " : "", t->spec->by, value);
    if (g->line == 0) {
        strbuf_addf(out, message_text("%" PRId64 " rows read, no subtotal stated"), g->rows);
        return;
    }
    if (t->spec->rows != NULL && decimal_compare(&rows, &g->stated_rows) != 0) {
        decimal_print(&g->stated_rows, stated);
        strbuf_addf(out, message_text("%" PRId64 " rows read, %s stated in line %" PRIu64), g->rows,
                    stated, g->line);
        comma = ", ";
    }
    for (size_t i = 0; i < t->nsums; i++) {
        if (decimal_compare(&g->sums[i], &g->stated[i]) == 0)
            continue;
        decimal_print(&g->sums[i], read);
        decimal_print(&g->stated[i], stated);
        if (decimal_subtract(&g->sums[i], &g->stated[i], &d))
            decimal_print(&d, difference);
        strbuf_addf(out, message_text("%s%s %s read, %s stated in line %" PRIu64 " (%s)"), comma,
                    t->spec->sum.keys[i], read, stated, g->line, difference);
        comma = ", ";
    }
}

static size_t tell_all(const struct subtotals *t, struct strbuf *out)
{
    size_t differing = 0;
    for (size_t i = 0; i < hashmap_count(t->groups); i++) {
        const char *value;
        const struct group *g = hashmap_at(t->groups, i, &value);
        if (!agrees(t, g) && differing++ < GROUPS_SHOWN)
            tell(t, value, g, out);
    }
    if (differing > GROUPS_SHOWN)
        strbuf_addf(out, message_text("; and %zu more"), differing - GROUPS_SHOWN);
    return differing;
}

int subtotals_end(struct subtotals *t, const char *file, const char **ret_found, struct error *err)
{
    AUTO_STRBUF struct strbuf told = {0};
    strbuf_init(&told, 64 << 10);
    *ret_found = NULL;
    size_t differing = tell_all(t, &told);
    forget(t);
    if (differing == 0)
        return 0;
    const char *text = arena_printf(t->ctx->arena, "%s: %s", file, told.data);
    if (t->spec->on_fail == 1) {
        *ret_found = text;
        return 0;
    }
    error_set(err, ERR_CHECK, "the rows differ from the subtotals of their file: %s", text);
    return error_hint(err, "rows are missing or damaged; nothing of it was loaded");
}
