/* The file source: names and globs, the ledger of files seen, what csv and jsonl share. */
#include "pipeline/source/file.h"
#include "pipeline/state.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define AT(member) offsetof(struct file_source_spec, member)

enum { FILES_ALL, FILES_LAST };
static const char *const file_choices[] = {"all", "last", NULL};
static const char *const formats[] = {"csv", "tsv", "jsonl", NULL};
static const char *const decimals[] = {"point", "comma", NULL};

static const struct field header_fields[] = {
    {"find", FIELD_STRINGS, offsetof(struct header_spec, find),
     "names that the header has: lines before the first record with all of them are skipped"},
    {"skip_max", FIELD_INT, offsetof(struct header_spec, skip_max),
     "how many records may stand before the header", .def = "20", .min = 0, .max = 1000},
    {"none", FIELD_BOOL, offsetof(struct header_spec, none),
     "there is no header: columns are `from: $1`, `$2` and so on"},
    {0}};
static const struct field_set header_set = {.name = "header",
                                            .help = "Where the column names are",
                                            .struct_size = sizeof(struct header_spec),
                                            .fields = header_fields,
                                            .scalar = "find"};
static const struct field trailer_fields[] = {
    {"match", FIELD_STRING, offsetof(struct trailer_spec, match),
     "pattern of the total's record; it ends the data", .flags = FIELD_REQUIRED},
    {"sum", FIELD_STRING_MAP, offsetof(struct trailer_spec, sum),
     "column: header name under which the file states its total; loaded + rejected must equal it"},
    {0}};
static const struct field_set trailer_set = {.name = "trailer",
                                             .help = "What the file says of itself at its end",
                                             .struct_size = sizeof(struct trailer_spec),
                                             .fields = trailer_fields};

static const struct field file_fields[] = {
    SOURCE_FOR_EACH,
    {"file", FIELD_STRING, AT(file),
     "path or glob, relative to the pipeline file; - is standard input",
     .flags = FIELD_REQUIRED | FIELD_LATE, .complete = "file"},
    {"files", FIELD_CHOICE, AT(files),
     "of those that match: all in the order of their names, or only the last (the newest, when "
     "names carry the date)",
     .def = "all", .choices = file_choices},
    {"format", FIELD_CHOICE, AT(format), "csv, tsv (csv with TAB) or jsonl", .def = "csv",
     .choices = formats},
    {"encoding", FIELD_STRING, AT(encoding),
     "auto (BOM, strict UTF-8, then GB18030) or a name iconv knows", .def = "auto"},
    {"header", FIELD_OBJECT, AT(header), "where the column names are", .sub = &header_set},
    {"delimiter", FIELD_STRING, AT(delimiter), "one ASCII character, or tab"},
    {"quote", FIELD_STRING, AT(quote), "the quoting character, or none", .def = "\""},
    {"skip", FIELD_STRING, AT(skip),
     "pattern on the first field that is not empty: such records are skipped and counted"},
    {"stop_at", FIELD_STRING, AT(stop_at),
     "pattern after which nothing is read; counted as skipped"},
    {"null", FIELD_STRINGS, AT(null), "words that mean null in every column, beside an empty cell"},
    {"strip", FIELD_STRINGS, AT(strip), "pieces removed from number, date and bool cells"},
    {"fill_down", FIELD_STRINGS, AT(fill_down),
     "columns whose empty cells take the value of the record above"},
    {"decimal", FIELD_CHOICE, AT(decimal), "decimal mark of numbers", .def = "point",
     .choices = decimals},
    {"trim", FIELD_BOOL, AT(trim), "drop blanks around text (around numbers and dates: always)"},
    {"guard", FIELD_BOOL, AT(guard),
     "text cells carry an apostrophe before = + - @ (a formula guard): drop it"},
    {"preamble", FIELD_STRING_MAP, AT(preamble),
     "NAME: regular expression with one group, looked for above the header; used as `from: $NAME`"},
    {"trailer", FIELD_OBJECT, AT(trailer), "what the file says of itself at its end",
     .sub = &trailer_set},
    WHERE_FIELD(AT(where)),
    {"optional", FIELD_BOOL, AT(optional), "no file is no error"},
    {0}};
