/* The file source: one input after the other, the ledger of files seen, what its formats share. */
#include "pipeline/source/file.h"
#include "core/log.h"
#include "pipeline/state.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- records, whatever their format ----------------------------------------------------- */

enum record_use file_record_use(struct source *s, struct span first, uint64_t line)
{
    if (subtotals_match(s->subtotals, first)) { /* below the total, too */
        s->summary.skipped++;
        return RECORD_SUBTOTAL;
    }
    if (s->stopped) {
        s->summary.skipped++;
        return RECORD_SKIPPED;
    }
    bool is_below = s->trailer_line != 0;
    bool is_trailer = !is_below && pattern_matches(&s->trailer, first);
    if (is_trailer)
        s->trailer_line = line;
    s->stopped = pattern_matches(&s->stop_at, first);
    if (!is_trailer && !s->stopped && !pattern_matches(&s->skip, first))
        return is_below ? RECORD_BELOW : RECORD_ROW;
    s->summary.skipped++;
    return is_trailer ? RECORD_TRAILER : RECORD_SKIPPED;
}

/* How many cells of the open file have something in them, and how many of them are no text. */
struct filled {
    size_t cells, of, figures, of_figures;
};

static struct filled count_filled(const struct source *s)
{
    struct filled n = {0};
    for (size_t i = 0; i < s->stream->ncolumns; i++) {
        if (s->places[i].origin != ORIGIN_FIELD)
            continue;
        bool is_filled = s->cells[i].form != CELL_NULL && span_trim(s->cells[i].text).len > 0;
        bool is_figure = s->stream->columns[i].type.kind != DB_TEXT;
        n.of++;
        n.of_figures += is_figure;
        n.cells += is_filled;
        n.figures += is_filled && is_figure;
    }
    return n;
}

void file_note_filled(struct source *s)
{
    struct filled n = count_filled(s);
    if (n.cells < s->filled_min)
        s->filled_min = n.cells;
}

/* "制表人：张三" stands below many a total, and so do further totals: what fills fewer cells than
 * rows do, or none but texts, is a note. */
static bool is_like_row(struct source *s)
{
    struct filled n = count_filled(s);
    size_t needed = s->filled_min < n.of ? s->filled_min : n.of;
    if (needed < 2 && n.of >= 2)
        needed = 2;
    if (n.cells < needed || (n.of_figures > 0 && n.figures == 0))
        return false;
    for (size_t i = 0; i < s->stream->ncolumns; i++) {
        struct span text;
        bool is_null;
        if (s->places[i].origin == ORIGIN_FIELD &&
            column_canonical(s->ctx->reader, i, &s->cells[i], &text, &is_null) != NULL)
            return false;
    }
    return true;
}

int file_check_below(struct source *s, const char *fault, uint64_t line, struct error *err)
{
    if (fault != NULL || !is_like_row(s)) {
        s->summary.skipped++;
        return 0;
    }
    error_set(err, ERR_DATA,
              "%s:%" PRIu64 ": a row below the total that ends the data (line %" PRIu64
              ", the first record matching '%s')",
              s->path, line, s->trailer_line, s->spec->trailer.match);
    return error_hint(err, "if it is one, let trailer.match fit the last total only and `skip` or "
                           "`subtotals` the others; if it is a note, `skip` it; `stop_at` leaves "
                           "out all that follows");
}

void file_capture_preamble(struct source *s, struct span line)
{
    for (size_t i = 0; i < s->spec->preamble.count; i++) {
        struct span found;
        if (pattern_capture(&s->preamble[i], line, &found))
            s->captured[i] = arena_strndup(s->ctx->arena, found.ptr, found.len);
    }
}

int file_check_preamble(const struct source *s, struct error *err)
{
    for (size_t i = 0; i < s->spec->preamble.count; i++)
        if (s->captured[i] == NULL)
            return error_set(err, ERR_DATA,
                             "%s: '%s' was not found above the header (pattern '%s')", s->path,
                             s->spec->preamble.keys[i], s->spec->preamble.values[i]);
    return 0;
}

