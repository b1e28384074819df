/* A pipeline from a file: delimited text, JSON Lines, JSON. */
#include "core/fileio.h"
#include "core/message.h"
#include "format/jpull.h"
#include "format/linesio.h"
#include "pipeline/guess/fixed.h"
#include "pipeline/guess/names.h"
#include "pipeline/guess/records.h"
#include "pipeline/guess/scan.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADER_FIND = 3 };
#define LINE_MAX_BYTES ((size_t)16 << 20)
#define JSON_MAX_BYTES ((size_t)256 << 20) /* a document is looked at in memory */

/* ---- delimited text --------------------------------------------------------------------- */

/* A summary of another shape at the end (bills have one) is told by its first word. */
static void note_tail(struct scan *s, const struct csvio_record *record)
{
    static const char *const words[] = {"总", "合计", "共", "汇总", "otal", "TOTAL", "ount"};
    struct span first = layout_first(record);
    if (s->tail_rows++ > 0)
        return;
    s->tail = NULL;
    if (first.len > 0 && first.ptr[0] == '#') {
        s->tail = "#"; /* a comment, however long */
        return;
    }
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (first.len < 100 && memmem(first.ptr, first.len, words[i], strlen(words[i])) != NULL)
            s->tail = arena_strndup(s->draft->arena, first.ptr, first.len);
}

static void scan_record(struct scan *s, const struct csvio_record *record)
{
    struct span word;
    if (record->fault != NULL) {
        s->faults++;
        return;
    }
    if (layout_is_total(record, s->layout.width, &word)) {
        scan_total(s, word, record->line);
        return;
    }
    if (record->nfields != s->layout.width) {
        s->short_rows++;
        note_tail(s, record);
        return;
    }
    scan_row(s, record->fields, record->nfields, record->line);
}

static int scan_file(struct scan *s, const char *path, struct error *err)
{
    struct csvio_options o = layout_options(&s->layout);
    struct csvio_reader *reader;
    struct csvio_record record;
    bool end = false;
    TRY(csvio_open(path, &o, &reader, err));
    int code = 0;
    while ((code = csvio_next(reader, &record, &end, err)) == 0 && !end)
        if (!s->layout.has_header || record.line > s->layout.header_line)
            scan_record(s, &record);
    csvio_close(reader);
    if (code == 0)
        scan_look_at_sample(s);
    return code;
}

/* A header that YAML, ${...} or the place of columns could misread is found by its number. */
static bool is_findable(const struct layout *l, size_t i)
{
    struct span name = l->names[i];
    if (name.len == 0 || name.ptr[0] == '$' || memmem(name.ptr, name.len, "${", 2) != NULL)
        return false;
    for (size_t k = 0; k < name.len; k++)
        if ((unsigned char)name.ptr[k] < 0x20 || name.ptr[k] == 0x7F)
            return false;
    for (size_t k = 0; k < l->width; k++)
        if (k != i && l->names[k].len == name.len &&
            memcmp(l->names[k].ptr, name.ptr, name.len) == 0)
            return false;
    return true;
}

static void make_columns(struct scan *s)
{
    struct draft *d = s->draft;
    const struct layout *l = &s->layout;
    d->ncolumns = l->width;
    d->columns = arena_array(d->arena, d->ncolumns + 1, sizeof *d->columns);
    for (size_t i = 0; i < d->ncolumns; i++) {
        struct draft_column *c = &d->columns[i];
        c->seen = arena_alloc(d->arena, sizeof *c->seen);
        c->header = l->has_header && l->names[i].len > 0 ? l->names[i].ptr : NULL;
        c->name = name_column(d->arena, c->header, i + 1);
    }
    draft_name_columns(d);
    for (size_t i = 0; i < d->ncolumns; i++) {
        struct draft_column *c = &d->columns[i];
        if (!l->has_header || !is_findable(l, i))
            c->from = arena_printf(d->arena, "$%zu", i + 1);
        else if (strcmp(c->name, c->header) != 0)
            c->from = c->header;
    }
}

/* ---- the lines of `source:` ------------------------------------------------------------- */

/* Whether they are a header is for the reader to say: that is what they look like. */
static void print_header_parts(const struct layout *l, struct strbuf *out)
{
    if (l->header_more > 0)
        strbuf_addf(out,
                    message_text("      # below line %" PRIu64
                                 ", %zu record(s) with texts where the rows have "
                                 "numbers or dates: if they are part of the header, declare in it "
                                 " rows: %zu  (names are joined), or  until: PATTERN  of the "
                                 "last of them\n"),
                    l->header_line, l->header_more, l->header_more + 1);
    if (l->is_above_part)
        strbuf_addf(out,
                    message_text("      # the record above line %" PRIu64
                                 " has several texts: if it is part of the header (merged "
                                 "cells), declare in it  rows: 2\n"),
                    l->header_line);
}

