/* A pipeline from a file: delimited text, or JSON Lines. */
#include "core/clock.h"
#include "core/fileio.h"
#include "format/jpull.h"
#include "format/linesio.h"
#include "pipeline/guess/draft.h"
#include "pipeline/guess/layout.h"
#include "pipeline/guess/names.h"
#include "pipeline/guess/records.h"

#include <inttypes.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { RESERVOIR_ROWS = 10000, TOTAL_WORDS = 8, HEADER_FIND = 3 };
#define RESERVOIR_BYTES ((size_t)64 << 20)
#define LINE_MAX_BYTES  ((size_t)16 << 20)
#define JSON_MAX_BYTES  ((size_t)256 << 20) /* a document is looked at in memory */

/* ---- a fair sample of what comes after the rows that are all looked at -------------------- */

struct kept_row {
    char *text; /* fields, each ended by NUL */
    size_t nfields;
    uint64_t line;
};
struct reservoir {
    struct kept_row rows[RESERVOIR_ROWS];
    size_t count, bytes;
    uint64_t offered;
};

static void reservoir_offer(struct reservoir *r, const struct span *fields, size_t n, uint64_t line)
{
    uint64_t at = r->offered++;
    if (r->count == RESERVOIR_ROWS)
        at = clock_random_u64() % r->offered;
    if (at >= RESERVOIR_ROWS || r->bytes > RESERVOIR_BYTES)
        return;
    size_t bytes = 1;
    for (size_t i = 0; i < n; i++)
        bytes += fields[i].len + 1;
    struct kept_row *row = &r->rows[at];
    if (at == r->count)
        r->count++;
    free(row->text);
    char *out = row->text = mem_alloc(bytes);
    for (size_t i = 0; i < n; i++) {
        memcpy(out, fields[i].ptr, fields[i].len);
        out[fields[i].len] = '\0';
        out += fields[i].len + 1;
    }
    row->nfields = n;
    row->line = line;
    r->bytes += bytes;
}

static void reservoir_free(struct reservoir *r)
{
    for (size_t i = 0; r != NULL && i < r->count; i++)
        free(r->rows[i].text);
    free(r);
}

/* ---- delimited text --------------------------------------------------------------------- */

struct total_word {
    const char *word;
    uint64_t count, last_line;
};

struct scan {
    struct draft *draft;
    struct layout layout;
    struct seen_readers *readers;
    struct reservoir *reservoir;
    struct keys *keys;
    uint64_t rows; /* records that are data */
    uint64_t looked_at;
    uint64_t last_line; /* of the last record with data */
    uint64_t short_rows, faults;
    struct total_word totals[TOTAL_WORDS];
    size_t ntotals;
    /* records of another width at the end of the file */
    const char *tail;
    uint64_t tail_rows;
};

static void look_at_row(struct scan *s, const struct span *fields, size_t n, uint64_t line)
{
    s->looked_at++;
    for (size_t i = 0; i < s->draft->ncolumns; i++)
        seen_add(s->draft->columns[i].seen, s->readers, CELL_TEXT, i < n ? fields[i] : SPAN(""),
                 line);
}

static void note_total(struct scan *s, struct span word, uint64_t line)
{
    size_t i = 0;
    while (i < s->ntotals && (strlen(s->totals[i].word) != word.len ||
                              memcmp(s->totals[i].word, word.ptr, word.len) != 0))
        i++;
    if (i == TOTAL_WORDS)
        return;
    if (i == s->ntotals)
        s->totals[s->ntotals++].word = arena_strndup(s->draft->arena, word.ptr, word.len);
    s->totals[i].count++;
    s->totals[i].last_line = line;
}