static const struct field_set file_set = {.name = "file source",
                                          .help = "Rows from delimited text or JSON Lines",
                                          .struct_size = sizeof(struct file_source_spec),
                                          .fields = file_fields};

/* ---- lint ------------------------------------------------------------------------------- */

static void check_pattern(const char *text, const char *key, const struct stream_spec *s,
                          struct diagnostics *d)
{
    struct pattern p;
    struct error err = ERROR_INIT;
    if (pattern_compile(text, &p, &err) != 0)
        diagnostics_add(d, ynode_get(s->source_node, key), NULL, "%s", err.message);
    else
        pattern_release(&p);
}

static void file_check(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d)
{
    (void)p;
    const struct file_source_spec *spec = s->source_spec;
    struct error err = ERROR_INIT;
    struct encoding encoding;
    check_pattern(spec->skip, "skip", s, d);
    check_pattern(spec->stop_at, "stop_at", s, d);
    check_pattern(spec->trailer.match, "trailer", s, d);
    for (size_t i = 0; i < spec->preamble.count; i++)
        check_pattern(spec->preamble.values[i], "preamble", s, d);
    for (size_t i = 0; i < spec->fill_down.count; i++)
        if (stream_column(s, spec->fill_down.items[i]) < 0)
            diagnostics_add(d, ynode_get(s->source_node, "fill_down"), NULL,
                            "fill_down: '%s' is not a column of the stream",
                            spec->fill_down.items[i]);
    for (size_t i = 0; i < spec->trailer.sum.count; i++)
        if (stream_column(s, spec->trailer.sum.keys[i]) < 0)
            diagnostics_add(d, ynode_get(s->source_node, "trailer"), NULL,
                            "trailer: '%s' is not a column of the stream",
                            spec->trailer.sum.keys[i]);
    if (spec->trailer.sum.count > 8)
        diagnostics_add(d, ynode_get(s->source_node, "trailer"), NULL, "at most 8 sums");
    if (spec->encoding != NULL && strcmp(spec->encoding, "auto") != 0 &&
        encoding_named(spec->encoding, &encoding, &err) != 0)
        diagnostics_add(d, ynode_get(s->source_node, "encoding"), NULL, "%s", err.message);
    if (spec->delimiter != NULL && strcmp(spec->delimiter, "tab") != 0 &&
        strlen(spec->delimiter) != 1)
        diagnostics_add(d, ynode_get(s->source_node, "delimiter"), NULL,
                        "'delimiter' is one ASCII character or 'tab'");
    if (strcmp(spec->quote, "none") != 0 && strlen(spec->quote) != 1)
        diagnostics_add(d, ynode_get(s->source_node, "quote"), NULL,
                        "'quote' is one ASCII character or 'none'");
    where_check(s, &spec->where, d);
    if (spec->where.count > 0 && spec->trailer.sum.count > 0)
        diagnostics_add(d, ynode_get(s->source_node, "where"),
                        "leave rows out by a  transform: - filter",
                        "the total of 'trailer.sum' is that of all rows, and 'where' reads fewer");
    if (s->incremental != NULL)
        diagnostics_add(d, s->node, NULL, "'incremental' is for APIs and queries, not for files");
}

/* ---- paths ------------------------------------------------------------------------------ */

static int find_paths(struct source *s, struct error *err)
{
    const char *text;
    TRY(stream_text(s->ctx, s->spec->file, &text, err));
    if (strcmp(text, "-") == 0 || text[0] == '/')
        text = arena_strdup(s->ctx->arena, text);
    else
        text = arena_printf(s->ctx->arena, "%s/%s", s->ctx->pipeline->directory, text);
    glob_t found = {0};
    bool is_glob = strpbrk(text, "*?[") != NULL;
    int code = is_glob ? glob(text, 0, NULL, &found) : 0;
    if (is_glob && code == GLOB_NOMATCH) {
        globfree(&found);
        if (s->spec->optional)
            return 0;
        return error_set(err, ERR_NOT_FOUND, "no file matches '%s'", text);
    }
    if (is_glob && code != 0)
        return error_set(err, ERR_IO, "cannot list '%s'", text);
    s->npaths = is_glob ? found.gl_pathc : 1;
    size_t first = s->spec->files == FILES_LAST ? s->npaths - 1 : 0;
    s->npaths -= first;
    s->paths = arena_array(s->ctx->arena, s->npaths, sizeof(char *));
    for (size_t i = 0; i < s->npaths; i++) {
        struct stat st;
        s->paths[i] = arena_strdup(s->ctx->arena, is_glob ? found.gl_pathv[first + i] : text);
        if (stat(s->paths[i], &st) == 0)
            s->done_total += (uint64_t)st.st_size;
    }
    globfree(&found);
    if (!is_glob && s->spec->optional && strcmp(text, "-") != 0 && s->done_total == 0) {
        struct stat st;
        if (stat(text, &st) != 0)
            s->npaths = 0;
    }
    return 0;
}

