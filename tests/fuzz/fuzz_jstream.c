/* A document in chunks of any size against the parser that has it whole: the same records. The
 * first byte is the size of the chunks, the first line the pointer. */
#include "core/strbuf.h"
#include "format/jpull.h"
#include "format/jstream.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

struct feed {
    struct span rest;
    size_t chunk;
    char *copy; /* of the chunk handed out: what is read outside of it is found by the sanitizer */
};

static int fill(void *self, struct span *ret, bool *ret_end, struct error *err)
{
    struct feed *f = self;
    (void)err;
    size_t n = f->rest.len < f->chunk ? f->rest.len : f->chunk;
    free(f->copy);
    f->copy = NULL;
    *ret_end = n == 0;
    if (n > 0) {
        f->copy = malloc(n);
        require(f->copy != NULL);
        memcpy(f->copy, f->rest.ptr, n);
    }
    *ret = (struct span){f->copy, n};
    f->rest = (struct span){f->rest.ptr + n, f->rest.len - n};
    return 0;
}

/* Records by the whole-document parser; false when it has none to give. */
static bool expected(struct span document, const char *pointer, struct jpull_array *ret)
{
    struct error err = ERROR_INIT;
    struct jpull_value value;
    AUTO_STRBUF struct strbuf scratch = {0};
    strbuf_init(&scratch, 1 << 20);
    return jpull_check(document, true, &err) == 0 &&
           jpull_find(document, pointer, &value, &scratch, &err) == 0 &&
           value.kind == JPULL_ARRAY && jpull_array_begin(value.text, ret, &err) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char pointer[64] = "";
    if (size < 2)
        return 0;
    const char *text = (const char *)data + 1;
    const char *line = memchr(text, '\n', size - 1);
    if (line == NULL || (size_t)(line - text) >= sizeof pointer ||
        memchr(text, 0, (size_t)(line - text)) != NULL)
        return 0;
    memcpy(pointer, text, (size_t)(line - text));
    struct span document = {line + 1, size - 1 - (size_t)(line + 1 - text)};
    struct feed feed = {.rest = document, .chunk = (size_t)data[0] + 1};
    struct jstream_options o = {
        .name = "fuzz", .pointer = pointer, .record_max_bytes = 4096, .fill = fill, .self = &feed};
    struct error err = ERROR_INIT;
    struct jstream *j;
    struct jpull_array all;
    if (jstream_new(&o, &j, &err) != 0)
        return 0;
    bool known = expected(document, pointer, &all);
    for (bool end = false; !end;) {
        struct span record, wanted;
        bool wanted_end;
        int code = jstream_next(j, &record, &end, &err);
        if (code != 0) {
            require(err.message[0] != '\0');
            require(!known || code == ERR_LIMIT || strstr(pointer, "/") != NULL);
            /* Indices with leading zeros and the like are told apart by who reads the pointer. */
            break;
        }
        if (known) {
            struct error ignored = ERROR_INIT;
            require(jpull_array_next(&all, &wanted, &wanted_end, &ignored) == 0);
            require(end == wanted_end);
            require(end ||
                    (record.len == wanted.len && memcmp(record.ptr, wanted.ptr, record.len) == 0));
        }
    }
    jstream_free(j);
    free(feed.copy);
    return 0;
}