static void print_header(const struct layout *l, struct strbuf *out)
{
    if (!l->has_header) {
        strbuf_adds(
            out, message_text(
                     "      header: { none: true }   # the first record has numbers or dates\n"));
        return;
    }
    if (l->above > 0) {
        size_t n = 0;
        strbuf_adds(out, "      header: { find: [");
        for (size_t i = 0; i < l->width && n < HEADER_FIND; i++) {
            if (l->names[i].len == 0 || !is_findable(l, i))
                continue;
            strbuf_adds(out, n++ > 0 ? ", " : "");
            name_yaml(out, l->names[i].ptr);
        }
        strbuf_addf(out,
                    message_text("], skip_max: %zu }   # line %" PRIu64 ", below %zu others\n"),
                    l->above > 20 ? l->above : 20, l->header_line, l->above);
    }
    print_header_parts(l, out);
    if (l->doubt != NULL)
        strbuf_addf(out, message_text("      # the header is line %" PRIu64 ": %s\n"),
                    l->header_line, l->doubt);
    if (l->above_label != NULL) {
        AUTO_STRBUF struct strbuf label = {0};
        strbuf_init(&label, 256);
        name_regex(&label, span_of(l->above_label));
        strbuf_addf(
            out,
            message_text(
                "      # preamble: { exported_at: \"%s[：:] *([0-9/-]+ [0-9:]+)\" }   # a time "
                "above the header; as a column: from: $exported_at\n"),
            label.data);
    }
}

static const char *source_lines(const struct scan *s)
{
    const struct layout *l = &s->layout;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 20);
    guess_input_print(s->draft->input, &out);
    strbuf_adds(&out, "      format: csv\n");
    scan_print_encoding(s, &out);
    strbuf_addf(&out, "      delimiter: %s\n",
                l->delimiter == '\t'  ? "tab"
                : l->delimiter == ',' ? "\",\""
                : l->delimiter == ';' ? "\";\""
                                      : "\"|\"");
    if (l->quote < 0)
        strbuf_adds(&out, message_text("      quote: none   # quotes are text here\n"));
    print_header(l, &out);
    scan_print_totals(s, &out);
    scan_print_habits(s, &out);
    return arena_strdup(s->draft->arena, out.data);
}

static int guess_csv(struct draft *d, struct layout *layout, struct strbuf *out, struct error *err)
{
    struct scan s = {.draft = d, .layout = *layout};
    const struct layout *l = &s.layout;
    if (l->width > DRAFT_COLUMNS_MAX)
        return error_set(err, ERR_LIMIT, "'%s' has %zu columns, a table has at most %d",
                         d->input->file, l->width, DRAFT_COLUMNS_MAX);
    make_columns(&s);
    scan_begin(&s);
    int code = scan_file(&s, d->input->path, err);
    if (code == 0) {
        scan_decide(&s);
        d->source = source_lines(&s);
        d->intro = scan_intro(&s, l->quote < 0       ? message_text(" Quotes: text.")
                                  : l->quote_is_used ? message_text(" Quotes: used.")
                                                     : message_text(" Quotes: none seen."));
        code = draft_finish(d, out, err);
    }
    scan_end(&s);
    return code;
}

/* One column by any delimiter may be several by their places. */
static int guess_text(struct draft *d, struct strbuf *out, struct error *err)
{
    struct layout layout;
    bool is_fixed = false;
    TRY(layout_guess(d->input->path, d->arena, &layout, err));
    if (layout.width == 1)
        TRY(guess_fixed(d, &layout, &is_fixed, out, err));
    return is_fixed ? 0 : guess_csv(d, &layout, out, err);
}

/* ---- JSON Lines ------------------------------------------------------------------------- */

static int read_lines(const char *path, struct records *r, int64_t rows_max, uint64_t *ret_rows,
                      struct error *err)
{
    struct linesio *lines;
    struct linesio_line line;
    bool end = false;
    TRY(linesio_open_path(path, NULL, LINE_MAX_BYTES, &lines, err));
    int code = 0;
    while ((code = linesio_next(lines, &line, &end, err)) == 0 && !end) {
        if (line.fault == NULL && *ret_rows < (uint64_t)rows_max)
            (void)records_add(r, span_trim(line.text), line.number);
        *ret_rows += span_trim(line.text).len > 0;
    }
    linesio_close(lines);
    return code;
}

