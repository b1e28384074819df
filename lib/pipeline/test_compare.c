/* What a test expects against what was found, told column by column. */
#include "core/datetime.h"
#include "format/encoding.h"
#include "format/jsonx.h"
#include "pipeline/test_private.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define SHOWN_MAX ((size_t)200)

void test_problem(struct test_found *f, const char *format, ...)
{
    AUTO_STRBUF struct strbuf text = {0};
    va_list args;
    if (f->nproblems == TEST_PROBLEMS_MAX) {
        f->problems[f->nproblems++] = "and more";
        return;
    }
    if (f->nproblems > TEST_PROBLEMS_MAX)
        return;
    strbuf_init(&text, 1 << 16);
    va_start(args, format);
    strbuf_addv(&text, format, args);
    va_end(args);
    f->problems[f->nproblems++] = arena_strdup(f->arena, text.data);
}

/* ---- values ----------------------------------------------------------------------------- */

static bool json_equal(const struct jsonx *a, const struct jsonx *b)
{
    int64_t x, y;
    double u, v;
    if (jsonx_integer(a, &x) && jsonx_integer(b, &y))
        return x == y;
    if (jsonx_real(a, &u) && jsonx_real(b, &v))
        return u == v;
    if (jsonx_kind_of(a) != jsonx_kind_of(b) || jsonx_count(a) != jsonx_count(b))
        return false;
    for (size_t i = 0; i < jsonx_count(a); i++) {
        bool is_object = jsonx_kind_of(a) == JSONX_OBJECT;
        const struct jsonx *other = is_object ? jsonx_get(b, jsonx_key(a, i)) : jsonx_at(b, i);
        if (!json_equal(is_object ? jsonx_value(a, i) : jsonx_at(a, i), other))
            return false;
    }
    const char *s = jsonx_text(a), *t = jsonx_text(b);
    if (jsonx_kind_of(a) == JSONX_BOOL)
        return jsonx_is_true(a) == jsonx_is_true(b);
    return s == NULL || strcmp(s, t) == 0;
}

static bool json_text_equal(const char *a, const char *b)
{
    struct jsonx *x = NULL, *y = NULL;
    struct error ignored = ERROR_INIT;
    bool equal = jsonx_parse(a, strlen(a), "a", &x, &ignored) == 0 &&
                 jsonx_parse(b, strlen(b), "b", &y, &ignored) == 0 && json_equal(x, y);
    jsonx_free(x);
    jsonx_free(y);
    return equal;
}

/* Times without a zone are UTC here, as the server prints them. */
static bool time_equal(const char *a, const char *b)
{
    struct datetime x, y;
    return datetime_parse_iso(a, strlen(a), &x) && datetime_parse_iso(b, strlen(b), &y) &&
           x.us == y.us;
}

static bool number_equal(const char *a, const char *b)
{
    struct decimal x, y;
    return decimal_parse(a, strlen(a), &x) && decimal_parse(b, strlen(b), &y) &&
           decimal_compare(&x, &y) == 0;
}

static bool bool_equal(const char *a, const char *b)
{
    static const char letters[] = "ty1";
    return (strchr(letters, a[0] | 0x20) != NULL || a[0] == '1') ==
           (strchr(letters, b[0] | 0x20) != NULL || b[0] == '1');
}

/* 12.3 is 12.30 and 2026-11-22T05:15:00+08:00 the same instant in UTC: by type, not by spelling. */
static bool value_equal(const struct db_type *type, const char *expected, const char *found)
{
    if (strcmp(expected, found) == 0)
        return true;
    switch (type->kind) {
    case DB_INT2:
    case DB_INT4:
    case DB_INT8:
    case DB_NUMERIC:
    case DB_FLOAT8: return number_equal(expected, found);
    case DB_DATE:
    case DB_TIMESTAMP:
    case DB_TIMESTAMPTZ: return time_equal(expected, found);
    case DB_JSONB: return json_text_equal(expected, found);
    case DB_BOOL: return expected[0] != '\0' && bool_equal(expected, found);
    default: return false;
    }
}

static const char *shown(struct test_found *f, const char *value)
{
    if (value == NULL)
        return "null";
    size_t n = strlen(value);
    return n <= SHOWN_MAX ? arena_printf(f->arena, "'%s'", value)
                          : arena_printf(f->arena, "'%.*s...' (%zu bytes)",
                                         (int)utf8_cut(value, n, SHOWN_MAX), value, n);
}

/* ---- rows ------------------------------------------------------------------------------- */

