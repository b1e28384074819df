/* JSON Lines: one object a line, columns by pointer, numbers kept as text. */
#include "pipeline/source/file.h"
#include "pipeline/source/json_cells.h"

#include <inttypes.h>
#include <string.h>

#define JSON_LINE_MAX ((size_t)16 << 20)

int file_json_prepare(struct source *s, struct error *err)
{
    if (s->projection != NULL)
        return 0;
    s->values = arena_array(s->ctx->arena, s->stream->ncolumns + 1, sizeof *s->values);
    s->line_arena = arena_new();
    s->line_ctx = *s->ctx;
    s->line_ctx.arena = s->line_arena;
    return json_cells_projection(s->ctx, &s->projection, err);
}

void file_json_cells(struct source *s, struct span record, struct source_row *ret)
{
    struct error problem = ERROR_INIT;
    if (ret->fault == NULL && (ret->fault = json_cells_fault(record)) != NULL)
        ret->fault_column = 1;
    else if (ret->fault == NULL &&
             jpull_project(s->projection, record, s->values, &s->scratch, &problem) != 0)
        ret->fault = arena_strdup(s->line_arena, problem.message);
    if (ret->fault == NULL) {
        json_cells_set(&s->line_ctx, s->values, s->cells, &s->scratch);
        ret->object = record;
        return;
    }
    ret->fault_line = ret->position;
    for (size_t i = 0; i < s->stream->ncolumns; i++)
        s->cells[i] = (struct cell){CELL_NULL, SPAN("")};
}

int file_jsonl_open(struct source *s, struct file_feed *feed, struct error *err)
{
    TRY(file_lines_open(s, feed, JSON_LINE_MAX, err));
    return file_json_prepare(s, err);
}

int file_jsonl_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    struct linesio_line line;
    struct span text;
    arena_clear(s->line_arena);
    do {
        TRY(linesio_next(s->lines, &line, ret_end, err));
        if (*ret_end)
            return 0;
        text = span_trim(line.text);
    } while (text.len == 0);
    *ret = (struct source_row){
        .cells = s->cells, .origin = s->path, .position = line.number, .raw = text};
    if (line.fault != NULL) {
        ret->fault = arena_printf(s->line_arena, "undecodable byte %s", line.fault->hex);
        ret->fault_column = line.fault->input_offset + 1;
    }
    file_json_cells(s, text, ret);
    return 0;
}
