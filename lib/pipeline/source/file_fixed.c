/* Fixed width: columns by their places in the line, counted in characters or in bytes of the file's
 * encoding (what GBK systems mean: a character of two bytes fills two places). */
#include "core/message.h"
#include "pipeline/source/file.h"
#include "pipeline/source/places.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define FIXED_LINE_MAX ((size_t)1 << 20)

struct fixed_reader {
    struct places_range *columns, *sums;
    struct places_range value, rows, subtotals[SUBTOTAL_SUMS_MAX];
    struct places places;
};

/* ---- opening ---------------------------------------------------------------------------- */

static void place_subtotals(const struct source *s, struct fixed_reader *f)
{
    const struct subtotal_spec *sub = &s->spec->subtotals;
    if (s->subtotals == NULL)
        return;
    if (!file_range_parse(sub->value, &f->value.first, &f->value.last))
        f->value = f->columns[stream_column(s->stream, sub->by)];
    (void)file_range_parse(sub->rows, &f->rows.first, &f->rows.last);
    for (size_t i = 0; i < sub->sum.count; i++)
        (void)file_range_parse(sub->sum.values[i], &f->subtotals[i].first, &f->subtotals[i].last);
}

static int place_columns(struct source *s, struct fixed_reader *f, struct error *err)
{
    const struct field_string_map *sums = &s->spec->trailer.sum;
    f->columns = arena_array(s->ctx->arena, s->stream->ncolumns + 1, sizeof *f->columns);
    f->sums = arena_array(s->ctx->arena, sums->count + 1, sizeof *f->sums);
    for (size_t i = 0; i < s->stream->ncolumns; i++) {
        const struct column_spec *c = &s->stream->columns[i];
        if (file_range_parse(c->at, &f->columns[i].first, &f->columns[i].last))
            s->places[i] = (struct cell_place){ORIGIN_FIELD, i};
        else if (c->is_computed && c->at == NULL)
            s->places[i] = (struct cell_place){ORIGIN_NONE, 0};
        else if (file_place_special(s, c->from, &s->places[i]) != 0 ||
                 s->places[i].origin == ORIGIN_FIELD)
            return error_set(err, ERR_SPEC, "column '%s': '%s' is not known", c->name, c->from);
    }
    for (size_t i = 0; i < sums->count; i++)
        (void)file_range_parse(sums->values[i], &f->sums[i].first, &f->sums[i].last);
    place_subtotals(s, f);
    return file_check_preamble(s, err);
}