static void compare_value(struct test_found *f, size_t row, const struct ynode *key,
                          const struct ynode *value)
{
    int column = stream_column(f->stream, key->text);
    const char *expected = value->is_null ? NULL : value->text;
    if (column < 0) {
        test_problem(f, "row %zu: '%s' is not a column of stream '%s'", row + 1, key->text,
                     f->stream->name);
        return;
    }
    const char *found = f->rows[row][column];
    bool equal = expected == NULL || found == NULL
                     ? expected == found
                     : value_equal(&f->stream->columns[column].type, expected, found);
    if (!equal)
        test_problem(f, "row %zu, %s: expected %s, found %s", row + 1, key->text,
                     shown(f, expected), shown(f, found));
}

static void compare_rows(struct test_found *f, const struct ynode *rows)
{
    size_t n = rows->kind == YNODE_LIST ? rows->count : 0;
    if (n != f->nrows)
        test_problem(f, "expected %zu rows, found %zu", n, f->nrows);
    for (size_t i = 0; i < n && i < f->nrows; i++)
        for (size_t k = 0; k < rows->items[i]->count; k++)
            compare_value(f, i, rows->items[i]->keys[k], rows->items[i]->items[k]);
    for (size_t i = n; i < f->nrows && i < n + 3; i++) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_init(&text, 1 << 16);
        for (size_t k = 0; k < f->stream->ncolumns; k++)
            strbuf_addf(&text, "%s%s: %s", k > 0 ? ", " : "", f->stream->columns[k].name,
                        shown(f, f->rows[i][k]));
        test_problem(f, "row %zu was not expected: %s", i + 1, text.data);
    }
}

/* ---- rejects ---------------------------------------------------------------------------- */

static bool reject_fits(const struct test_reject *expected, const struct test_found_reject *found)
{
    return (expected->line == 0 || (uint64_t)expected->line == found->line) &&
           (expected->column == NULL ||
            (found->column != NULL && strcmp(expected->column, found->column) == 0)) &&
           (expected->reason == NULL || strstr(found->reason, expected->reason) != NULL);
}

static void tell_reject(struct test_found *f, const struct test_found_reject *r)
{
    test_problem(f, "a reject was not expected: line %" PRIu64 "%s%s: %s", r->line,
                 r->column != NULL ? ", " : "", r->column != NULL ? r->column : "", r->reason);
}

static void compare_reject_list(struct test_found *f, const struct ynode *list)
{
    bool *taken = arena_array(f->arena, f->nrejects + 1, sizeof *taken);
    struct diagnostics d;
    diagnostics_init(&d, f->arena);
    for (size_t i = 0; i < list->count; i++) {
        struct test_reject expected;
        bind_yaml(&test_reject_fields, list->items[i], &expected, f->arena, &d);
        size_t k = 0;
        while (k < f->nrejects && (taken[k] || !reject_fits(&expected, &f->rejects[k])))
            k++;
        if (k < f->nrejects)
            taken[k] = true;
        else
            test_problem(f, "expected a reject%s%s%s%s%s%s", expected.line > 0 ? " of line " : "",
                         expected.line > 0 ? arena_printf(f->arena, "%" PRId64, expected.line) : "",
                         expected.column != NULL ? ", column " : "",
                         expected.column != NULL ? expected.column : "",
                         expected.reason != NULL ? ": " : "",
                         expected.reason != NULL ? expected.reason : "");
    }
    for (size_t k = 0; k < f->nrejects; k++)
        if (!taken[k])
            tell_reject(f, &f->rejects[k]);
}

/* Rejects that no one expects are never passed over. */
static void compare_rejects(struct test_found *f, const struct ynode *rejected)
{
    if (rejected != NULL && rejected->kind == YNODE_LIST) {
        compare_reject_list(f, rejected);
        return;
    }
    size_t expected =
        rejected != NULL && rejected->text != NULL ? (size_t)strtoull(rejected->text, NULL, 10) : 0;
    if (expected == f->nrejects)
        return;
    test_problem(f, "expected %zu rejects, found %zu", expected, f->nrejects);
    for (size_t k = 0; k < f->nrejects && k < 5; k++)
        tell_reject(f, &f->rejects[k]);
}

void test_compare(struct test_found *f, const struct test_expect *expect, const char *error)
{
    if (expect->error != NULL) {
        if (error == NULL)
            test_problem(f, "expected the error '%s', the stream did not fail", expect->error);
        else if (strstr(error, expect->error) == NULL)
            test_problem(f, "expected the error '%s', found '%s'", expect->error, error);
    } else if (error != NULL) {
        test_problem(f, "the stream failed: %s", error);
    }
    if (error != NULL)
        return;
    if (expect->rows != NULL)
        compare_rows(f, expect->rows);
    if (expect->row_count >= 0 && (size_t)expect->row_count != f->nrows)
        test_problem(f, "expected %" PRId64 " rows, found %zu", expect->row_count, f->nrows);
    compare_rejects(f, expect->rejected);
    if (expect->skipped >= 0 && expect->skipped != f->skipped)
        test_problem(f, "expected %" PRId64 " skipped, found %" PRId64, expect->skipped,
                     f->skipped);
}

