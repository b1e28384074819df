/* Delimited text: the header found by its names, places of columns, skipped and total records. */
#include "core/message.h"
#include "pipeline/source/file.h"
#include "schema/suggest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SHOWN_MAX 12

/* ---- columns by their names ------------------------------------------------------------- */

static struct csvio_options options_of(const struct file_source_spec *spec)
{
    struct csvio_options o = {.encoding = spec->encoding};
    if (spec->format == FILE_ALV)
        return (struct csvio_options){.encoding = spec->encoding, .delimiter = '|', .quote = -1};
    if (spec->delimiter != NULL)
        o.delimiter = strcmp(spec->delimiter, "tab") == 0 ? '\t' : spec->delimiter[0];
    else if (spec->format == FILE_TSV)
        o.delimiter = '\t';
    o.quote = strcmp(spec->quote, "none") == 0 ? -1 : spec->quote[0];
    return o;
}

static int field_named(const struct csvio_record *header, const char *name, size_t *ret,
                       struct error *err)
{
    size_t n = strlen(name), found = 0;
    for (size_t i = 0; i < header->nfields; i++) {
        struct span f = span_trim(header->fields[i]);
        if (f.len != n || memcmp(f.ptr, name, n) != 0)
            continue;
        if (found++ == 0)
            *ret = i;
    }
    if (found > 1)
        return error_set(err, ERR_DATA, "the header has '%s' %zu times", name, found);
    return found == 1 ? 0 : ERR_NOT_FOUND;
}

static bool has_names(const struct csvio_record *record, const struct field_strings *names)
{
    struct error ignored = ERROR_INIT;
    for (size_t i = 0; i < names->count; i++) {
        size_t at;
        if (field_named(record, names->items[i], &at, &ignored) == ERR_NOT_FOUND)
            return false;
    }
    return true;
}

/* "column 'qty' (库存数量) is not in the header: A, B, C" */
static int missing_column(const struct source *s, const struct csvio_record *header,
                          const char *column, const char *name, struct error *err)
{
    struct arena *arena = s->ctx->arena;
    AUTO_STRBUF struct strbuf list = {0};
    strbuf_init(&list, 4096);
    const char **names = arena_array(arena, header->nfields + 1, sizeof *names);
    for (size_t i = 0; i < header->nfields; i++) {
        struct span f = span_trim(header->fields[i]);
        names[i] = arena_strndup(arena, f.ptr, f.len);
        if (i < HEADER_SHOWN_MAX)
            strbuf_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    }
    error_set(err, ERR_DATA, "%s:%" PRIu64 ": column '%s': '%s' is not in the header", s->path,
              header->line, column, name);
    const char *near = suggest_nearest(name, names, header->nfields);
    if (near != NULL)
        error_hint(err, "did you mean '%s'? the header has: %s", near, list.data);
    else
        error_hint(err, "the header has: %s%s", list.data,
                   header->nfields > HEADER_SHOWN_MAX ? ", ..." : "");
    return ERR_DATA;
}

static int place_column(struct source *s, size_t i, const struct csvio_record *header,
                        struct error *err)
{
    const struct column_spec *c = &s->stream->columns[i];
    if (file_place_special(s, c->from, &s->places[i]) == 0)
        return 0;
    if (header == NULL && c->is_computed) {
        s->places[i] = (struct cell_place){ORIGIN_NONE, 0};
        return 0;
    }
    if (header == NULL)
        return error_set(err, ERR_SPEC, "column '%s': without a header, 'from' is $1, $2...",
                         c->name);
    size_t at = 0;
    int code = field_named(header, c->from, &at, err);
    for (size_t k = 0; k < c->aliases.count && code == ERR_NOT_FOUND; k++)
        code = field_named(header, c->aliases.items[k], &at, err);
    if (code == ERR_NOT_FOUND && c->is_computed) {
        s->places[i] = (struct cell_place){ORIGIN_NONE, 0};
        return 0;
    }
    if (code == ERR_NOT_FOUND)
        return missing_column(s, header, c->name, c->from, err);
    if (code != 0)
        return error_context(err, "%s:%" PRIu64, s->path, header->line);
    s->places[i] = (struct cell_place){ORIGIN_FIELD, at};
    return 0;
}

