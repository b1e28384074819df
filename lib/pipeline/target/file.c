/* The file target: delimited text or JSON Lines, in the encoding asked for; written aside and
 * renamed, so that a reader sees the old file or the whole new one. */
#include "core/fileio.h"
#include "core/sha256.h"
#include "format/csvio.h"
#include "format/jsonx.h"
#include "pipeline/column.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#define WRITE_AT_BYTES ((size_t)64 << 10)

enum { FORMAT_CSV, FORMAT_JSONL };

struct file_target_spec {
    const char *file;
    int format;
    const char *encoding, *delimiter, *null_text;
    bool bom, crlf, quote_all, formula_guard, header;
};
#define AT(member) offsetof(struct file_target_spec, member)
static const char *const formats[] = {"csv", "jsonl", NULL};
static const struct field file_fields[] = {
    {"file", FIELD_STRING, AT(file), "path; relative ones are under the setting output_dir",
     .flags = FIELD_REQUIRED | FIELD_LATE, .complete = "file"},
    {"format", FIELD_CHOICE, AT(format), "csv or jsonl", .def = "csv", .choices = formats},
    {"encoding", FIELD_STRING, AT(encoding),
     "UTF-8, GB18030 or a name iconv knows; a character it lacks fails the stream", .def = "UTF-8"},
    {"delimiter", FIELD_STRING, AT(delimiter), "one ASCII character, or tab", .def = ","},
    {"null", FIELD_STRING, AT(null_text), "what null is written as", .def = ""},
    {"bom", FIELD_BOOL, AT(bom), "begin with a byte order mark (Excel, FineBI)"},
    {"crlf", FIELD_BOOL, AT(crlf), "end lines with CR LF"},
    {"quote_all", FIELD_BOOL, AT(quote_all), "quote every field"},
    {"formula_guard", FIELD_BOOL, AT(formula_guard),
     "put an apostrophe before text that a spreadsheet would run", .def = "true"},
    {"header", FIELD_BOOL, AT(header), "first line has the column names", .def = "true"},
    {0}};
static const struct field_set file_set = {.name = "file target",
                                          .help = "Rows into a file that appears whole",
                                          .struct_size = sizeof(struct file_target_spec),
                                          .fields = file_fields};

struct target {
    const struct stream_context *ctx;
    const struct file_target_spec *spec;
    struct csvio_style style;
    struct atomic_file *file;
    struct encoder *encoder; /* NULL for UTF-8 */
    struct strbuf rows, encoded;
    struct sha256 *written; /* hash of what goes into the file */
    bool header_done;
    int64_t count;
    const char *path;
};

static void check_target(const struct pipeline *p, const struct stream_spec *s,
                         struct diagnostics *d)
{
    const struct file_target_spec *spec = s->target_spec;
    struct error err = ERROR_INIT;
    struct encoding encoding;
    (void)p;
    if (encoding_named(spec->encoding, &encoding, &err) != 0)
        diagnostics_add(d, ynode_get(s->target_node, "encoding"), NULL, "%s", err.message);
    if (strcmp(spec->delimiter, "tab") != 0 && strlen(spec->delimiter) != 1)
        diagnostics_add(d, ynode_get(s->target_node, "delimiter"), NULL,
                        "'delimiter' is one ASCII character or 'tab'");
    if (s->mode != MODE_APPEND)
        diagnostics_add(d, ynode_get(s->node, "mode"), NULL,
                        "a file target is written anew by each run: leave 'mode' out");
}

static void close_target(struct target *t)
{
    if (t == NULL)
        return;
    atomic_file_discard(t->file);
    if (t->encoder != NULL)
        encoder_free(t->encoder);
    strbuf_release(&t->rows);
    strbuf_release(&t->encoded);
    char unused[65];
    if (t->written != NULL)
        sha256_finish(t->written, unused);
    free(t);
}

static int choose_path(struct target *t, struct error *err)
{
    const char *text, *slash;
    struct arena *arena = t->ctx->arena;
    TRY(stream_text(t->ctx, t->spec->file, &text, err));
    t->path = text[0] == '/'
                  ? text
                  : arena_printf(arena, "%s/%s", config_settings(t->ctx->config)->output_dir, text);
    slash = strrchr(t->path, '/');
    return slash != NULL && slash != t->path
               ? directory_make(arena_strndup(arena, t->path, (size_t)(slash - t->path)), err)
               : 0;
}

static int prepare(struct target *t, struct error *err)
{
    TRY(choose_path(t, err));
    if (strcasecmp(t->spec->encoding, "UTF-8") != 0 && strcasecmp(t->spec->encoding, "utf8") != 0)
        TRY(encoder_new(t->spec->encoding, &t->encoder, err));
    if (!t->ctx->dry_run && !t->ctx->plan)
        TRY(atomic_file_open(t->path, &t->file, err));
    if (t->spec->bom)
        strbuf_adds(&t->rows, "\xEF\xBB\xBF");
    return 0;
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
    t->written = sha256_new();
    strbuf_init(&t->rows, 0);
    strbuf_init(&t->encoded, (size_t)256 << 20);
    int code = prepare(t, err);
    if (code != 0) {
        close_target(t);
        return code;
    }
    *ret = t;
    return 0;
}