/* ---- lint ------------------------------------------------------------------------------- */

static const struct stream_spec *stream_of(const struct pipeline *p, const char *name)
{
    for (size_t i = 0; name != NULL && i < p->streams.count; i++)
        if (strcmp(p->streams.names[i], name) == 0)
            return (const struct stream_spec *)p->streams.items + i;
    return NULL;
}

static void check_rows(const struct stream_spec *s, const struct ynode *rows, struct diagnostics *d)
{
    if (rows->kind != YNODE_LIST && !rows->is_null)
        diagnostics_add(d, rows, NULL, "'rows' is a list of column: value, found %s",
                        ynode_kind_name(rows->kind));
    for (size_t i = 0; i < rows->count && rows->kind == YNODE_LIST; i++) {
        const struct ynode *row = rows->items[i];
        if (row->kind != YNODE_MAP)
            diagnostics_add(d, row, NULL, "a row is a mapping of column: value");
        for (size_t k = 0; row->kind == YNODE_MAP && k < row->count; k++) {
            if (row->items[k]->kind != YNODE_SCALAR)
                diagnostics_add(d, row->items[k], "write JSON as text: '{\"a\": 1}'",
                                "a value is one text");
            else if (s->columns_node != NULL && stream_column(s, row->keys[k]->text) < 0)
                diagnostics_add(d, row->keys[k], NULL, "'%s' is not a column of stream '%s'",
                                row->keys[k]->text, s->name);
        }
    }
}

static void check_rejected(const struct ynode *rejected, struct diagnostics *d)
{
    struct test_reject ignored;
    char *end;
    if (rejected->kind == YNODE_LIST) {
        for (size_t i = 0; i < rejected->count; i++)
            bind_yaml(&test_reject_fields, rejected->items[i], &ignored, d->arena, d);
    } else if (rejected->kind != YNODE_SCALAR || rejected->text[0] == '\0' ||
               (strtoull(rejected->text, &end, 10), *end != '\0')) {
        diagnostics_add(d, rejected, NULL,
                        "'rejected' is a number, or a list of line, column, reason");
    }
}

static void check_test(struct pipeline *p, const struct test_spec *t, const struct ynode *node,
                       struct diagnostics *d)
{
    const struct stream_spec *s = stream_of(p, t->stream);
    const struct test_given *g = &t->given;
    if (t->name == NULL || t->stream == NULL)
        return; /* told already: they are required */
    if (s == NULL || s->source == NULL) {
        if (s == NULL)
            diagnostics_add(d, ynode_get(node, "stream"), NULL,
                            "test '%s': there is no stream '%s' here", t->name, t->stream);
        return;
    }
    bool is_file = g->file != NULL || g->text != NULL;
    bool is_api = g->body != NULL || g->answers != NULL;
    if ((g->file != NULL) + (g->text != NULL) + (g->body != NULL) + (g->answers != NULL) > 1)
        diagnostics_add(d, node, NULL, "test '%s': give one of file, text, body, answers", t->name);
    else if (is_file && !source_reads_text(s->source))
        diagnostics_add(d, node, "give body or answers", "test '%s': '%s' reads no file", t->name,
                        s->name);
    else if (is_api && s->source != &source_rest)
        diagnostics_add(d, node, "give file or text", "test '%s': '%s' reads no API", t->name,
                        s->name);
    else if (!is_file && !is_api && s->source != &source_postgres)
        diagnostics_add(d, node, NULL, "test '%s': nothing is given to read", t->name);
    struct datetime now;
    if (t->now != NULL && !datetime_parse_iso(t->now, strlen(t->now), &now))
        diagnostics_add(d, ynode_get(node, "now"), NULL, "'now' is a time, found '%s'", t->now);
    if (t->expect.rows != NULL)
        check_rows(s, t->expect.rows, d);
    if (t->expect.rejected != NULL)
        check_rejected(t->expect.rejected, d);
}

void tests_check(struct pipeline *p, struct diagnostics *d)
{
    for (size_t i = 0; i < p->tests.count; i++)
        check_test(p, (const struct test_spec *)p->tests.items + i, p->tests.nodes[i], d);
}