/* A summary of another shape at the end (bills have one) is told by its first word. */
static void note_tail(struct scan *s, const struct csvio_record *record)
{
    static const char *const words[] = {"总", "合计", "共", "汇总", "otal", "TOTAL", "ount", "#"};
    struct span first = layout_first(record);
    if (s->tail_rows++ > 0)
        return;
    s->tail = NULL;
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
        note_total(s, word, record->line);
        return;
    }
    if (record->nfields != s->layout.width) {
        s->short_rows++;
        note_tail(s, record);
        return;
    }
    s->tail_rows = 0;
    s->rows++;
    s->last_line = record->line;
    if (s->looked_at < (uint64_t)s->draft->options->rows_max) {
        look_at_row(s, record->fields, record->nfields, record->line);
        keys_add(s->keys, record->fields, record->nfields);
    } else {
        reservoir_offer(s->reservoir, record->fields, record->nfields, record->line);
    }
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
    for (size_t i = 0; code == 0 && i < s->reservoir->count; i++) {
        const struct kept_row *row = &s->reservoir->rows[i];
        struct span *fields = mem_array(row->nfields + 1, sizeof *fields);
        const char *at = row->text;
        for (size_t k = 0; k < row->nfields; k++) {
            fields[k] = (struct span){at, strlen(at)};
            at += fields[k].len + 1;
        }
        look_at_row(s, fields, row->nfields, row->line);
        free(fields);
    }
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

/* Odoo and Frappe write the cells of a group only on its first line. */
static void find_fill_down(struct scan *s)
{
    struct draft *d = s->draft;
    for (size_t i = 0; i < d->ncolumns && i < 3; i++) {
        const struct seen *seen = d->columns[i].seen;
        uint64_t filled = seen->rows - seen->empty;
        if (!seen->first_is_set || seen->empty * 2 < seen->rows || filled < 2 ||
            seen->repeats > 0 || d->columns[i].type.is_number)
            return;
        d->columns[i].fill_down = true;
    }
}

/* ---- the lines of `source:` ------------------------------------------------------------- */

static void print_pattern(struct strbuf *out, const char *key, const char *const *words, size_t n)
{
    AUTO_STRBUF struct strbuf pattern = {0};
    strbuf_init(&pattern, 4096);
    strbuf_addch(&pattern, '^');
    strbuf_adds(&pattern, n > 1 ? "(" : "");
    for (size_t i = 0; i < n; i++) {
        strbuf_adds(&pattern, i > 0 ? "|" : "");
        name_regex(&pattern, span_of(words[i]));
    }
    strbuf_adds(&pattern, n > 1 ? ")" : "");
    strbuf_addf(out, "      %s: ", key);
    name_yaml(out, pattern.data);
}

/* The record that ends the file is its total; the others are passed over. */
static void print_totals(const struct scan *s, struct strbuf *out)
{
    const char *skipped[TOTAL_WORDS];
    size_t n = 0;
    const struct total_word *last = NULL;
    uint64_t skipped_rows = 0;
    for (size_t i = 0; i < s->ntotals; i++) {
        const struct total_word *t = &s->totals[i];
        if (t->count == 1 && t->last_line > s->last_line && s->tail == NULL &&
            (unsigned char)t->word[0] >= 0x80 && strcmp(t->word, "小计") != 0 &&
            (last == NULL || t->last_line > last->last_line))
            last = t;
    }
    for (size_t i = 0; i < s->ntotals; i++) {
        if (&s->totals[i] == last)
            continue;
        skipped[n++] = s->totals[i].word;
        skipped_rows += s->totals[i].count;
    }
    if (n > 0) {
        print_pattern(out, "skip", skipped, n);
        strbuf_addf(out, "   # %" PRIu64 " subtotals or rules\n", skipped_rows);
    }
    if (last != NULL) {
        strbuf_adds(out, "      trailer: { match: ");
        AUTO_STRBUF struct strbuf pattern = {0};
        strbuf_init(&pattern, 256);
        strbuf_addch(&pattern, '^');
        name_regex(&pattern, span_of(last->word));
        name_yaml(out, pattern.data);
        strbuf_adds(out, " }   # the last record: without it the file is cut off; add "
                         "sum: { column: header } to hold it to its total\n");
    }
    if (s->tail != NULL && s->tail_rows > 0) {
        print_pattern(out, "stop_at", &s->tail, 1);
        strbuf_addf(out, "   # a summary of another shape: %" PRIu64 " records\n", s->tail_rows);
    }
}