static const char *open_sha256(const struct source *s)
{
    return s->csv != NULL ? csvio_sha256(s->csv) : s->lines != NULL ? linesio_sha256(s->lines) : "";
}

static void close_current(struct source *s)
{
    if (s->csv != NULL)
        csvio_close(s->csv);
    if (s->lines != NULL)
        linesio_close(s->lines);
    s->csv = NULL;
    s->lines = NULL;
}

/* `append` would load a file twice: its hash stands in the ledger once it was loaded. */
static bool already_loaded(const struct source *s)
{
    const char *sha256 = open_sha256(s);
    if (s->ctx->ledger == NULL || sha256[0] == '\0')
        return false;
    return !state_ledger_note(s->ctx->ledger, sha256, s->path);
}

/* A file that ends without its total may be cut off. */
static int check_trailer(const struct source *s, struct error *err)
{
    if (!s->trailer.is_set || s->trailer_seen || (s->csv == NULL && s->lines == NULL))
        return 0;
    error_set(err, ERR_DATA, "'%s' ends without its total (a record matching '%s')", s->path,
              s->spec->trailer.match);
    return error_hint(err, "it may be cut off: nothing of it was loaded");
}

static void forget_filled(struct source *s)
{
    for (size_t i = 0; i < s->nfill; i++) {
        free(s->filled[i]);
        s->filled[i] = NULL;
    }
}

static int open_next(struct source *s, bool *ret_end, struct error *err)
{
    bool skip = true;
    TRY(check_trailer(s, err));
    while (skip) {
        close_current(s);
        forget_filled(s);
        s->trailer_seen = false;
        if (s->next_path == s->npaths) {
            *ret_end = true;
            return 0;
        }
        s->path = s->paths[s->next_path++];
        s->stopped = false;
        TRY(s->spec->format == FILE_JSONL ? file_jsonl_open(s, err) : file_csv_open(s, err));
        skip = already_loaded(s);
    }
    s->summary.sha256 = arena_strdup(s->ctx->arena, open_sha256(s));
    return 0;
}

/* ---- the source ------------------------------------------------------------------------- */

static int compile_patterns(struct source *s, struct error *err)
{
    TRY(pattern_compile(s->spec->skip, &s->skip, err));
    TRY(pattern_compile(s->spec->stop_at, &s->stop_at, err));
    TRY(pattern_compile(s->spec->trailer.match, &s->trailer, err));
    size_t n = s->spec->preamble.count;
    s->preamble = arena_array(s->ctx->arena, n + 1, sizeof *s->preamble);
    s->captured = arena_array(s->ctx->arena, n + 1, sizeof(char *));
    for (size_t i = 0; i < n; i++)
        TRY(pattern_compile(s->spec->preamble.values[i], &s->preamble[i], err));
    return 0;
}

static void file_close(struct source *s)
{
    if (s == NULL)
        return;
    close_current(s);
    pattern_release(&s->skip);
    pattern_release(&s->stop_at);
    pattern_release(&s->trailer);
    where_free(s->where);
    for (size_t i = 0; s->preamble != NULL && i < s->spec->preamble.count; i++)
        pattern_release(&s->preamble[i]);
    forget_filled(s);
    arena_free(s->line_arena);
    jpull_projection_free(s->projection);
    strbuf_release(&s->scratch);
    free(s);
}