int file_add_sum(struct source *s, size_t i, struct span text, uint64_t line, struct error *err)
{
    const char *name = s->spec->trailer.sum.keys[i];
    struct cell cell = {CELL_TEXT, text};
    size_t column = (size_t)stream_column(s->stream, name);
    struct decimal sum, total;
    struct span clean = SPAN("");
    bool is_null = true;
    const char *reason = column_clean(s->ctx->reader, column, &cell, &clean, &is_null);
    if (reason != NULL || is_null || !decimal_parse(clean.ptr, clean.len, &sum))
        return error_set(err, ERR_DATA, "%s:%" PRIu64 ": the total of '%s' is not a number: '%.*s'",
                         s->path, line, name, (int)text.len, text.ptr);
    s->summary.sum_columns[i] = name;
    if (i < s->summary.nsums && decimal_add(&s->summary.sums[i], &sum, &total))
        sum = total; /* several files: their totals add up */
    s->summary.sums[i] = sum;
    return 0;
}

bool file_special_cell(struct source *s, size_t i, uint64_t line, struct cell *ret)
{
    switch (s->places[i].origin) {
    case ORIGIN_FIELD: return false;
    case ORIGIN_NONE: *ret = (struct cell){CELL_NULL, SPAN("")}; break;
    case ORIGIN_LINE:
        snprintf(s->line_text, sizeof s->line_text, "%" PRIu64, line);
        *ret = (struct cell){CELL_CLEAN, span_of(s->line_text)};
        break;
    case ORIGIN_FILE: *ret = (struct cell){CELL_CLEAN, span_of(s->path)}; break;
    case ORIGIN_PREAMBLE:
        *ret = (struct cell){CELL_TEXT, span_of(s->captured[s->places[i].index])};
        break;
    }
    return true;
}

int file_place_special(struct source *s, const char *from, struct cell_place *ret)
{
    char *end;
    if (from[0] != '$')
        return ERR_NOT_FOUND;
    if (strcmp(from, "$line") == 0) {
        ret->origin = ORIGIN_LINE;
        return 0;
    }
    if (strcmp(from, "$file") == 0) {
        ret->origin = ORIGIN_FILE;
        return 0;
    }
    unsigned long number = strtoul(from + 1, &end, 10);
    if (end != from + 1 && *end == '\0' && number >= 1 && number <= CSVIO_FIELDS_MAX) {
        *ret = (struct cell_place){ORIGIN_FIELD, number - 1};
        return 0;
    }
    for (size_t i = 0; i < s->spec->preamble.count; i++) {
        if (strcmp(s->spec->preamble.keys[i], from + 1) == 0) {
            *ret = (struct cell_place){ORIGIN_PREAMBLE, i};
            return 0;
        }
    }
    if (stream_item(s->ctx, from + 1) != NULL) { /* the engine puts it in */
        ret->origin = ORIGIN_LINE;
        return 0;
    }
    return ERR_NOT_FOUND;
}

bool file_may_read_again(const struct source *s)
{
    const struct stream_context *ctx = s->ctx;
    return ctx->stream->source == &source_file && ctx->fallback != NULL && !stream_fell_back(ctx) &&
           !ctx->plan && ctx->watch == NULL && ctx->on_row == NULL && ctx->preview_rows == 0 &&
           stream_can_read_again(ctx);
}

int file_lines_open(struct source *s, struct file_feed *feed, size_t line_max_bytes,
                    struct error *err)
{
    const char *encoding = s->spec->encoding;
    if (feed->source != NULL)
        return linesio_open_source(feed->source, s->path, encoding, line_max_bytes, &s->lines, err);
    return file_may_read_again(s)
               ? linesio_open_beside(feed->fd, s->path, encoding, line_max_bytes, &s->lines, err)
               : linesio_open(feed->fd, s->path, encoding, line_max_bytes, &s->lines, err);
}

