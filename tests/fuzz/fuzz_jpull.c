/* The pull parser against itself: what the check accepts, the projection, the pointers and the
 * iterators read alike; what it refuses never crashes them. */
#include "format/encoding.h"
#include "format/jpull.h"
#include "format/json_time.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define POINTERS 6
static const char *const WHERE[POINTERS] = {"", "/a", "/a/b", "/a/0", "/0/a", "/a~1b"};

static void require(bool holds)
{
    if (!holds)
        abort();
}

static bool walk(struct span raw, int depth, struct strbuf *scratch)
{
    struct error err = ERROR_INIT;
    struct jpull_value v;
    struct jpull_array at;
    bool end = false;
    strbuf_clear(scratch);
    if (jpull_value_of(raw, &v, scratch, &err) != 0)
        return false;
    require(v.kind != JPULL_STRING || utf8_is_valid(v.text.ptr, v.text.len));
    if (depth > JPULL_DEPTH_MAX || (v.kind != JPULL_ARRAY && v.kind != JPULL_OBJECT))
        return true;
    bool is_array = v.kind == JPULL_ARRAY;
    require((is_array ? jpull_array_begin : jpull_object_begin)(v.text, &at, &err) == 0);
    bool whole = true;
    while (!end) {
        struct span key;
        struct span item;
        int code = is_array ? jpull_array_next(&at, &item, &end, &err)
                            : jpull_object_next(&at, &key, &item, &end, scratch, &err);
        if (code != 0)
            return false; /* a key that no text can hold */
        if (!end)
            whole = walk(item, depth + 1, scratch) && whole;
    }
    return whole;
}

static void compare(struct span document, const struct jpull_value *values, struct strbuf *scratch)
{
    for (size_t i = 0; i < POINTERS; i++) {
        struct error err = ERROR_INIT;
        struct jpull_value v;
        strbuf_clear(scratch);
        require(jpull_find(document, WHERE[i], &v, scratch, &err) == 0);
        require(v.kind == values[i].kind && span_equal(v.text, values[i].text));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct jpull_projection *projection;
    struct error err = ERROR_INIT;
    if (!projection)
        require(jpull_projection_new(WHERE, POINTERS, &projection, &err) == 0);
    char *text = mem_alloc(size);
    if (size > 0)
        memcpy(text, data, size);
    struct span document = {text, size};
    struct jpull_value values[POINTERS];
    AUTO_STRBUF struct strbuf scratch = {0};
    AUTO_STRBUF struct strbuf other = {0};
    strbuf_init(&scratch, 0);
    strbuf_init(&other, 0);
    bool well_formed = jpull_check(document, false, &err) == 0;
    bool unique = jpull_check(document, true, &err) == 0;
    bool storable = jpull_check_storable(document, &err) == 0;
    bool projected = jpull_project(projection, document, values, &scratch, &err) == 0;
    bool walked = walk(document, 0, &other);
    require(!unique || well_formed);
    require(!storable || (unique && projected && walked));
    if (unique && projected)
        compare(document, values, &other);
    struct datetime time;
    (void)json_time_parse(document, &time);
    free(text);
    return 0;
}
