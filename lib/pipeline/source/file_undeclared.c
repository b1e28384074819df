/* Fields of delimited text that no column is read from. */
#include "pipeline/source/file.h"

#include <inttypes.h>
#include <string.h>

static bool is_read(const struct source *s, size_t field)
{
    for (size_t i = 0; i < s->stream->ncolumns; i++)
        if (s->places[i].origin == ORIGIN_FIELD && s->places[i].index == field)
            return true;
    return false;
}

int file_undeclared_begin(struct source *s, const struct csvio_record *header, struct error *err)
{
    struct arena *arena = s->ctx->arena;
    s->nundeclared = 0;
    if (header == NULL || !undeclared_is_asked(s->stream))
        return 0;
    if (s->undeclared == NULL)
        s->undeclared = undeclared_new(s->stream);
    s->undeclared_fields = arena_array(arena, header->nfields + 1, sizeof(size_t));
    s->undeclared_names = arena_array(arena, header->nfields + 1, sizeof(char *));
    undeclared_begin(s->undeclared);
    for (size_t i = 0; i < header->nfields; i++) {
        struct span name = span_trim(header->fields[i]);
        if (name.len == 0 || is_read(s, i))
            continue;
        s->undeclared_fields[s->nundeclared] = i;
        s->undeclared_names[s->nundeclared++] = arena_strndup(arena, name.ptr, name.len);
        undeclared_add(s->undeclared, s->undeclared_names[s->nundeclared - 1], name);
    }
    struct span more = undeclared_end(s->undeclared);
    if (s->nundeclared == 0 || s->stream->schema.undeclared != CONTRACT_FREEZE)
        return 0;
    return undeclared_freeze(s->stream, arena_printf(arena, "%s:%" PRIu64, s->path, header->line),
                             more, err);
}

static bool is_null(const struct source *s, struct span text)
{
    if (text.len == 0)
        return true;
    for (size_t i = 0; i < s->spec->null.count; i++)
        if (span_equal(text, span_of(s->spec->null.items[i])))
            return true;
    return false;
}

struct span file_undeclared_row(struct source *s, const struct csvio_record *record)
{
    undeclared_begin(s->undeclared);
    for (size_t i = 0; i < s->nundeclared; i++) {
        if (s->undeclared_fields[i] >= record->nfields)
            continue;
        struct span text = span_trim(record->fields[s->undeclared_fields[i]]);
        if (!is_null(s, text))
            undeclared_add(s->undeclared, s->undeclared_names[i], text);
    }
    return undeclared_end(s->undeclared);
}