/* ---- one input after the other ---------------------------------------------------------- */

/* A source has one open text: csv, or lines. */
static bool file_is_open(const struct source *s)
{
    return s->csv != NULL || s->lines != NULL;
}

static const char *open_sha256(const struct source *s)
{
    return s->csv != NULL ? csvio_sha256(s->csv) : s->lines != NULL ? linesio_sha256(s->lines) : "";
}

/* From here on the encoding is certain, and the hash known. */
static int settle(struct source *s, struct error *err)
{
    if (s->csv != NULL)
        return csvio_settle(s->csv, err);
    return s->lines != NULL ? linesio_settle(s->lines, err) : 0;
}

static bool is_misjudged(const struct source *s)
{
    return s->csv != NULL ? csvio_is_misjudged(s->csv)
                          : s->lines != NULL && linesio_is_misjudged(s->lines);
}

static bool is_scanned(const struct source *s)
{
    return s->csv != NULL ? csvio_is_scanned(s->csv)
                          : s->lines == NULL || linesio_is_scanned(s->lines);
}

static uint64_t open_size(const struct source *s)
{
    uint64_t total = 0;
    if (s->csv != NULL)
        (void)csvio_bytes_read(s->csv, &total);
    else if (s->lines != NULL)
        (void)linesio_bytes_read(s->lines, &total);
    return total;
}

/* The open file was read to its end. */
static int end_current(struct source *s, struct error *err)
{
    TRY(settle(s, err));
    if (!s->is_counted)
        return 0;
    s->is_counted = false;
    s->summary.sha256 = arena_strdup(s->ctx->arena, open_sha256(s));
    if (s->is_listed_later)
        state_ledger_add(s->ctx->ledger, open_sha256(s), file_inputs_identity(s->inputs),
                         open_size(s));
    return 0;
}

static void close_current(struct source *s)
{
    file_fixed_close(s);
    file_json_close(s);
    uint64_t total;
    if (s->csv != NULL) {
        s->bytes += csvio_bytes_read(s->csv, &total);
        csvio_close(s->csv);
    }
    if (s->lines != NULL) {
        s->bytes += linesio_bytes_read(s->lines, &total);
        linesio_close(s->lines);
    }
    s->csv = NULL;
    s->lines = NULL;
}

static int refuse_changed(const struct source *s, uint64_t bytes_before, struct error *err)
{
    error_set(err, ERR_DATA,
              "'%s' has other content than when it was loaded: %" PRIu64 " bytes then, %" PRIu64
              " now",
              s->path, bytes_before, open_size(s));
    if (s->stream->mode == MODE_APPEND)
        return error_hint(err, "to add the rows of the new content too: `changed: ignore`; to put "
                               "them in place of the old ones: mode merge, and `changed: reload`");
    return error_hint(err, "to read it again: `changed: reload`");
}

/* Whether the ledger says that the open file is to be left out. What follows a file that is read is
 * read too, as its rows may be those of an earlier file mended: in `append` there are none. */
static int look_up(struct source *s, bool *ret_leave_out, struct error *err)
{
    struct state_ledger *l = s->ctx->ledger;
    const char *name = file_inputs_identity(s->inputs);
    bool is_append = s->stream->mode == MODE_APPEND;
    uint64_t bytes_before = 0;
    *ret_leave_out = s->is_listed_later = false;
    if (l == NULL)
        return 0;
    if (!is_scanned(s) && !state_ledger_may_know(l, name, open_size(s))) {
        s->reads_on = s->is_listed_later = true;
        return 0;
    }
    TRY(settle(s, err));
    const char *sha256 = open_sha256(s);
    if (sha256[0] == '\0')
        return 0;
    enum ledger_verdict verdict = state_ledger_look(l, is_append, sha256, name, &bytes_before);
    if (verdict == LEDGER_CHANGED && s->spec->changed == CHANGED_REFUSE)
        return refuse_changed(s, bytes_before, err);
    if (verdict == LEDGER_LOADED && s->stream->mode != MODE_REPLACE &&
        (is_append || !s->reads_on)) {
        *ret_leave_out = true;
        state_ledger_leave_out(l);
        return 0;
    }
    s->reads_on = true;
    state_ledger_add(l, sha256, name, open_size(s));
    return 0;
}

