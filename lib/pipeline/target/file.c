/* The file target: delimited text, JSON Lines or a workbook, in the encoding asked for; written
 * aside and renamed, so that a reader sees the old file or the whole new one. */
#include "core/message.h"
#include "format/jsonx.h"
#include "pipeline/target/file_target.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define LACKING_SHOWN_MAX 20
#define SCRATCH_MAX       ((size_t)256 << 20)

struct target {
    const struct stream_context *ctx;
    const struct file_target_spec *spec;
    struct csvio_style style;
    struct encoder *encoder; /* NULL for UTF-8 */
    struct strbuf row;       /* of UTF-8, where its length or its encoding must be known first */
    bool row_first;
    bool copies_raw; /* a row whose raw text is what would be written is not taken apart */
    struct file_set *set;
    struct span *texts;    /* of the row at hand, by column; NULL ptr: null */
    int64_t count;         /* rows taken */
    struct strbuf lacking; /* characters that the encoding lacks, the first of them */
    int64_t nlacking;
};

/* ---- rows as they came ------------------------------------------------------------------- */

static bool can_copy_raw(const struct target *t)
{
    const struct stream_spec *s = t->ctx->stream;
    if (t->spec->format != TARGET_CSV || t->row_first || file_target_is_split(t->spec) ||
        t->spec->quote_all || (t->spec->null_text != NULL && t->spec->null_text[0] != '\0'))
        return false;
    for (size_t i = 0; i < s->ncolumns; i++)
        if (!column_is_verbatim(t->ctx->reader, i))
            return false;
    return true;
}

/* Whether the row's raw text is what its cells would be written as. */
static bool is_raw(const struct target *t, const struct source_row *row)
{
    const struct stream_spec *s = t->ctx->stream;
    if (!t->copies_raw || row->raw_delimiter != t->style.delimiter)
        return false;
    for (size_t i = 0; i < s->ncolumns; i++)
        if (!csvio_is_bare(&t->style, row->cells[i].text, false) ||
            (row->cells[i].text.len == 0 && s->columns[i].required))
            return false;
    return true;
}

/* ---- opening ---------------------------------------------------------------------------- */

static void close_target(struct target *t)
{
    if (t == NULL)
        return;
    file_set_free(t->set);
    if (t->encoder != NULL)
        encoder_free(t->encoder);
    strbuf_release(&t->row);
    strbuf_release(&t->lacking);
    free(t);
}

static int prepare(struct target *t, struct error *err)
{
    const char *encoding = t->spec->encoding;
    if (strcasecmp(encoding, "UTF-8") != 0 && strcasecmp(encoding, "utf8") != 0)
        TRY(encoder_new(encoding, &t->encoder, err));
    t->row_first = t->encoder != NULL || t->spec->split.bytes > 0;
    return file_set_open(t->ctx, &t->set, err);
}

static int open_target(const struct stream_context *ctx, struct target **ret, struct error *err)
{
    struct target *t = mem_alloc(sizeof *t);
    t->ctx = ctx;
    t->spec = ctx->stream->target_spec;
    t->style = (struct csvio_style){
        .delimiter = strcmp(t->spec->delimiter, "tab") == 0 ? '\t' : t->spec->delimiter[0],
        .quote_all = t->spec->quote_all,
        .crlf = t->spec->crlf,
        .formula_guard = t->spec->formula_guard,
        .null_text = t->spec->null_text};
    t->texts = arena_array(ctx->arena, ctx->stream->ncolumns + 1, sizeof *t->texts);
    strbuf_init(&t->row, SCRATCH_MAX);
    strbuf_init(&t->lacking, 0);
    int code = prepare(t, err);
    t->copies_raw = can_copy_raw(t);
    if (code != 0) {
        close_target(t);
        return code;
    }
    *ret = t;
    return 0;
}

/* ---- texts ------------------------------------------------------------------------------ */

/* NaN and Infinity are no JSON numbers. */
static bool is_json_number(const struct column_spec *c, struct span text)
{
    size_t digit = text.len > 1 && text.ptr[0] == '-' ? 1 : 0;
    return db_type_is_number(&c->type) && text.len > 0 && text.ptr[digit] >= '0' &&
           text.ptr[digit] <= '9';
}