static int guess_jsonl(struct draft *d, struct strbuf *out, struct error *err)
{
    struct records *r = records_new(d->arena);
    AUTO_STRBUF struct strbuf source = {0}, name = {0};
    uint64_t rows = 0;
    strbuf_init(&source, 1 << 16);
    strbuf_init(&name, 4096);
    int code = read_lines(d->input->path, r, d->options->rows_max, &rows, err);
    if (code == 0)
        code = records_draft(r, d, err);
    if (code == 0) {
        guess_input_print(d->input, &source);
        strbuf_adds(&source, "      format: jsonl\n");
        d->source = arena_strdup(d->arena, source.data);
        name_yaml(&name, d->input->label);
        d->intro = arena_printf(
            d->arena,
            message_text("# Guessed from %s: review it, then commit it.\n# Looked at %" PRIu64
                         " of %" PRIu64 " lines.\n"),
            name.data,
            rows < (uint64_t)d->options->rows_max ? rows : (uint64_t)d->options->rows_max, rows);
        code = draft_finish(d, out, err);
    } else {
        error_context(err, "'%s'", d->input->file);
    }
    records_free(r);
    return code;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static int draft_json(struct draft *d, struct span document, struct records *r, struct strbuf *out,
                      struct error *err)
{
    struct found_records found;
    AUTO_STRBUF struct strbuf source = {0}, name = {0};
    strbuf_init(&source, 1 << 16);
    strbuf_init(&name, 4096);
    TRY(jpull_check(document, false, err));
    records_find(document, &found);
    if (found.count == 0)
        return error_set(err, ERR_DATA, "there is no list of JSON objects in it");
    TRY(records_add_all(r, &found, err));
    TRY(records_draft(r, d, err));
    guess_input_print(d->input, &source);
    strbuf_adds(&source, "      format: json\n");
    if (found.pointer[0] != '\0') {
        strbuf_adds(&source, "      records: ");
        name_yaml(&source, found.pointer);
        strbuf_addch(&source, '\n');
    }
    d->source = arena_strdup(d->arena, source.data);
    name_yaml(&name, d->input->label);
    d->intro = arena_printf(d->arena,
                            message_text("# Guessed from %s: review it, then commit it.\n"
                                         "# Looked at all its %zu records.\n"),
                            name.data, found.count);
    return draft_finish(d, out, err);
}

static int guess_json(struct draft *d, struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, JSON_MAX_BYTES);
    TRY(file_read(d->input->path, JSON_MAX_BYTES, &text, err));
    bool has_mark = text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0;
    struct span document = {text.data + (has_mark ? 3 : 0), text.len - (has_mark ? 3 : 0)};
    struct records *r = records_new(d->arena);
    int code = draft_json(d, span_trim(document), r, out, err);
    if (code != 0 && code != ERR_BUG)
        error_context(err, "'%s'", d->input->file);
    records_free(r);
    return code;
}

/* ---- which ------------------------------------------------------------------------------ */

static bool ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcasecmp(path + n - m, suffix) == 0;
}

static int dispatch(struct draft *d, struct strbuf *out, struct error *err)
{
    const char *name = d->input->name;
    if (ends_with(name, ".jsonl") || ends_with(name, ".ndjson"))
        return guess_jsonl(d, out, err);
    return ends_with(name, ".json") ? guess_json(d, out, err) : guess_text(d, out, err);
}

/* What was unpacked is known by the name of what it was in. */
static int name_error(const struct guess_input *in, int code, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    const char *at = strstr(err->message, in->path);
    if (code == 0 || in->fd < 0 || at == NULL)
        return code;
    strbuf_init(&text, ERROR_MESSAGE_MAX);
    strbuf_addf(&text, "%.*s%s%s", (int)(at - err->message), err->message, in->file,
                at + strlen(in->path));
    snprintf(err->message, sizeof err->message, "%s", text.data);
    return code;
}

static int look_into(struct draft *d, const char *path, struct strbuf *out, struct error *err)
{
    struct guess_input in;
    TRY(guess_input_open(path, d->options->member, d->arena, &in, err));
    d->input = &in;
    int code = name_error(&in, dispatch(d, out, err), err);
    d->input = NULL;
    guess_input_close(&in);
    return code;
}

int guess_file(const char *path, const struct guess_options *o, struct strbuf *out,
               struct error *err)
{
    char real[PATH_MAX];
    if (strcmp(path, "-") == 0) {
        error_set(err, ERR_USAGE, "standard input cannot be guessed: it is read several times");
        return error_hint(err, "save it to a file first");
    }
    if (strstr(path, "${") != NULL)
        return error_set(err, ERR_USAGE, "'%s': a path with ${ cannot stand in a pipeline", path);
    struct draft d = {.arena = arena_new(), .options = o};
    d.name = o->name != NULL ? o->name : name_stem(d.arena, path);
    int code = realpath(path, real) != NULL
                   ? look_into(&d, real, out, err)
                   : error_set(err, ERR_NOT_FOUND, "there is no file '%s'", path);
    arena_free(d.arena);
    return code;
}