/* A file that ends without its total may be cut off. */
static int check_trailer(const struct source *s, struct error *err)
{
    if (!s->trailer.is_set || s->trailer_line != 0 || !file_is_open(s))
        return 0;
    error_set(err, ERR_DATA, "'%s' ends without its total (a record matching '%s')", s->path,
              s->spec->trailer.match);
    return error_hint(err, "it may be cut off: nothing of it was loaded");
}

static int check_subtotals(struct source *s, struct error *err)
{
    const char *found = NULL;
    if (s->subtotals == NULL || !file_is_open(s))
        return 0;
    TRY(subtotals_end(s->subtotals, s->path, &found, err));
    if (found == NULL)
        return 0;
    log_warn("stream '%s': the rows differ from the subtotals of their file: %s", s->stream->name,
             found);
    size_t n = s->summary.nfindings++;
    s->summary.findings = mem_grow(s->summary.findings, &s->findings_capacity, n + 1, sizeof found);
    s->summary.findings[n] = found;
    return 0;
}

static void forget_filled(struct source *s)
{
    for (size_t i = 0; i < s->nfill; i++) {
        free(s->filled[i]);
        s->filled[i] = NULL;
        s->fill_lost[i] = 0;
    }
}

static int open_format(struct source *s, struct file_feed *feed, struct error *err)
{
    for (size_t i = 0; i < s->spec->preamble.count; i++)
        s->captured[i] = NULL;
    switch (s->spec->format) {
    case FILE_JSONL: return file_jsonl_open(s, feed, err);
    case FILE_JSON: return file_json_open(s, feed, err);
    case FILE_FIXED: return file_fixed_open(s, feed, err);
    default: return file_csv_open(s, feed, err);
    }
}

static int next_row(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    switch (s->spec->format) {
    case FILE_JSONL: return file_jsonl_next(s, ret, ret_end, err);
    case FILE_JSON: return file_json_next(s, ret, ret_end, err);
    case FILE_FIXED: return file_fixed_next(s, ret, ret_end, err);
    default: return file_csv_next(s, ret, ret_end, err);
    }
}

static int open_next(struct source *s, bool *ret_end, struct error *err)
{
    bool skip = true;
    TRY(end_current(s, err));
    TRY(check_trailer(s, err));
    TRY(check_subtotals(s, err));
    while (skip) {
        struct file_feed feed;
        close_current(s);
        forget_filled(s);
        s->trailer_line = 0;
        s->filled_min = SIZE_MAX;
        s->stopped = false;
        TRY(file_inputs_next(s->inputs, &feed, &s->path, ret_end, err));
        if (*ret_end)
            return 0;
        TRY(open_format(s, &feed, err));
        TRY(look_up(s, &skip, err));
    }
    s->is_counted = true;
    return 0;
}

/* ---- the source ------------------------------------------------------------------------- */

static int compile_patterns(struct source *s, struct error *err)
{
    TRY(pattern_compile(s->spec->skip, &s->skip, err));
    TRY(pattern_compile(s->spec->stop_at, &s->stop_at, err));
    TRY(pattern_compile(s->spec->trailer.match, &s->trailer, err));
    TRY(pattern_compile(s->spec->header.until, &s->until, err));
    TRY(subtotals_new(s->ctx, &s->spec->subtotals, &s->subtotals, err));
    s->looks_at_text = s->skip.is_set || s->stop_at.is_set || s->trailer.is_set ||
                       s->subtotals != NULL || s->spec->header.repeats ||
                       s->spec->format == FILE_ALV;
    size_t n = s->spec->preamble.count;
    s->preamble = arena_array(s->ctx->arena, n + 1, sizeof *s->preamble);
    s->captured = arena_array(s->ctx->arena, n + 1, sizeof(char *));
    for (size_t i = 0; i < n; i++)
        TRY(pattern_compile(s->spec->preamble.values[i], &s->preamble[i], err));
    return 0;
}