static void write_json(struct jwriter *w, const struct column_spec *c, struct span text)
{
    jwriter_key(w, c->name);
    if (text.ptr == NULL)
        jwriter_null(w);
    else if (c->type.kind == DB_JSONB)
        jwriter_raw(w, text);
    else if (c->type.kind == DB_BOOL)
        jwriter_bool(w, text.len > 0 && (text.ptr[0] == 't' || text.ptr[0] == '1'));
    else if (is_json_number(c, text))
        jwriter_raw(w, text); /* exact: the number's own text */
    else
        jwriter_span(w, text);
}

static void compose(struct target *t, struct strbuf *out)
{
    const struct stream_spec *s = t->ctx->stream;
    struct jwriter w;
    if (t->spec->format == TARGET_CSV) {
        for (size_t i = 0; i < s->ncolumns; i++)
            csvio_write_field(out, &t->style, t->texts[i], db_type_is_number(&s->columns[i].type),
                              i == 0);
        csvio_write_end(out, &t->style);
        return;
    }
    jwriter_init(&w, out);
    jwriter_object(&w);
    for (size_t i = 0; i < s->ncolumns; i++)
        write_json(&w, &s->columns[i], t->texts[i]);
    jwriter_end(&w);
    strbuf_addch(out, '\n');
}

/* ---- characters that the encoding lacks --------------------------------------------------- */

static void list_lacking_in(struct target *t, const char *column, struct span text)
{
    struct error ignored = ERROR_INIT;
    for (size_t i = 0, n; i < text.len; i += n) {
        n = utf8_bytes(text.ptr + i, text.len - i);
        strbuf_clear(&t->row);
        if (encoder_convert(t->encoder, text.ptr + i, n, &t->row, &ignored) == 0)
            continue;
        if (t->nlacking++ < LACKING_SHOWN_MAX)
            strbuf_addf(&t->lacking, "%srow %" PRId64 " '%s' U+%04X '%.*s'",
                        t->nlacking > 1 ? ", " : "", t->count, column,
                        utf8_code_point(text.ptr + i, n), (int)n, text.ptr + i);
    }
}

/* The row is not written: what is wanted now is the whole list. */
static void list_lacking(struct target *t)
{
    const struct stream_spec *s = t->ctx->stream;
    for (size_t i = 0; i < s->ncolumns; i++)
        if (t->texts[i].ptr != NULL)
            list_lacking_in(t, s->columns[i].name, t->texts[i]);
}

static int check_lacking(const struct target *t, struct error *err)
{
    if (t->nlacking == 0)
        return 0;
    error_set(err, ERR_DATA, "'%s': %s lacks %" PRId64 " of the characters: %s%s",
              file_set_description(t->set), t->spec->encoding, t->nlacking, t->lacking.data,
              t->nlacking > LACKING_SHOWN_MAX ? ", ..." : "");
    return error_hint(err, "GB18030 and UTF-8 have all characters; nothing was written");
}

/* ---- rows ------------------------------------------------------------------------------- */

static int add_encoded(struct target *t, struct file_part *p, struct span text, struct error *err)
{
    size_t before = p->rows.len;
    int code = t->encoder != NULL ? encoder_convert(t->encoder, text.ptr, text.len, &p->rows, err)
                                  : (strbuf_add(&p->rows, text.ptr, text.len), 0);
    p->bytes += p->rows.len - before;
    return code;
}

static int write_header(struct target *t, struct file_part *p, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    AUTO_STRBUF struct strbuf line = {0};
    strbuf_init(&line, 0);
    if (t->spec->bom)
        strbuf_adds(&line, "\xEF\xBB\xBF");
    if (t->spec->format == TARGET_CSV && t->spec->header) {
        for (size_t i = 0; i < s->ncolumns; i++)
            csvio_write_field(&line, &t->style, span_of(s->columns[i].name), false, i == 0);
        csvio_write_end(&line, &t->style);
    }
    if (add_encoded(t, p, (struct span){line.data, line.len}, err) != 0)
        return error_context(err, "'%s'", p->path);
    for (uint16_t i = 0; p->xlsx != NULL && t->spec->header && i < s->ncolumns; i++)
        TRY(xlsx_text(p->xlsx, 0, i, span_of(s->columns[i].name), err));
    return 0;
}

static int begin_part(struct target *t, struct file_part *p, struct error *err)
{
    if (p->is_begun)
        return 0;
    p->is_begun = true;
    return write_header(t, p, err);
}