static struct span body_of(const struct linesio_line *line)
{
    struct span text = line->text;
    while (text.len > 0 && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    return text;
}

static bool has_texts(struct span line, const struct field_strings *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        if (memmem(line.ptr, line.len, texts->items[i], strlen(texts->items[i])) == NULL)
            return false;
    return true;
}

/* The lines above the data: up to the one with the texts of `find`, or the first `row`. */
static int pass_header(struct source *s, struct error *err)
{
    const struct header_spec *h = &s->spec->header;
    bool found = h->find.count == 0 && h->row == 0;
    bool below = !s->until.is_set;
    for (int64_t passed = 0; !found || !below; passed++) {
        struct linesio_line line;
        bool end = false;
        TRY(linesio_next(s->lines, &line, &end, err));
        if (end || (!found && h->row == 0 && passed > h->skip_max))
            return error_set(err, ERR_DATA, "'%s' has no header with '%s'", s->path,
                             !found && h->find.count > 0 ? h->find.items[0]
                             : h->until != NULL          ? h->until
                                                         : "");
        struct span body = body_of(&line);
        if (found)
            below = pattern_matches(&s->until, span_trim(body));
        else
            found = h->row > 0 ? passed + 1 == h->row : has_texts(body, &h->find);
        file_capture_preamble(s, body);
    }
    return 0;
}

int file_fixed_open(struct source *s, struct file_feed *feed, struct error *err)
{
    TRY(file_lines_open(s, feed, FIXED_LINE_MAX, err));
    s->fixed = mem_alloc(sizeof *s->fixed);
    TRY(pass_header(s, err));
    return place_columns(s, s->fixed, err);
}

void file_fixed_close(struct source *s)
{
    if (s->fixed == NULL)
        return;
    places_release(&s->fixed->places);
    free(s->fixed);
    s->fixed = NULL;
}

/* ---- rows ------------------------------------------------------------------------------- */

static int read_trailer(struct source *s, struct span line, uint64_t number, struct error *err)
{
    for (size_t i = 0; i < s->spec->trailer.sum.count; i++) {
        struct span text;
        (void)places_cut(&s->fixed->places, line, s->fixed->sums[i], true, &text);
        TRY(file_add_sum(s, i, text, number, err));
    }
    s->summary.nsums = s->spec->trailer.sum.count;
    return 0;
}

static int read_subtotal(struct source *s, struct span line, uint64_t number, struct error *err)
{
    const struct fixed_reader *f = s->fixed;
    struct subtotal_cells cells = {.first = span_trim(line), .line = number};
    if (f->value.first != 0)
        (void)places_cut(&f->places, line, f->value, true, &cells.value);
    if (s->spec->subtotals.rows != NULL)
        (void)places_cut(&f->places, line, f->rows, true, &cells.rows);
    for (size_t i = 0; i < s->spec->subtotals.sum.count; i++)
        (void)places_cut(&f->places, line, f->subtotals[i], true, &cells.sums[i]);
    return subtotals_add_stated(s->subtotals, s->path, &cells, err);
}

static void set_cells(struct source *s, struct span line, struct source_row *row)
{
    for (size_t i = 0; i < s->stream->ncolumns; i++) {
        struct span text;
        if (file_special_cell(s, i, row->position, &s->cells[i]))
            continue;
        const char *fault =
            places_cut(&s->fixed->places, line, s->fixed->columns[i], s->spec->pad, &text);
        s->cells[i] = (struct cell){CELL_TEXT, text};
        if (fault != NULL && row->fault == NULL) {
            row->fault = fault;
            row->fault_line = row->position;
        }
    }
}

static void note_faults(const struct linesio_line *line, struct span body, struct source_row *row)
{
    const char *nul = memchr(body.ptr, 0, body.len);
    if (line->fault != NULL) {
        row->fault = MESSAGE("bytes that are not of the file's encoding");
        row->fault_column = line->fault->input_offset;
    } else if (nul != NULL) {
        row->fault = "a NUL byte";
        row->fault_column = (uint64_t)(nul - body.ptr) + 1;
    }
    row->fault_line = row->fault != NULL ? line->number : 0;
}

/* The encoding of a stream may show only at its first character beyond ASCII. */
static int settle_counting(struct source *s, struct error *err)
{
    return places_begin(&s->fixed->places, s->spec->positions == 1,
                        linesio_encoding(s->lines)->name, err);
}

int file_fixed_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    for (;;) {
        struct linesio_line line;
        TRY(linesio_next(s->lines, &line, ret_end, err));
        if (*ret_end)
            return 0;
        struct span body = body_of(&line), first = span_trim(body);
        if (first.len == 0)
            continue;
        TRY(settle_counting(s, err));
        places_find(&s->fixed->places, body);
        enum record_use use =
            s->looks_at_text ? file_record_use(s, first, line.number) : RECORD_ROW;
        if (use == RECORD_TRAILER)
            TRY(read_trailer(s, body, line.number, err));
        else if (use == RECORD_SUBTOTAL)
            TRY(read_subtotal(s, body, line.number, err));
        if (use != RECORD_ROW && use != RECORD_BELOW)
            continue;
        *ret = (struct source_row){
            .cells = s->cells, .origin = s->path, .position = line.number, .raw = body};
        note_faults(&line, body, ret);
        set_cells(s, body, ret);
        if (use == RECORD_BELOW) {
            TRY(file_check_below(s, ret->fault, line.number, err));
            continue;
        }
        if (ret->fault == NULL && s->trailer.is_set)
            file_note_filled(s);
        return 0;
    }
}