/* Where the file's name comes from a parameter, that is how to name another. */
static int none_found(const struct source *s, struct error *err)
{
    const char *param = strstr(s->spec->file, "${params.");
    if (err->code != ERR_NOT_FOUND || param == NULL)
        return err->code;
    param += strlen("${params.");
    return error_hint(err, "put it there, or name another: --param %.*s=FILE",
                      (int)strcspn(param, "}"), param);
}

static int find_inputs(struct source *s, const struct file_given *given, struct error *err)
{
    bool by_header = s->spec->header.find.count > 0 &&
                     (s->spec->format == FILE_CSV || s->spec->format == FILE_TSV);
    struct file_input_options o = {.given = given,
                                   .directory = s->ctx->pipeline->directory,
                                   .only_last = s->spec->files == 1,
                                   .optional = s->spec->optional,
                                   .member = s->spec->member,
                                   .settle_ms = s->spec->settle_ms,
                                   .is_meant = by_header ? file_csv_has_header : NULL,
                                   .self = s};
    if (given == NULL)
        TRY(stream_text(s->ctx, s->spec->file, &o.file, err));
    o.file = arena_strdup(s->ctx->arena, o.file);
    return file_inputs_new(&o, s->ctx->arena, &s->inputs, err) == 0 ? 0 : none_found(s, err);
}

void file_source_close(struct source *s)
{
    if (s == NULL)
        return;
    undeclared_free(s->undeclared);
    subtotals_free(s->subtotals);
    free(s->summary.findings);
    close_current(s);
    file_inputs_free(s->inputs);
    pattern_release(&s->skip);
    pattern_release(&s->stop_at);
    pattern_release(&s->trailer);
    pattern_release(&s->until);
    where_free(s->where);
    for (size_t i = 0; s->preamble != NULL && i < s->spec->preamble.count; i++)
        pattern_release(&s->preamble[i]);
    forget_filled(s);
    arena_free(s->line_arena);
    jpull_projection_free(s->projection);
    strbuf_release(&s->scratch);
    free(s);
}

int file_source_open(const struct stream_context *ctx, const struct file_given *given,
                     struct source **ret, struct error *err)
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
    s->fill_lost = arena_array(ctx->arena, s->nfill + 1, sizeof(uint64_t));
    s->fill_columns = arena_array(ctx->arena, s->nfill + 1, sizeof(size_t));
    for (size_t i = 0; i < s->nfill; i++)
        s->fill_columns[i] = (size_t)stream_column(s->stream, s->spec->fill_down.items[i]);
    int code = compile_patterns(s, err);
    if (code == 0)
        code = where_new(s->stream, &s->spec->where, &s->where, err);
    bool is_taken = code == 0; /* the descriptor of `given` */
    if (code == 0)
        code = find_inputs(s, given, err);
    if (!is_taken && given != NULL && given->fd >= 0)
        close(given->fd);
    if (code != 0) {
        file_source_close(s);
        return code;
    }
    *ret = s;
    return 0;
}

/* A record that could not be read may have been the first of its group: what it gave is not known
 * until the next one gives a value, and that of the group before it would be wrong. */
static void lose_filled(struct source *s, uint64_t line)
{
    for (size_t i = 0; i < s->nfill; i++)
        if (s->fill_lost[i] == 0)
            s->fill_lost[i] = line;
}

static void refuse_unfilled(struct source *s, size_t i, struct source_row *row)
{
    snprintf(s->fill_fault, sizeof s->fill_fault,
             "%.100s stands in a record above, and line %" PRIu64 " could not be read",
             s->spec->fill_down.items[i], s->fill_lost[i]);
    row->fault = s->fill_fault;
    row->fault_line = row->position;
}

