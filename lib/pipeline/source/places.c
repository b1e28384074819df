#include "pipeline/source/places.h"
#include "core/message.h"

#include <stdlib.h>
#include <string.h>

#define BMP 0x10000

int places_begin(struct places *p, bool in_bytes, const char *encoding, struct error *err)
{
    p->in_bytes = in_bytes;
    if (!in_bytes || p->encoder != NULL || strcmp(encoding, "UTF-8") == 0)
        return 0;
    if (p->widths == NULL) {
        p->widths = mem_alloc(BMP);
        strbuf_init(&p->encoded, 256);
    }
    return encoder_new(encoding, &p->encoder, err);
}

void places_release(struct places *p)
{
    if (p->encoder != NULL)
        encoder_free(p->encoder);
    strbuf_release(&p->encoded);
    free(p->widths);
    free(p->offsets);
    *p = (struct places){0};
}

/* Places that a character takes. */
static size_t places_of(struct places *p, const char *s, size_t n)
{
    struct error ignored = ERROR_INIT;
    if (!p->in_bytes)
        return 1;
    if (p->encoder == NULL)
        return n;
    unsigned c = utf8_code_point(s, n);
    if (c < BMP && p->widths[c] != 0)
        return p->widths[c];
    strbuf_clear(&p->encoded);
    size_t width = encoder_convert(p->encoder, s, n, &p->encoded, &ignored) == 0 &&
                           p->encoded.len > 0 && p->encoded.len < 16
                       ? p->encoded.len
                       : n;
    if (c < BMP)
        p->widths[c] = (unsigned char)width;
    return width;
}

void places_find(struct places *p, struct span line)
{
    p->nplaces = 0;
    for (size_t i = 0; i < line.len;) {
        size_t n = utf8_bytes(line.ptr + i, line.len - i);
        size_t width = places_of(p, line.ptr + i, n);
        p->offsets = mem_grow(p->offsets, &p->capacity, p->nplaces + width + 1, sizeof *p->offsets);
        p->offsets[p->nplaces++] = i;
        while (--width > 0)
            p->offsets[p->nplaces++] = PLACES_INSIDE;
        i += n;
    }
    p->offsets = mem_grow(p->offsets, &p->capacity, p->nplaces + 1, sizeof *p->offsets);
    p->offsets[p->nplaces] = line.len;
}

/* NULL, or what is wrong. */
const char *places_cut(const struct places *p, struct span line, struct places_range r, bool pad,
                       struct span *ret)
{
    bool open_end = r.last >= PLACES_OPEN;
    *ret = (struct span){"", 0};
    if (!pad && p->nplaces < (open_end ? r.first : r.last))
        return MESSAGE(
            "the line ends before its last column (declare `pad: true` if lines may end early)");
    if (p->nplaces < r.first)
        return NULL;
    size_t from = p->offsets[r.first - 1];
    size_t to = p->offsets[r.last < p->nplaces ? r.last : p->nplaces];
    if (from == PLACES_INSIDE || to == PLACES_INSIDE)
        return MESSAGE(
            "a column begins or ends within a character (are `positions` bytes or characters?)");
    *ret = (struct span){line.ptr + from, to - from};
    return NULL;
}
