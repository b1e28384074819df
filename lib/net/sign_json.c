/* One value into a JSON text, all else left as it is: numbers keep their digits, keys their order.
 */
#include "format/jpull.h"
#include "format/jsonx.h"
#include "net/sign.h"
#include <stdlib.h>
#include <string.h>

struct put {
    struct span value;
    struct strbuf *out;
    struct strbuf part; /* of the pointer being walked */
};

static int put_at(struct put *p, struct span raw, const char *pointer, int depth,
                  struct error *err);

/* The first part of the pointer, unescaped, into p->part; returns what is behind it. */
static const char *part_next(struct put *p, const char *pointer)
{
    strbuf_clear(&p->part);
    for (pointer++; *pointer && *pointer != '/'; pointer++) {
        if (*pointer == '~' && (pointer[1] == '0' || pointer[1] == '1'))
            strbuf_addch(&p->part, *++pointer == '0' ? '~' : '/');
        else
            strbuf_addch(&p->part, *pointer);
    }
    return pointer;
}

static int object_put(struct put *p, struct span raw, const char *pointer, int depth,
                      struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_array members;
    struct span key, value;
    bool end = false, found = false, first = true;

    strbuf_init(&scratch, 0);
    const char *rest = part_next(p, pointer);
    AUTOFREE char *wanted = mem_strndup(p->part.data, p->part.len);
    TRY(jpull_object_begin(raw, &members, err));
    strbuf_addch(p->out, '{');
    for (;; first = false) {
        strbuf_clear(&scratch);
        TRY(jpull_object_next(&members, &key, &value, &end, &scratch, err));
        if (end)
            break;
        bool here = !found && span_equal(key, span_of(wanted));
        if (!first)
            strbuf_addch(p->out, ',');
        jsonx_quote(p->out, key);
        strbuf_addch(p->out, ':');
        if (here)
            TRY(put_at(p, value, rest, depth + 1, err));
        else
            strbuf_add(p->out, value.ptr, value.len);
        found = found || here;
    }
    if (!found) {
        if (!first)
            strbuf_addch(p->out, ',');
        jsonx_quote(p->out, span_of(wanted));
        strbuf_addch(p->out, ':');
        TRY(put_at(p, SPAN("{}"), rest, depth + 1, err));
    }
    strbuf_addch(p->out, '}');
    return 0;
}

static int array_put(struct put *p, struct span raw, const char *pointer, int depth,
                     struct error *err)
{
    struct jpull_array elements;
    struct span element;
    bool end = false;
    const char *rest = part_next(p, pointer);
    const char *digits = p->part.data;
    unsigned long wanted = strtoul(digits, NULL, 10), i = 0;
    /* as RFC 6901 writes one: no sign, no blank, no zero before it */
    if (p->part.len == 0 || strspn(digits, "0123456789") != p->part.len ||
        (digits[0] == '0' && p->part.len > 1))
        return error_set(err, ERR_DATA, "'%.80s' is no place in a list", p->part.data);
    TRY(jpull_array_begin(raw, &elements, err));
    strbuf_addch(p->out, '[');
    for (;; i++) {
        TRY(jpull_array_next(&elements, &element, &end, err));
        if (end)
            break;
        if (i > 0)
            strbuf_addch(p->out, ',');
        if (i == wanted)
            TRY(put_at(p, element, rest, depth + 1, err));
        else
            strbuf_add(p->out, element.ptr, element.len);
    }
    if (i <= wanted)
        return error_set(err, ERR_DATA, "the list has %lu elements, none at %lu", i, wanted);
    strbuf_addch(p->out, ']');
    return 0;
}

static int put_at(struct put *p, struct span raw, const char *pointer, int depth, struct error *err)
{
    AUTO_STRBUF struct strbuf scratch = {0};
    struct jpull_value value;

    if (!*pointer) {
        strbuf_add(p->out, p->value.ptr, p->value.len);
        return 0;
    }
    if (depth >= JPULL_DEPTH_MAX)
        return error_set(err, ERR_LIMIT, "the pointer is too deep");
    strbuf_init(&scratch, 0);
    TRY(jpull_value_of(raw, &value, &scratch, err));
    if (value.kind == JPULL_OBJECT)
        return object_put(p, raw, pointer, depth, err);
    if (value.kind == JPULL_ARRAY)
        return array_put(p, raw, pointer, depth, err);
    return error_set(err, ERR_DATA, "there is neither object nor list at '%.80s'", pointer);
}

int sign_json_put(struct span document, const char *pointer, struct span value, struct strbuf *out,
                  struct error *err)
{
    struct put p = {.value = value, .out = out};
    size_t before = out->len;

    TRY(jpull_check(document, false, err));
    strbuf_init(&p.part, 0);
    int code = put_at(&p, document, pointer, 0, err);
    strbuf_release(&p.part);
    if (code == 0 && out->overflow)
        code = error_set(err, ERR_LIMIT, "the body is too long");
    if (code != 0)
        strbuf_truncate(out, before);
    return code;
}