static int write_rows(struct target *t, struct error *err)
{
    const struct strbuf *out = &t->rows;
    if (t->encoder != NULL) {
        strbuf_clear(&t->encoded);
        if (encoder_convert(t->encoder, t->rows.data, t->rows.len, &t->encoded, err) != 0)
            return error_context(err, "'%s'", t->path);
        out = &t->encoded;
    }
    sha256_add(t->written, out->data, out->len);
    int code = t->file != NULL ? atomic_file_write(t->file, out->data, out->len, err) : 0;
    strbuf_clear(&t->rows);
    return code;
}

static void write_header(struct target *t)
{
    const struct stream_spec *s = t->ctx->stream;
    t->header_done = true;
    if (t->spec->format != FORMAT_CSV || !t->spec->header)
        return;
    for (size_t i = 0; i < s->ncolumns; i++)
        csvio_write_field(&t->rows, &t->style, span_of(s->columns[i].name), false, i == 0);
    csvio_write_end(&t->rows, &t->style);
}

/* NaN and Infinity are no JSON numbers. */
static bool is_json_number(const struct column_spec *c, struct span text)
{
    size_t digit = text.len > 1 && text.ptr[0] == '-' ? 1 : 0;
    return db_type_is_number(&c->type) && text.len > 0 && text.ptr[digit] >= '0' &&
           text.ptr[digit] <= '9';
}

static void write_json(struct jwriter *w, const struct column_spec *c, struct span text,
                       bool is_null)
{
    jwriter_key(w, c->name);
    if (is_null)
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

static int take_row(struct target *t, const struct source_row *row, const char **ret_reason,
                    int *ret_column, struct error *err)
{
    const struct stream_spec *s = t->ctx->stream;
    size_t mark;
    struct jwriter w;
    if (!t->header_done)
        write_header(t);
    mark = t->rows.len;
    if (t->spec->format == FORMAT_JSONL) {
        jwriter_init(&w, &t->rows);
        jwriter_object(&w);
    }
    for (size_t i = 0; i < s->ncolumns; i++) {
        struct span text = SPAN("");
        bool is_null = false;
        *ret_column = (int)i;
        *ret_reason = column_canonical(t->ctx->reader, i, &row->cells[i], &text, &is_null);
        if (*ret_reason != NULL) {
            strbuf_truncate(&t->rows, mark);
            return 0;
        }
        if (t->spec->format == FORMAT_JSONL)
            write_json(&w, &s->columns[i], text, is_null);
        else
            csvio_write_field(&t->rows, &t->style, is_null ? (struct span){NULL, 0} : text,
                              db_type_is_number(&s->columns[i].type), i == 0);
    }
    if (t->spec->format == FORMAT_JSONL) {
        jwriter_end(&w);
        strbuf_addch(&t->rows, '\n');
    } else {
        csvio_write_end(&t->rows, &t->style);
    }
    t->count++;
    return t->rows.len >= WRITE_AT_BYTES ? write_rows(t, err) : 0;
}

/* Whether the file that is there holds exactly these bytes already. */
static bool is_same_file(const char *path, const char *sha256)
{
    char bytes[32 << 10], found[65];
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISREG(st.st_mode))
        return false; /* a device or a pipe is written to, never read */
    FILE *f = fopen(path, "rbe");
    if (f == NULL)
        return false;
    struct sha256 *hash = sha256_new();
    for (size_t n; (n = fread(bytes, 1, sizeof bytes, f)) > 0;)
        sha256_add(hash, bytes, n);
    bool complete = !ferror(f);
    (void)fclose(f);
    sha256_finish(hash, found);
    return complete && strcmp(found, sha256) == 0;
}

static int finish_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    char sha256[65];
    if (!t->header_done)
        write_header(t);
    TRY(write_rows(t, err));
    sha256_finish(t->written, sha256);
    t->written = NULL;
    if (is_same_file(t->path, sha256)) {
        counts->unchanged += t->count; /* the file stays as it is, its time too */
        atomic_file_discard(t->file);
        t->file = NULL;
        return 0;
    }
    counts->inserted += t->count;
    return 0;
}

static int commit_target(struct target *t, struct stream_counts *counts, struct error *err)
{
    (void)counts;
    struct atomic_file *file = t->file;
    t->file = NULL;
    return file != NULL ? atomic_file_commit(file, err) : 0;
}

static const char *describe_target(struct target *t)
{
    return t->path;
}

const struct target_ops target_file = {.name = "file",
                                       .marker = "file",
                                       .fields = &file_set,
                                       .check = check_target,
                                       .open = open_target,
                                       .row = take_row,
                                       .finish = finish_target,
                                       .commit = commit_target,
                                       .close = close_target,
                                       .description = describe_target};
