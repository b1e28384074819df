#include "pipeline/source/row_spool.h"

#include "core/mem.h"
#include "core/spool.h"
#include "core/strbuf.h"

#include <stdlib.h>

#define CHUNK_BYTES   ((size_t)64 << 10)
#define ROW_MAX_BYTES ((size_t)1 << 30)

struct row_spool {
    struct spool *file;
    struct spool_reader reader;
    size_t ncolumns;
    uint32_t *lengths; /* of the row's fields; UINT32_MAX: null */
    struct span *fields;
    struct strbuf row;
};

static int add_row(struct row_spool *s, const struct span *fields, struct error *err)
{
    for (size_t i = 0; i < s->ncolumns; i++)
        s->lengths[i] = fields[i].ptr != NULL ? (uint32_t)fields[i].len : UINT32_MAX;
    TRY(spool_add(s->file, 0, s->lengths, s->ncolumns * sizeof *s->lengths, err));
    for (size_t i = 0; i < s->ncolumns; i++)
        if (fields[i].ptr != NULL && fields[i].len > 0)
            TRY(spool_add(s->file, 0, fields[i].ptr, fields[i].len, err));
    return 0;
}

static int add_all(struct row_spool *s, struct db_copy_out *out, struct error *err)
{
    const struct span *fields;
    bool end = false;
    TRY(spool_open(1, CHUNK_BYTES, &s->file, err));
    for (;;) {
        TRY(db_copy_out_next(out, &fields, &end, err));
        if (end)
            return 0;
        TRY(add_row(s, fields, err));
    }
}

int row_spool_fill(struct db_copy_out *out, size_t ncolumns, struct row_spool **ret,
                   struct error *err)
{
    struct row_spool *s = mem_alloc(sizeof *s);
    s->ncolumns = ncolumns;
    s->lengths = mem_array(ncolumns + 1, sizeof *s->lengths);
    s->fields = mem_array(ncolumns + 1, sizeof *s->fields);
    strbuf_init(&s->row, ROW_MAX_BYTES);
    int code = add_all(s, out, err);
    if (code != 0) {
        row_spool_free(s);
        return code;
    }
    spool_reader_init(&s->reader, s->file, 0);
    *ret = s;
    return 0;
}

int row_spool_next(struct row_spool *s, const struct span **ret_fields, bool *ret_end,
                   struct error *err)
{
    size_t total = 0, at = 0;
    bool end = false;
    TRY(spool_read(&s->reader, s->lengths, s->ncolumns * sizeof *s->lengths, ret_end, err));
    if (*ret_end)
        return 0;
    for (size_t i = 0; i < s->ncolumns; i++)
        total += s->lengths[i] != UINT32_MAX ? s->lengths[i] : 0;
    strbuf_clear(&s->row);
    if (!strbuf_reserve(&s->row, total))
        return error_set(err, ERR_LIMIT, "a row is larger than %zu MiB", ROW_MAX_BYTES >> 20);
    char *bytes = s->row.data;
    if (total > 0)
        TRY(spool_read(&s->reader, bytes, total, &end, err));
    for (size_t i = 0; i < s->ncolumns; i++) {
        s->fields[i] = (struct span){bytes + at, s->lengths[i]};
        if (s->lengths[i] == UINT32_MAX)
            s->fields[i] = (struct span){NULL, 0};
        at += s->fields[i].len;
    }
    *ret_fields = s->fields;
    return 0;
}

void row_spool_free(struct row_spool *s)
{
    if (s == NULL)
        return;
    spool_reader_release(&s->reader);
    spool_close(s->file);
    strbuf_release(&s->row);
    free(s->lengths);
    free(s->fields);
    free(s);
}
