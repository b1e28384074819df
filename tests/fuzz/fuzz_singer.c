/* Singer messages, line by line, and schemas held against columns. Whatever the bytes: a message or
 * a data error; what a RECORD or STATE holds is well-formed JSON within the line. */
#include "pipeline/source/singer.h"
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_message(const struct stream_spec *s, const struct singer_message *m)
{
    struct error err = ERROR_INIT;
    if (m->kind == SINGER_RECORD || m->kind == SINGER_SCHEMA)
        require(m->body.len >= 2 && m->body.ptr[0] == '{' && m->stream.ptr != NULL);
    if (m->kind == SINGER_STATE && m->body.len > 0)
        require(jpull_check(m->body, false, &err) == 0);
    if (m->kind == SINGER_SCHEMA)
        (void)singer_check_schema(s, m->body, &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct column_spec columns[] = {
        {.name = "id", .from = "id", .type = {DB_INT8, 0, 0}, .type_text = "bigint"},
        {.name = "price",
         .from = "price",
         .type = {DB_NUMERIC, 10, 2},
         .type_text = "numeric(10,2)"},
        {.name = "at", .from = "at", .type = {DB_TIMESTAMPTZ, 0, 0}, .type_text = "timestamptz"},
        {.name = "doc", .from = "doc", .type = {DB_JSONB, 0, 0}, .type_text = "jsonb"},
        {.name = "deep", .from = "/a/b", .type = {DB_TEXT, 0, 0}, .type_text = "text"}};
    struct stream_spec stream = {.name = "s", .columns = columns, .ncolumns = 5};
    struct singer_reader *r = singer_reader_new();
    const char *p = (const char *)data;
    const char *end = p + size;
    while (p < end) {
        const char *stop = memchr(p, '\n', (size_t)(end - p));
        size_t n = (size_t)((stop != NULL ? stop : end) - p);
        struct singer_message m;
        struct error err = ERROR_INIT;
        int code = singer_read(r, (struct span){p, n}, &m, &err);
        require(code == 0 || code == ERR_DATA);
        if (code == 0)
            check_message(&stream, &m);
        p += n + 1;
    }
    singer_reader_free(r);
    return 0;
}
