/* Delimited text: the header found by its names, places of columns, skipped and total records. */
#include "pipeline/source/file.h"
#include "schema/suggest.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEADER_SHOWN_MAX 12

static struct csvio_options options_of(const struct file_source_spec *spec)
{
    struct csvio_options o = {.encoding = spec->encoding};
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

static int place_special(struct source *s, const char *from, struct cell_place *ret)
{
    char *end;
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

static int place_column(struct source *s, size_t i, const struct csvio_record *header,
                        struct error *err)
{
    const struct column_spec *c = &s->stream->columns[i];
    if (c->from[0] == '$' && place_special(s, c->from, &s->places[i]) == 0)
        return 0;
    if (header == NULL)
        return error_set(err, ERR_SPEC, "column '%s': without a header, 'from' is $1, $2...",
                         c->name);
    size_t at = 0;
    int code = field_named(header, c->from, &at, err);
    for (size_t k = 0; k < c->aliases.count && code == ERR_NOT_FOUND; k++)
        code = field_named(header, c->aliases.items[k], &at, err);
    if (code == ERR_NOT_FOUND)
        return missing_column(s, header, c->name, c->from, err);
    if (code != 0)
        return error_context(err, "%s:%" PRIu64, s->path, header->line);
    s->places[i] = (struct cell_place){ORIGIN_FIELD, at};
    return 0;
}

static int place_sums(struct source *s, const struct csvio_record *header, struct error *err)
{
    for (size_t i = 0; i < s->spec->trailer.sum.count; i++) {
        const char *name = s->spec->trailer.sum.values[i];
        if (name == NULL || header == NULL ||
            field_named(header, name, &s->sum_fields[i], err) != 0)
            return error_set(err, ERR_DATA, "%s: trailer sum '%s' is not in the header", s->path,
                             name != NULL ? name : "");
    }
    return 0;
}

static void capture_preamble(struct source *s, const struct csvio_record *record)
{
    for (size_t i = 0; i < s->spec->preamble.count; i++) {
        struct span found;
        if (pattern_capture(&s->preamble[i], record->raw, &found))
            s->captured[i] = arena_strndup(s->ctx->arena, found.ptr, found.len);
    }
}

static int check_preamble(const struct source *s, struct error *err)
{
    for (size_t i = 0; i < s->spec->preamble.count; i++)
        if (s->captured[i] == NULL)
            return error_set(err, ERR_DATA,
                             "%s: '%s' was not found above the header (pattern '%s')", s->path,
                             s->spec->preamble.keys[i], s->spec->preamble.values[i]);
    return 0;
}

static int place_all(struct source *s, const struct csvio_record *header, struct error *err)
{
    s->header_fields = header != NULL ? header->nfields : 0;
    for (size_t i = 0; i < s->stream->ncolumns; i++)
        TRY(place_column(s, i, header, err));
    TRY(place_sums(s, header, err));
    return check_preamble(s, err);
}

int file_csv_open(struct source *s, struct error *err)
{
    struct csvio_options o = options_of(s->spec);
    const struct header_spec *header = &s->spec->header;
    TRY(csvio_open(s->path, &o, &s->csv, err));
    for (size_t i = 0; i < s->spec->preamble.count; i++)
        s->captured[i] = NULL;
    if (header->none)
        return place_all(s, NULL, err);
    int64_t skipped = 0;
    for (;;) {
        struct csvio_record record;
        bool end = false;
        TRY(csvio_next(s->csv, &record, &end, err));
        if (end)
            return header->find.count > 0 && skipped > 0
                       ? error_set(err, ERR_DATA, "'%s' has no header with '%s'", s->path,
                                   header->find.items[0])
                       : error_set(err, ERR_DATA, "'%s' is empty: expected a header", s->path);
        if (record.fault == NULL && has_names(&record, &header->find))
            return place_all(s, &record, err);
        if (header->find.count > 0)
            capture_preamble(s, &record);
        if (skipped++ >= header->skip_max || header->find.count == 0)
            break;
    }
    if (header->find.count == 0)
        return error_set(err, ERR_DATA, "'%s': the header cannot be read", s->path);
    error_set(err, ERR_DATA, "'%s': no header with '%s' in the first %" PRId64 " records", s->path,
              header->find.items[0], header->skip_max + 1);
    return error_hint(err, "raise header.skip_max or correct header.find");
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

static int read_trailer(struct source *s, const struct csvio_record *record, struct error *err)
{
    for (size_t i = 0; i < s->spec->trailer.sum.count; i++) {
        const char *name = s->spec->trailer.sum.keys[i];
        size_t column = (size_t)stream_column(s->stream, name), at = s->sum_fields[i];
        struct cell cell = {CELL_TEXT, at < record->nfields ? record->fields[at] : SPAN("")};
        struct column_habits habits = {.strip = s->spec->strip.items,
                                       .nstrip = s->spec->strip.count,
                                       .decimal_comma = s->spec->decimal == 1};
        struct column_reader *r = column_reader_new(&s->stream->columns[column], 1, &habits);
        struct span text = SPAN("");
        bool is_null = false;
        struct decimal sum = {0}, total;
        const char *reason = column_clean(r, 0, &cell, &text, &is_null);
        bool ok = reason == NULL && !is_null && decimal_parse(text.ptr, text.len, &sum);
        column_reader_free(r);
        if (!ok)
            return error_set(err, ERR_DATA,
                             "%s:%" PRIu64 ": the total of '%s' is not a number: '%.*s'", s->path,
                             record->line, name, (int)cell.text.len, cell.text.ptr);
        s->summary.sum_columns[i] = name;
        if (i < s->summary.nsums && decimal_add(&s->summary.sums[i], &sum, &total))
            sum = total; /* several files: their totals add up */
        s->summary.sums[i] = sum;
    }
    s->summary.nsums = s->spec->trailer.sum.count;
    return 0;
}

static const char *set_cells(struct source *s, const struct csvio_record *record)
{
    bool is_short = false;
    for (size_t i = 0; i < s->stream->ncolumns; i++) {
        struct cell *cell = &s->cells[i];
        switch (s->places[i].origin) {
        case ORIGIN_FIELD:
            *cell = (struct cell){CELL_NULL, SPAN("")};
            if (s->places[i].index < record->nfields)
                *cell = (struct cell){CELL_TEXT, record->fields[s->places[i].index]};
            else
                is_short = true;
            break;
        case ORIGIN_LINE:
            snprintf(s->line_text, sizeof s->line_text, "%" PRIu64, record->line);
            *cell = (struct cell){CELL_CLEAN, span_of(s->line_text)};
            break;
        case ORIGIN_FILE: *cell = (struct cell){CELL_CLEAN, span_of(s->path)}; break;
        case ORIGIN_PREAMBLE:
            *cell = (struct cell){CELL_TEXT, span_of(s->captured[s->places[i].index])};
            break;
        }
    }
    if (is_short)
        return "fewer fields than the header";
    return s->header_fields > 0 && record->nfields > s->header_fields
               ? "more fields than the header"
               : NULL;
}

int file_csv_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    struct csvio_record record;
    for (;;) {
        TRY(csvio_next(s->csv, &record, ret_end, err));
        if (*ret_end)
            return 0;
        if (s->stopped) {
            s->summary.skipped++;
            continue;
        }
        bool patterned = s->skip.is_set || s->stop_at.is_set || s->trailer.is_set;
        struct span first = patterned && record.fault == NULL ? first_text(&record) : SPAN("");
        if (!patterned || record.fault != NULL)
            break;
        bool is_trailer = pattern_matches(&s->trailer, first);
        if (is_trailer)
            TRY(read_trailer(s, &record, err));
        s->trailer_seen |= is_trailer;
        s->stopped = is_trailer || pattern_matches(&s->stop_at, first);
        if (!s->stopped && !pattern_matches(&s->skip, first))
            break;
        s->summary.skipped++;
    }
    *ret = (struct source_row){.cells = s->cells,
                               .origin = s->path,
                               .position = record.line,
                               .raw = record.raw,
                               .fault = record.fault,
                               .fault_line = record.fault_line,
                               .fault_column = record.fault_column};
    const char *shape = set_cells(s, &record);
    if (ret->fault == NULL && shape != NULL) {
        ret->fault = shape;
        ret->fault_line = record.line;
        ret->fault_column = 0;
    }
    return 0;
}