static void print_strip(const struct scan *s, struct strbuf *out)
{
    unsigned pieces = 0;
    bool any = false;
    for (size_t i = 0; i < s->draft->ncolumns; i++)
        pieces |= s->draft->columns[i].type.pieces;
    for (unsigned k = 0; seen_pieces[k] != NULL; k++) {
        if ((pieces & 1U << k) == 0)
            continue;
        strbuf_adds(out, any ? ", " : "      strip: [");
        name_yaml(out, seen_pieces[k]);
        any = true;
    }
    strbuf_adds(out, any ? "]   # dropped from numbers and dates\n" : "");
}

static void print_fill_down(const struct scan *s, struct strbuf *out)
{
    bool any = false;
    for (size_t i = 0; i < s->draft->ncolumns; i++) {
        if (!s->draft->columns[i].fill_down)
            continue;
        strbuf_adds(out, any ? ", " : "      fill_down: [");
        name_yaml(out, s->draft->columns[i].name);
        any = true;
    }
    strbuf_adds(out, any ? "]   # given on the first row of each group only\n" : "");
}

static void print_text_habits(const struct scan *s, struct strbuf *out)
{
    uint64_t padded = 0, guarded = 0;
    for (size_t i = 0; i < s->draft->ncolumns; i++) {
        const struct draft_column *c = &s->draft->columns[i];
        if (strcmp(c->type.type, "text") != 0)
            continue;
        padded += c->seen->padded.count;
        guarded += c->seen->guarded.count + c->seen->backticks;
    }
    if (padded > 0)
        strbuf_addf(out, "      trim: true   # %" PRIu64 " texts have blanks around them\n",
                    padded);
    if (guarded > 0)
        strbuf_addf(out,
                    "      guard: true   # %" PRIu64
                    " texts have a backtick, or an apostrophe before = + - @\n",
                    guarded);
}

static void print_header(const struct layout *l, struct strbuf *out)
{
    if (!l->has_header) {
        strbuf_adds(out,
                    "      header: { none: true }   # the first record has numbers or dates\n");
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
        strbuf_addf(out, "], skip_max: %zu }   # line %" PRIu64 ", below %zu others\n",
                    l->above > 20 ? l->above : 20, l->header_line, l->above);
    }
    if (l->doubt != NULL)
        strbuf_addf(out, "      # the header is line %" PRIu64 ": %s\n", l->header_line, l->doubt);
    if (l->above_label != NULL) {
        AUTO_STRBUF struct strbuf label = {0};
        strbuf_init(&label, 256);
        name_regex(&label, span_of(l->above_label));
        strbuf_addf(out,
                    "      # preamble: { exported_at: \"%s[：:] *([0-9/-]+ [0-9:]+)\" }   # a time "
                    "above the header; as a column: from: $exported_at\n",
                    label.data);
    }
}

static const char *source_lines(const struct scan *s, const char *path)
{
    const struct layout *l = &s->layout;
    const struct encoding *e = &l->scan.encoding;
    bool is_ascii = strcmp(e->name, "UTF-8") == 0 && e->bom_bytes == 0 && l->multibyte == 0;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 1 << 20);
    strbuf_adds(&out, "      file: ");
    name_yaml(&out, path);
    strbuf_addf(&out,
                "   # or a glob; relative paths count from this file\n      format: csv\n"
                "      encoding: %s\n",
                is_ascii ? "auto" : e->name);
    strbuf_addf(&out, "      delimiter: %s\n",
                l->delimiter == '\t'  ? "tab"
                : l->delimiter == ',' ? "\",\""
                : l->delimiter == ';' ? "\";\""
                                      : "\"|\"");
    if (l->quote < 0)
        strbuf_adds(&out, "      quote: none   # quotes are text here\n");
    print_header(l, &out);
    print_totals(s, &out);
    if (s->draft->mark == MARK_COMMA)
        strbuf_adds(&out, "      decimal: comma   # 1.234,50\n");
    print_strip(s, &out);
    print_text_habits(s, &out);
    print_fill_down(s, &out);
    return arena_strdup(s->draft->arena, out.data);
}

