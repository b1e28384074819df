/* One JSON document: its records at a pointer, however big it is. */
#include "format/jstream.h"
#include "pipeline/source/file.h"

#include <stdlib.h>
#include <string.h>

#define JSON_RECORD_MAX ((size_t)16 << 20)

struct json_reader {
    struct jstream *records;
    uint64_t count;
};

static int more_text(void *self, struct span *ret, bool *ret_end, struct error *err)
{
    struct linesio *lines = self;
    return linesio_next_text(lines, ret, ret_end, err);
}

int file_json_open(struct source *s, struct file_feed *feed, struct error *err)
{
    TRY(file_lines_open(s, feed, JSON_RECORD_MAX, err));
    TRY(file_json_prepare(s, err));
    struct jstream_options o = {.name = s->path,
                                .pointer = s->spec->records != NULL ? s->spec->records : "",
                                .record_max_bytes = JSON_RECORD_MAX,
                                .fill = more_text,
                                .self = s->lines};
    struct jstream *records;
    TRY(jstream_new(&o, &records, err));
    s->json = mem_alloc(sizeof *s->json);
    s->json->records = records;
    return 0;
}

int file_json_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err)
{
    struct span record;
    arena_clear(s->line_arena);
    TRY(jstream_next(s->json->records, &record, ret_end, err));
    if (*ret_end)
        return 0;
    *ret = (struct source_row){
        .cells = s->cells, .origin = s->path, .position = ++s->json->count, .raw = record};
    file_json_cells(s, record, ret);
    return 0;
}

void file_json_close(struct source *s)
{
    if (s->json == NULL)
        return;
    jstream_free(s->json->records);
    free(s->json);
    s->json = NULL;
}