static int file_open(const struct stream_context *ctx, struct source **ret, struct error *err)
{
    struct source *s = mem_alloc(sizeof *s);
    s->ctx = ctx;
    s->stream = ctx->stream;
    s->spec = ctx->stream->source_spec;
    s->summary.expect_rows = -1;
    s->summary.sha256 = "";
    strbuf_init(&s->scratch, 64 << 20);
    s->cells = arena_array(ctx->arena, s->stream->ncolumns + 1, sizeof *s->cells);
    s->places = arena_array(ctx->arena, s->stream->ncolumns + 1, sizeof *s->places);
    s->sum_fields = arena_array(ctx->arena, 8, sizeof *s->sum_fields);
    s->nfill = s->spec->fill_down.count;
    s->filled = arena_array(ctx->arena, s->nfill + 1, sizeof(char *));
    s->fill_columns = arena_array(ctx->arena, s->nfill + 1, sizeof(size_t));
    for (size_t i = 0; i < s->nfill; i++)
        s->fill_columns[i] = (size_t)stream_column(s->stream, s->spec->fill_down.items[i]);
    int code = compile_patterns(s, err);
    if (code == 0)
        code = where_new(s->stream, &s->spec->where, &s->where, err);
    if (code == 0)
        code = find_paths(s, err);
    if (code != 0) {
        file_close(s);
        return code;
    }
    *ret = s;
    return 0;
}

static void fill_down(struct source *s)
{
    for (size_t i = 0; i < s->nfill; i++) {
        struct cell *cell = &s->cells[s->fill_columns[i]];
        if (cell->form != CELL_NULL && span_trim(cell->text).len > 0) {
            free(s->filled[i]);
            s->filled[i] = mem_strndup(cell->text.ptr, cell->text.len);
        } else if (s->filled[i] != NULL) {
            *cell = (struct cell){CELL_TEXT, span_of(s->filled[i])};
        }
    }
}

static int file_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        bool end = s->csv == NULL && s->lines == NULL;
        if (!end) {
            TRY(s->lines != NULL ? file_jsonl_next(s, ret, &end, err)
                                 : file_csv_next(s, ret, &end, err));
            if (!end && s->nfill > 0 && ret->fault == NULL)
                fill_down(s);
            if (!end && where_keeps(s->where, s->ctx->reader, ret))
                return 0;
            if (!end) {
                s->summary.skipped++;
                continue;
            }
        }
        TRY(open_next(s, ret_end, err));
        if (s->csv == NULL && s->lines == NULL)
            return 0;
    }
}

static int file_finish(struct source *s, struct source_summary *ret, struct error *err)
{
    (void)err;
    *ret = s->summary;
    return 0;
}

static void file_habits(const struct stream_context *ctx, struct column_habits *ret)
{
    const struct file_source_spec *spec = ctx->stream->source_spec;
    *ret = (struct column_habits){.strip = (const char *const *)spec->strip.items,
                                  .nstrip = spec->strip.count,
                                  .null_words = (const char *const *)spec->null.items,
                                  .nnull_words = spec->null.count,
                                  .decimal_comma = spec->decimal == 1,
                                  .guard_apostrophe = spec->guard,
                                  .trim = spec->trim};
}

static size_t file_sums(const struct stream_context *ctx, const char **ret_columns)
{
    const struct file_source_spec *spec = ctx->stream->source_spec;
    for (size_t i = 0; i < spec->trailer.sum.count; i++)
        ret_columns[i] = spec->trailer.sum.keys[i];
    return spec->trailer.sum.count;
}

static void file_progress(struct source *s, uint64_t *ret_done, uint64_t *ret_total)
{
    uint64_t total;
    uint64_t in_file = s->csv != NULL     ? csvio_bytes_read(s->csv, &total)
                       : s->lines != NULL ? linesio_bytes_read(s->lines, &total)
                                          : 0;
    *ret_done = s->done_before + in_file;
    *ret_total = s->done_total;
}

const struct source_ops source_file = {.name = "file",
                                       .marker = "file",
                                       .fields = &file_set,
                                       .check = file_check,
                                       .habits = file_habits,
                                       .sums = file_sums,
                                       .open = file_open,
                                       .next = file_next,
                                       .finish = file_finish,
                                       .progress = file_progress,
                                       .close = file_close};