static const char *encoding_words(const struct layout *l)
{
    const struct encoding *e = &l->scan.encoding;
    if (e->bom_bytes > 0)
        return "by its byte order mark";
    if (strcmp(e->name, "UTF-8") == 0)
        return l->multibyte == 0 ? "nothing beyond ASCII in its first mebibyte"
               : e->verified     ? "no byte order mark, valid throughout"
                                 : "no byte order mark; some bytes are not valid";
    return "no byte order mark, not UTF-8";
}

static const char *intro_lines(const struct scan *s, const char *path)
{
    const struct layout *l = &s->layout;
    const char *slash = strrchr(path, '/');
    AUTO_STRBUF struct strbuf out = {0}, name = {0};
    strbuf_init(&out, 1 << 16);
    strbuf_init(&name, 4096);
    name_yaml(&name, slash != NULL ? slash + 1 : path);
    strbuf_addf(&out, "# Guessed from %s (%" PRIu64 " bytes): review it, then commit it.\n",
                name.data, l->scan.size_bytes);
    strbuf_addf(&out, "# Encoding: %s, %s. Line ends: %s. Quotes: %s.\n", l->scan.encoding.name,
                encoding_words(l), l->crlf ? "CR LF" : "LF",
                l->quote < 0       ? "text"
                : l->quote_is_used ? "used"
                                   : "none seen");
    if (s->reservoir->offered > 0)
        strbuf_addf(&out,
                    "# Looked at the first %" PRIu64 " of %" PRIu64
                    " rows, and at %zu of the others, drawn by lot.\n",
                    s->looked_at - s->reservoir->count, s->rows, s->reservoir->count);
    else
        strbuf_addf(&out, "# Looked at all its %" PRIu64 " rows.\n", s->rows);
    return arena_strdup(s->draft->arena, out.data);
}

static void find_keys(struct scan *s)
{
    int weights[KEYS_COLUMNS];
    for (size_t i = 0; i < KEYS_COLUMNS; i++)
        weights[i] = i < s->draft->ncolumns ? draft_key_weight(&s->draft->columns[i], i) : -1;
    for (size_t i = 0; i < s->draft->ncolumns; i++)
        if (s->draft->columns[i].fill_down)
            keys_fill_down(s->keys, i);
    s->draft->nkeys = keys_find(s->keys, weights, s->draft->keys);
}