/* Where a figure of the file's own stands: under a name of the header, or $N. */
static int place_figure(struct source *s, const struct csvio_record *header, const char *of,
                        const char *name, size_t *ret, struct error *err)
{
    struct cell_place place = {ORIGIN_NONE, 0};
    if (name != NULL && file_place_special(s, name, &place) == 0 && place.origin == ORIGIN_FIELD) {
        *ret = place.index;
        return 0;
    }
    if (name == NULL || header == NULL || field_named(header, name, ret, err) != 0)
        return error_set(err, ERR_DATA, "%s: %s: '%s' is not in the header", s->path, of,
                         name != NULL ? name : "");
    return 0;
}

static int place_sums(struct source *s, const struct csvio_record *header, struct error *err)
{
    const struct field_string_map *sums = &s->spec->trailer.sum;
    const struct subtotal_spec *sub = &s->spec->subtotals;
    for (size_t i = 0; i < sums->count; i++)
        TRY(place_figure(s, header, "trailer.sum", sums->values[i], &s->sum_fields[i], err));
    if (s->subtotals == NULL)
        return 0;
    s->subtotal_value = s->places[stream_column(s->stream, sub->by)];
    if (sub->value != NULL) {
        s->subtotal_value.origin = ORIGIN_FIELD;
        TRY(place_figure(s, header, "subtotals.value", sub->value, &s->subtotal_value.index, err));
    }
    if (sub->rows != NULL)
        TRY(place_figure(s, header, "subtotals.rows", sub->rows, &s->subtotal_rows, err));
    for (size_t i = 0; i < sub->sum.count; i++)
        TRY(place_figure(s, header, "subtotals.sum", sub->sum.values[i], &s->subtotal_sums[i],
                         err));
    return 0;
}

/* The fields are the columns, one for one. */
static bool is_in_order(const struct source *s)
{
    for (size_t i = 0; i < s->stream->ncolumns; i++)
        if (s->places[i].origin != ORIGIN_FIELD || s->places[i].index != i)
            return false;
    return true;
}

/* What stands between the fields, when nothing is changed in them. */
static char raw_delimiter_of(const struct source *s)
{
    const struct csvio_options o = options_of(s->spec);
    if (!s->is_in_order || s->spec->format == FILE_ALV || s->nfill > 0 || o.quote != '"')
        return 0;
    return o.delimiter != 0 ? o.delimiter : ',';
}

static int place_all(struct source *s, const struct csvio_record *header, struct error *err)
{
    s->header_fields = header != NULL ? header->nfields : 0;
    for (size_t i = 0; i < s->stream->ncolumns; i++)
        TRY(place_column(s, i, header, err));
    s->is_in_order = is_in_order(s);
    s->raw_delimiter = raw_delimiter_of(s);
    TRY(place_sums(s, header, err));
    TRY(file_undeclared_begin(s, header, err));
    return file_check_preamble(s, err);
}

/* ---- records ---------------------------------------------------------------------------- */

/* SAP's list as text: rows between bars, rules of dashes; titles and dates stand unframed. */
static bool is_rule(struct span raw)
{
    bool has_dash = false;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] != '-' && raw.ptr[i] != '|' && raw.ptr[i] != ' ' && raw.ptr[i] != '+')
            return false;
        has_dash |= raw.ptr[i] == '-';
    }
    return has_dash;
}

static bool is_framed(const struct csvio_record *record)
{
    return record->nfields >= 3 && span_trim(record->fields[0]).len == 0 &&
           span_trim(record->fields[record->nfields - 1]).len == 0;
}

/* The next record, rules left out; of a framed one only what is within the frame. */
static int next_record(struct csvio_reader *csv, int format, struct csvio_record *ret,
                       bool *ret_framed, bool *ret_end, struct error *err)
{
    *ret_framed = true;
    do {
        TRY(csvio_next(csv, ret, ret_end, err));
        if (*ret_end || format != FILE_ALV)
            return 0;
    } while (ret->fault == NULL && is_rule(ret->raw));
    *ret_framed = is_framed(ret);
    if (*ret_framed) {
        ret->fields++;
        ret->nfields -= 2;
    }
    return 0;
}

static struct span first_text(const struct csvio_record *record)
{
    for (size_t i = 0; i < record->nfields; i++) {
        struct span f = span_trim(record->fields[i]);
        if (f.len > 0)
            return f;
    }
    return (struct span){"", 0};
}

/* ---- the header ------------------------------------------------------------------------- */

/* The records that may be the header: the last `rows` read, kept. */
struct header_search {
    struct source *s;
    struct arena *arena;
    const struct header_spec *spec;
    size_t rows, kept;
    struct csvio_record *window;
    int64_t passed; /* records before the window */
};

