#include "pipeline/source/json_cells.h"

#include "format/jsonx.h"

#include <string.h>

static const char *pointer_of(struct arena *arena, const char *from)
{
    if (from[0] == '/')
        return from;
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 4096);
    strbuf_addch(&out, '/');
    for (const char *c = from; *c != '\0'; c++) {
        if (*c == '~')
            strbuf_adds(&out, "~0");
        else if (*c == '/')
            strbuf_adds(&out, "~1");
        else
            strbuf_addch(&out, *c);
    }
    return arena_strdup(arena, out.data);
}

int json_cells_projection(const struct stream_context *ctx, struct jpull_projection **ret,
                          struct error *err)
{
    const struct stream_spec *s = ctx->stream;
    const char **pointers = arena_array(ctx->arena, s->ncolumns + 1, sizeof *pointers);
    for (size_t i = 0; i < s->ncolumns; i++)
        pointers[i] = pointer_of(ctx->arena, s->columns[i].from);
    return jpull_projection_new(pointers, s->ncolumns, ret, err);
}

/* "FName" as "/1"; NULL when it has no place. */
static const char *place_of(struct arena *arena, const char *from,
                            const struct field_strings *names)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->items[i], from) == 0)
            return arena_printf(arena, "/%zu", i);
    if (from[0] == '$') /* a bound value of the child: the engine puts it in */
        return "/-";
    bool pointer = from[0] == '/' && from[1] >= '0' && from[1] <= '9';
    return pointer ? from : NULL;
}

int json_cells_array_projection(const struct stream_context *ctx, const struct field_strings *names,
                                struct jpull_projection **ret, struct error *err)
{
    const struct stream_spec *s = ctx->stream;
    const char **pointers = arena_array(ctx->arena, s->ncolumns + 1, sizeof *pointers);
    for (size_t i = 0; i < s->ncolumns; i++) {
        pointers[i] = place_of(ctx->arena, s->columns[i].from, names);
        if (pointers[i] != NULL)
            continue;
        error_set(err, ERR_SPEC, "column '%s' has no place in records that are arrays",
                  s->columns[i].name);
        return error_hint(err, "say where it stands, from: \"/0\", or name the values in `fields` "
                               "of the resource");
    }
    return jpull_projection_new(pointers, s->ncolumns, ret, err);
}

void json_cells_set(const struct stream_context *ctx, const struct jpull_value *values,
                    struct cell *cells, struct strbuf *scratch)
{
    for (size_t i = 0; i < ctx->stream->ncolumns; i++) {
        const struct jpull_value *v = &values[i];
        switch (v->kind) {
        case JPULL_NONE:
        case JPULL_NULL: cells[i] = (struct cell){CELL_NULL, SPAN("")}; break;
        case JPULL_FALSE: cells[i] = (struct cell){CELL_CLEAN, SPAN("false")}; break;
        case JPULL_TRUE: cells[i] = (struct cell){CELL_CLEAN, SPAN("true")}; break;
        case JPULL_STRING:
        case JPULL_NUMBER:
        case JPULL_OBJECT:
        case JPULL_ARRAY: cells[i] = (struct cell){CELL_CLEAN, v->text}; break;
        }
        if (v->kind == JPULL_STRING && ctx->stream->columns[i].type.kind == DB_JSONB) {
            AUTO_STRBUF struct strbuf quoted = {0};
            strbuf_init(&quoted, 64 << 20);
            jsonx_quote(&quoted, v->text);
            cells[i].text.ptr = arena_strndup(ctx->arena, quoted.data, quoted.len);
            cells[i].text.len = quoted.len;
        }
    }
    (void)scratch;
}

const char *json_cells_fault(struct span record)
{
    return record.len > 0 && record.ptr[0] == '{' ? NULL : "not a JSON object";
}