static int write_cell(struct target *t, struct xlsx_writer *w, uint32_t row, uint16_t i,
                      struct error *err)
{
    const struct column_spec *c = &t->ctx->stream->columns[i];
    struct span text = t->texts[i];
    struct datetime day;
    if (text.ptr == NULL)
        return 0;
    if (db_type_is_number(&c->type))
        return xlsx_number(w, row, i, text, err);
    if (c->type.kind == DB_BOOL)
        return xlsx_bool(w, row, i, text.len > 0 && (text.ptr[0] == 't' || text.ptr[0] == '1'),
                         err);
    if (c->type.kind == DB_DATE && datetime_parse_iso(text.ptr, text.len, &day))
        return xlsx_date(w, row, i, (int32_t)(day.us / INT64_C(86400000000)), err);
    return xlsx_text(w, row, i, text, err);
}

static int write_cells(struct target *t, struct file_part *p, struct error *err)
{
    uint32_t row = (uint32_t)p->count + (t->spec->header ? 1 : 0);
    if (row >= XLSX_ROWS_MAX) {
        error_set(err, ERR_LIMIT, "'%s': a sheet has at most %d rows", p->path, XLSX_ROWS_MAX);
        return error_hint(err, "write several files: `split: { rows: 1000000 }`");
    }
    for (uint16_t i = 0; p->xlsx != NULL && i < t->ctx->stream->ncolumns; i++)
        TRY(write_cell(t, p->xlsx, row, i, err));
    return 0;
}

static int write_row(struct target *t, struct error *err)
{
    struct file_part *p;
    strbuf_clear(&t->row);
    if (t->row_first)
        compose(t, &t->row);
    TRY(file_set_part(t->set, t->texts, t->row.len, &p, err));
    TRY(begin_part(t, p, err));
    if (t->spec->format == TARGET_XLSX) {
        TRY(write_cells(t, p, err));
    } else if (!t->row_first) {
        size_t before = p->rows.len;
        compose(t, &p->rows);
        p->bytes += p->rows.len - before;
    } else if (add_encoded(t, p, (struct span){t->row.data, t->row.len}, err) != 0) {
        if (err->code != ERR_DATA)
            return error_context(err, "'%s'", p->path);
        list_lacking(t);
        return 0;
    }
    p->count++;
    return file_part_flush(p, err);
}

static int write_raw(struct target *t, struct span raw, struct error *err)
{
    struct file_part *p;
    TRY(file_set_part(t->set, t->texts, 0, &p, err));
    TRY(begin_part(t, p, err));
    size_t before = p->rows.len;
    strbuf_add(&p->rows, raw.ptr, raw.len);
    csvio_write_end(&p->rows, &t->style);
    p->bytes += p->rows.len - before;
    p->count++;
    t->count++;
    return file_part_flush(p, err);
}

static int take_row(struct target *t, const struct source_row *row, const char **ret_reason,
                    int *ret_column, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    if (is_raw(t, row))
        return write_raw(t, row->raw, err);
    for (size_t i = 0; i < s->ncolumns; i++) {
        bool is_null = false;
        *ret_column = (int)i;
        *ret_reason = column_canonical(t->ctx->reader, i, &row->cells[i], &t->texts[i], &is_null);
        if (is_null)
            t->texts[i] = (struct span){NULL, 0};
        if (*ret_reason == NULL && t->spec->format == TARGET_XLSX && !is_null &&
            !xlsx_fits(t->texts[i]))
            *ret_reason = MESSAGE("longer than 32767 characters, which is all a cell can hold");
        if (*ret_reason != NULL)
            return 0;
    }
    t->count++;
    return write_row(t, err);
}

/* A file without rows has its header all the same; a split by values has no file then. */
static int begin_empty(struct target *t, struct error *err)
{
    struct file_part *p;
    if (t->count > 0 || t->spec->split.by.count > 0)
        return 0;
    TRY(file_set_part(t->set, t->texts, 0, &p, err));
    return begin_part(t, p, err);
}

static int finish_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    TRY(begin_empty(t, err));
    TRY(check_lacking(t, err));
    return file_set_finish(t->set, counts, err);
}

static int commit_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    (void)counts;
    return file_set_commit(t->set, err);
}

static const char *describe_target(struct target *t)
{
    return file_set_description(t->set);
}

const struct target_ops target_file = {.name = "file",
                                       .marker = "file",
                                       .fields = &file_target_set,
                                       .check = file_target_check,
                                       .open = open_target,
                                       .row = take_row,
                                       .finish = finish_target,
                                       .commit = commit_target,
                                       .close = close_target,
                                       .description = describe_target};