static void fill_down(struct source *s, struct source_row *row)
{
    if (row->fault != NULL) {
        lose_filled(s, row->position);
        return;
    }
    for (size_t i = 0; i < s->nfill; i++) {
        struct cell *cell = &s->cells[s->fill_columns[i]];
        if (cell->form != CELL_NULL && span_trim(cell->text).len > 0) {
            free(s->filled[i]);
            s->filled[i] = mem_strndup(cell->text.ptr, cell->text.len);
            s->fill_lost[i] = 0;
        } else if (s->fill_lost[i] != 0) {
            if (row->fault == NULL)
                refuse_unfilled(s, i, row);
        } else if (s->filled[i] != NULL) {
            *cell = (struct cell){CELL_TEXT, span_of(s->filled[i])};
        }
    }
}

static int next_of_all(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        bool end = !file_is_open(s);
        if (!end) {
            TRY(next_row(s, ret, &end, err));
            if (!end && s->nfill > 0)
                fill_down(s, ret);
            if (!end && s->subtotals != NULL)
                TRY(subtotals_add_row(s->subtotals, ret, err));
            if (!end && where_keeps(s->where, s->ctx->reader, ret))
                return 0;
            if (!end) {
                s->summary.skipped++;
                continue;
            }
        }
        TRY(open_next(s, ret_end, err));
        if (*ret_end)
            return 0;
    }
}

int file_source_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    int code = next_of_all(s, ret, ret_end, err);
    if (code == 0 || !is_misjudged(s))
        return code;
    const char *why = arena_strdup(s->ctx->arena, err->message);
    return stream_fall_back(s->ctx, err, "%s", why);
}

int file_source_finish(struct source *s, struct source_summary *ret, struct error *err)
{
    (void)err;
    *ret = s->summary;
    ret->bytes = s->bytes;
    return 0;
}

void file_source_habits(const struct stream_context *ctx, struct column_habits *ret)
{
    const struct file_source_spec *spec = ctx->stream->source_spec;
    bool is_padded = spec->format == FILE_FIXED || spec->format == FILE_ALV;
    *ret = (struct column_habits){.strip = (const char *const *)spec->strip.items,
                                  .nstrip = spec->strip.count,
                                  .null_words = (const char *const *)spec->null.items,
                                  .nnull_words = spec->null.count,
                                  .decimal_comma = spec->decimal == 1,
                                  .guard_apostrophe = spec->guard,
                                  .unquote = spec->unquote,
                                  .trim = spec->trim || is_padded};
}

size_t file_source_sums(const struct stream_context *ctx, const char **ret_columns)
{
    const struct file_source_spec *spec = ctx->stream->source_spec;
    for (size_t i = 0; i < spec->trailer.sum.count; i++)
        ret_columns[i] = spec->trailer.sum.keys[i];
    return spec->trailer.sum.count;
}

/* In bytes of the files as they lie there, packed or not. */
void file_source_progress(struct source *s, uint64_t *ret_done, uint64_t *ret_total)
{
    uint64_t plain = 0;
    uint64_t in_file = s->csv != NULL     ? csvio_bytes_read(s->csv, &plain)
                       : s->lines != NULL ? linesio_bytes_read(s->lines, &plain)
                                          : 0;
    uint64_t size = file_is_open(s) ? file_inputs_size(s->inputs) : 0;
    file_inputs_progress(s->inputs, ret_done, ret_total);
    if (plain > 0)
        *ret_done += (uint64_t)((__int128)size * in_file / plain);
}

static int file_open(const struct stream_context *ctx, struct source **ret, struct error *err)
{
    return file_source_open(ctx, NULL, ret, err);
}

const struct source_ops source_file = {.name = "file",
                                       .marker = "file",
                                       .fields = &file_source_set,
                                       .check = file_check,
                                       .habits = file_source_habits,
                                       .sums = file_source_sums,
                                       .open = file_open,
                                       .next = file_source_next,
                                       .finish = file_source_finish,
                                       .progress = file_source_progress,
                                       .close = file_source_close};