static struct csvio_record keep_record(struct arena *arena, const struct csvio_record *record)
{
    struct csvio_record kept = *record;
    struct span *fields = arena_array(arena, record->nfields + 1, sizeof *fields);
    for (size_t i = 0; i < record->nfields; i++) {
        struct span f = span_trim(record->fields[i]);
        fields[i] = (struct span){arena_strndup(arena, f.ptr, f.len), f.len};
    }
    kept.fields = fields;
    kept.raw.ptr = arena_strndup(arena, record->raw.ptr, record->raw.len);
    kept.fault = record->fault != NULL ? arena_strdup(arena, record->fault) : NULL;
    return kept;
}

static struct span part_of(const struct csvio_record *record, size_t i)
{
    return i < record->nfields ? record->fields[i] : (struct span){"", 0};
}

/* The part of a name in one row; above another part a merged cell reaches to the right. */
static struct span part_reaching(const struct header_search *h, size_t row, size_t i)
{
    bool has_below = false;
    for (size_t below = row + 1; below < h->rows; below++)
        has_below |= part_of(&h->window[below], i).len > 0;
    struct span part = part_of(&h->window[row], i);
    for (size_t left = i; has_below && part.len == 0 && left > 0; left--)
        part = part_of(&h->window[row], left - 1);
    return part;
}

static struct span joined_name(const struct header_search *h, size_t i)
{
    AUTO_STRBUF struct strbuf name = {0};
    struct span before = {"", 0};
    strbuf_init(&name, 0);
    for (size_t row = 0; row < h->rows; row++) {
        struct span part = part_reaching(h, row, i);
        if (part.len == 0 || span_equal(part, before))
            continue;
        if (name.len > 0)
            strbuf_adds(&name, h->spec->join);
        strbuf_add(&name, part.ptr, part.len);
        before = part;
    }
    return (struct span){arena_strndup(h->arena, name.data, name.len), name.len};
}

/* The window's records as one. */
static struct csvio_record joined_header(const struct header_search *h)
{
    if (h->rows == 1)
        return h->window[0];
    struct csvio_record header = h->window[h->rows - 1];
    for (size_t row = 0; row < h->rows; row++)
        if (h->window[row].nfields > header.nfields)
            header.nfields = h->window[row].nfields;
    struct span *fields = arena_array(h->arena, header.nfields + 1, sizeof *fields);
    for (size_t i = 0; i < header.nfields; i++)
        fields[i] = joined_name(h, i);
    header.fields = fields;
    header.line = h->window[0].line;
    return header;
}

static bool is_header(const struct header_search *h, struct csvio_record *ret)
{
    for (size_t row = 0; row < h->rows; row++)
        if (h->window[row].fault != NULL)
            return false;
    *ret = joined_header(h);
    if (h->spec->row > 0)
        return h->passed == h->spec->row - 1;
    return has_names(ret, &h->spec->find);
}

static void push_record(struct header_search *h, const struct csvio_record *record)
{
    if (h->kept == h->rows) {
        memmove(h->window, h->window + 1, (h->rows - 1) * sizeof *h->window);
        h->kept--;
        h->passed++;
    }
    h->window[h->kept++] = keep_record(h->arena, record);
}

static int no_header(const struct header_search *h, bool at_end, struct error *err)
{
    const char *path = h->s->path;
    if (h->spec->row > 0)
        return error_set(err, ERR_DATA, "'%s' has no header at record %" PRId64, path,
                         h->spec->row);
    if (at_end && h->kept == 0)
        return error_set(err, ERR_DATA, "'%s' is empty: expected a header", path);
    if (h->spec->find.count == 0)
        return error_set(err, ERR_DATA, "'%s': the header cannot be read", path);
    if (at_end)
        return error_set(err, ERR_DATA, "'%s' has no header with '%s'", path,
                         h->spec->find.items[0]);
    error_set(err, ERR_DATA, "'%s': no header with '%s' in the first %" PRId64 " records", path,
              h->spec->find.items[0], h->spec->skip_max + 1);
    return error_hint(err, "raise header.skip_max or correct header.find");
}

/* Of a file whose lines end in CR alone the first record is all of it. */
static int no_header_in_line(const struct header_search *h, bool at_end, struct error *err)
{
    int code = no_header(h, at_end, err);
    struct span raw = h->kept > 0 ? span_trim(h->window[0].raw) : SPAN("");
    if (raw.len > 0 && memchr(raw.ptr, '\r', raw.len) != NULL &&
        memchr(raw.ptr, '\n', raw.len) == NULL)
        return error_hint(err, "its lines end in CR alone, as on old Macs: save it with LF or CR "
                               "LF, or  tr '\\r' '\\n' <FILE >NEW");
    return code;
}