static int guess_csv(struct draft *d, const char *path, struct strbuf *out, struct error *err)
{
    struct scan s = {.draft = d};
    TRY(layout_guess(path, d->arena, &s.layout, err));
    if (s.layout.width > DRAFT_COLUMNS_MAX)
        return error_set(err, ERR_LIMIT, "'%s' has %zu columns, a table has at most %d", path,
                         s.layout.width, DRAFT_COLUMNS_MAX);
    make_columns(&s);
    s.readers = seen_readers_new();
    s.reservoir = mem_alloc(sizeof *s.reservoir);
    s.keys = keys_new(d->ncolumns);
    int code = scan_file(&s, path, err);
    if (code == 0) {
        draft_decide(d);
        find_fill_down(&s);
        find_keys(&s);
        d->source = source_lines(&s, path);
        d->intro = intro_lines(&s, path);
        code = draft_finish(d, out, err);
    }
    seen_readers_free(s.readers);
    reservoir_free(s.reservoir);
    keys_free(s.keys);
    return code;
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

static int guess_jsonl(struct draft *d, const char *path, struct strbuf *out, struct error *err)
{
    struct records *r = records_new(d->arena);
    AUTO_STRBUF struct strbuf source = {0}, name = {0};
    const char *slash = strrchr(path, '/');
    uint64_t rows = 0;
    strbuf_init(&source, 1 << 16);
    strbuf_init(&name, 4096);
    int code = read_lines(path, r, d->options->rows_max, &rows, err);
    if (code == 0)
        code = records_draft(r, d, err);
    if (code == 0) {
        strbuf_adds(&source, "      file: ");
        name_yaml(&source, path);
        strbuf_adds(&source, "   # or a glob; relative paths count from this file\n"
                             "      format: jsonl\n");
        d->source = arena_strdup(d->arena, source.data);
        name_yaml(&name, slash != NULL ? slash + 1 : path);
        d->intro = arena_printf(
            d->arena,
            "# Guessed from %s: review it, then commit it.\n# Looked at %" PRIu64 " of %" PRIu64
            " lines.\n",
            name.data,
            rows < (uint64_t)d->options->rows_max ? rows : (uint64_t)d->options->rows_max, rows);
        code = draft_finish(d, out, err);
    } else {
        error_context(err, "'%s'", path);
    }
    records_free(r);
    return code;
}

/* ---- JSON ------------------------------------------------------------------------------- */

static int draft_json(struct draft *d, const char *path, struct span document, struct records *r,
                      struct strbuf *out, struct error *err)
{
    struct found_records found;
    AUTO_STRBUF struct strbuf source = {0}, name = {0};
    const char *slash = strrchr(path, '/');
    strbuf_init(&source, 1 << 16);
    strbuf_init(&name, 4096);
    TRY(jpull_check(document, false, err));
    records_find(document, &found);
    if (found.count == 0)
        return error_set(err, ERR_DATA, "there is no list of JSON objects in it");
    TRY(records_add_all(r, &found, err));
    TRY(records_draft(r, d, err));
    strbuf_adds(&source, "      file: ");
    name_yaml(&source, path);
    strbuf_adds(&source, "   # or a glob; relative paths count from this file\n"
                         "      format: json\n");
    if (found.pointer[0] != '\0') {
        strbuf_adds(&source, "      records: ");
        name_yaml(&source, found.pointer);
        strbuf_addch(&source, '\n');
    }
    d->source = arena_strdup(d->arena, source.data);
    name_yaml(&name, slash != NULL ? slash + 1 : path);
    d->intro = arena_printf(d->arena,
                            "# Guessed from %s: review it, then commit it.\n"
                            "# Looked at all its %zu records.\n",
                            name.data, found.count);
    return draft_finish(d, out, err);
}

static int guess_json(struct draft *d, const char *path, struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, JSON_MAX_BYTES);
    TRY(file_read(path, JSON_MAX_BYTES, &text, err));
    bool has_mark = text.len >= 3 && memcmp(text.data, "\xEF\xBB\xBF", 3) == 0;
    struct span document = {text.data + (has_mark ? 3 : 0), text.len - (has_mark ? 3 : 0)};
    struct records *r = records_new(d->arena);
    int code = draft_json(d, path, span_trim(document), r, out, err);
    if (code != 0 && code != ERR_BUG)
        error_context(err, "'%s'", path);
    records_free(r);
    return code;
}

/* ---- which ------------------------------------------------------------------------------ */

static bool ends_with(const char *path, const char *suffix)
{
    size_t n = strlen(path), m = strlen(suffix);
    return n >= m && strcasecmp(path + n - m, suffix) == 0;
}

static int dispatch(struct draft *d, const char *path, struct strbuf *out, struct error *err)
{
    static const char *const others[] = {".zip", ".gz", ".zst", ".xlsx", ".xls"};
    if (ends_with(path, ".jsonl") || ends_with(path, ".ndjson"))
        return guess_jsonl(d, path, out, err);
    if (ends_with(path, ".json"))
        return guess_json(d, path, out, err);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        if (!ends_with(path, others[i]))
            continue;
        error_set(err, ERR_USAGE, "'%s': %s files are not looked into", path, others[i]);
        return error_hint(err,
                          strcmp(others[i], ".json") == 0
                              ? "make one line of each record: jq -c '.[]' file.json > file.jsonl"
                              : "unpack it, or export it as CSV");
    }
    return guess_csv(d, path, out, err);
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
                   ? dispatch(&d, real, out, err)
                   : error_set(err, ERR_NOT_FOUND, "there is no file '%s'", path);
    arena_free(d.arena);
    return code;
}