/* Reads up to the header. ERR_DATA when there is none. */
static int find_header(struct header_search *h, struct csvio_reader *csv, struct csvio_record *ret,
                       struct error *err)
{
    int64_t passed_max = h->spec->row > 0          ? h->spec->row - 1
                         : h->spec->find.count > 0 ? h->spec->skip_max
                                                   : 0;
    for (;;) {
        struct csvio_record record;
        bool end = false, framed;
        TRY(next_record(csv, h->s->spec->format, &record, &framed, &end, err));
        if (end)
            return no_header_in_line(h, true, err);
        if (!framed) { /* a title: never the header */
            file_capture_preamble(h->s, record.raw);
            continue;
        }
        push_record(h, &record);
        if (h->kept == h->rows && is_header(h, ret))
            return 0;
        file_capture_preamble(h->s, record.raw);
        if (h->kept == h->rows && h->passed >= passed_max)
            return no_header_in_line(h, false, err);
    }
}

static struct header_search search_begin(struct source *s, struct arena *arena)
{
    struct header_search h = {.s = s, .arena = arena, .spec = &s->spec->header};
    h.rows = (size_t)h.spec->rows;
    h.window = arena_array(arena, h.rows + 1, sizeof *h.window);
    return h;
}

static void keep_header_text(struct source *s, const struct header_search *h)
{
    s->header_raw.items = arena_array(s->ctx->arena, h->rows, sizeof(char *));
    s->header_raw.count = h->rows;
    for (size_t i = 0; i < h->rows; i++) {
        struct span raw = span_trim(h->window[i].raw);
        s->header_raw.items[i] = arena_strndup(s->ctx->arena, raw.ptr, raw.len);
    }
}

/* What stands between the header and the data. */
static int pass_until(struct source *s, struct error *err)
{
    bool end = false, framed, found = !s->until.is_set;
    while (!found) {
        struct csvio_record record;
        TRY(next_record(s->csv, s->spec->format, &record, &framed, &end, err));
        if (end)
            return error_set(err, ERR_DATA, "'%s': nothing below the header matches '%s'", s->path,
                             s->spec->header.until);
        found = record.fault == NULL && pattern_matches(&s->until, first_text(&record));
    }
    return 0;
}

static int open_feed(const struct source *s, struct file_feed *feed, const char *name,
                     struct csvio_reader **ret, struct error *err)
{
    struct csvio_options o = options_of(s->spec);
    o.is_scanned_beside = file_may_read_again(s);
    return feed->source != NULL ? csvio_open_source(feed->source, name, &o, ret, err)
                                : csvio_open_fd(feed->fd, name, &o, ret, err);
}

int file_csv_open(struct source *s, struct file_feed *feed, struct error *err)
{
    TRY(open_feed(s, feed, s->path, &s->csv, err));
    if (s->spec->header.none)
        return place_all(s, NULL, err);
    struct arena *arena = arena_new();
    struct header_search h = search_begin(s, arena);
    struct csvio_record header;
    int code = find_header(&h, s->csv, &header, err);
    if (code == 0)
        code = place_all(s, &header, err);
    if (code == 0)
        keep_header_text(s, &h);
    arena_free(arena);
    TRY(code);
    return pass_until(s, err);
}

int file_csv_has_header(void *self, struct file_feed *feed, const char *name, bool *ret,
                        struct error *err)
{
    struct source *s = self;
    struct csvio_reader *csv;
    struct csvio_record header;
    TRY(open_feed(s, feed, name, &csv, err));
    struct arena *arena = arena_new();
    struct header_search h = search_begin(s, arena);
    s->path = name;
    int code = find_header(&h, csv, &header, err);
    *ret = code == 0;
    csvio_close(csv);
    arena_free(arena);
    if (code != ERR_DATA)
        return code;
    error_clear(err); /* another member has it */
    return 0;
}

/* ---- rows ------------------------------------------------------------------------------- */

static int read_trailer(struct source *s, const struct csvio_record *record, struct error *err)
{
    for (size_t i = 0; i < s->spec->trailer.sum.count; i++)
        TRY(file_add_sum(s, i, part_of(record, s->sum_fields[i]), record->line, err));
    s->summary.nsums = s->spec->trailer.sum.count;
    return 0;
}

static int read_subtotal(struct source *s, const struct csvio_record *record, struct error *err)
{
    struct subtotal_cells cells = {.first = first_text(record), .line = record->line};
    if (s->subtotal_value.origin == ORIGIN_FIELD)
        cells.value = part_of(record, s->subtotal_value.index);
    if (s->spec->subtotals.rows != NULL)
        cells.rows = part_of(record, s->subtotal_rows);
    for (size_t i = 0; i < s->spec->subtotals.sum.count; i++)
        cells.sums[i] = part_of(record, s->subtotal_sums[i]);
    return subtotals_add_stated(s->subtotals, s->path, &cells, err);
}

/* A delimiter too many at the line's end shifts nothing. */
static bool has_more(const struct csvio_record *record, size_t header_fields)
{
    for (size_t i = header_fields; i < record->nfields; i++)
        if (span_trim(record->fields[i]).len > 0)
            return true;
    return record->nfields > header_fields + 1;
}

static const char *set_cells(struct source *s, const struct csvio_record *record)
{
    bool is_short = false;
    if (s->is_in_order && record->nfields == s->stream->ncolumns) {
        for (size_t i = 0; i < record->nfields; i++)
            s->cells[i] = (struct cell){CELL_TEXT, record->fields[i]};
        return NULL;
    }
    for (size_t i = 0; i < s->stream->ncolumns; i++) {
        struct cell *cell = &s->cells[i];
        if (s->places[i].origin != ORIGIN_FIELD) {
            (void)file_special_cell(s, i, record->line, cell);
            continue;
        }
        *cell = (struct cell){CELL_NULL, SPAN("")};
        if (s->places[i].index < record->nfields)
            *cell = (struct cell){CELL_TEXT, record->fields[s->places[i].index]};
        else
            is_short = true;
    }
    if (is_short)
        return MESSAGE("fewer fields than the header");
    return s->header_fields > 0 && record->nfields > s->header_fields &&
                   has_more(record, s->header_fields)
               ? MESSAGE("more fields than the header")
               : NULL;
}

static bool is_page_header(const struct source *s, struct span raw)
{
    if (!s->spec->header.repeats && s->spec->format != FILE_ALV)
        return false;
    raw = span_trim(raw);
    for (size_t i = 0; i < s->header_raw.count; i++)
        if (span_equal(raw, span_of(s->header_raw.items[i])))
            return true;
    return false;
}

static int check_below(struct source *s, const struct csvio_record *record, struct error *err)
{
    const char *shape = set_cells(s, record);
    return file_check_below(s, record->fault != NULL ? record->fault : shape, record->line, err);
}

/* False: the record is left out, by a declared rule, and counted. */
static int is_row(struct source *s, const struct csvio_record *record, bool framed, bool *ret,
                  struct error *err)
{
    *ret = false;
    if (!s->stopped && s->trailer_line == 0 && record->fault != NULL) {
        *ret = true;
        return 0;
    }
    if (!s->stopped && (!framed || is_page_header(s, record->raw))) {
        s->summary.skipped++;
        return 0;
    }
    switch (file_record_use(s, first_text(record), record->line)) {
    case RECORD_SKIPPED: break;
    case RECORD_TRAILER: return read_trailer(s, record, err);
    case RECORD_SUBTOTAL: return read_subtotal(s, record, err);
    case RECORD_BELOW: return check_below(s, record, err);
    case RECORD_ROW: *ret = true; break;
    }
    return 0;
}

int file_csv_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    struct csvio_record record;
    bool framed = true, is_wanted = true;
    do {
        TRY(s->looks_at_text ? next_record(s->csv, s->spec->format, &record, &framed, ret_end, err)
                             : csvio_next(s->csv, &record, ret_end, err));
        if (*ret_end)
            return 0;
        if (s->looks_at_text)
            TRY(is_row(s, &record, framed, &is_wanted, err));
    } while (!is_wanted);
    *ret = (struct source_row){.cells = s->cells,
                               .origin = s->path,
                               .position = record.line,
                               .raw = record.raw,
                               .fault = record.fault,
                               .fault_line = record.fault_line,
                               .fault_column = record.fault_column};
    const char *shape = set_cells(s, &record);
    if (record.is_bare && record.nfields == s->stream->ncolumns)
        ret->raw_delimiter = s->raw_delimiter;
    if (ret->fault == NULL && shape != NULL) {
        ret->fault = shape;
        ret->fault_line = record.line;
        ret->fault_column = 0;
    }
    if (ret->fault == NULL && s->trailer.is_set)
        file_note_filled(s);
    if (ret->fault == NULL && s->nundeclared > 0)
        ret->more = file_undeclared_row(s, &record);
    return 0;
}
