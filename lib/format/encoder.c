#include "core/mem.h"
#include "format/encoding.h"
#include "format/vendor.h"
#include <errno.h>
#include <iconv.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define PIECE ((size_t)64 << 10)

struct encoder {
    char name[32];
    bool is_utf8;
    iconv_t cd; /* unless is_utf8 */
};

int encoder_new(const char *name, struct encoder **ret, struct error *err)
{
    struct encoding known;
    TRY(encoding_named(name, &known, err));
    bool is_utf8 = strcmp(known.name, "UTF-8") == 0;
    /* The name as given: a reader of GBK need not know what GB18030 has beyond it. */
    iconv_t cd = is_utf8 ? NULL : iconv_open(name, "UTF-8");
    if (iconv_failed(cd))
        cd = iconv_open(known.name, "UTF-8");
    if (iconv_failed(cd))
        return error_set(err, ERR_SPEC, "cannot write encoding '%.40s'", name);
    struct encoder *e = mem_alloc(sizeof(*e));
    snprintf(e->name, sizeof(e->name), "%s", is_utf8 ? "UTF-8" : name);
    e->is_utf8 = is_utf8;
    e->cd = cd;
    *ret = e;
    return 0;
}

void encoder_free(struct encoder *e)
{
    if (!e)
        return;
    if (!e->is_utf8)
        iconv_close(e->cd);
    free(e);
}

/* Tells text that is no UTF-8 from a character that the target encoding lacks. */
static int refuse_at(const struct encoder *e, const char *s, size_t n, struct error *err)
{
    for (size_t k = 1; k <= 4 && k <= n; k++)
        if (utf8_is_valid(s, k))
            return error_set(err, ERR_DATA, "character '%.*s' (U+%04X) does not exist in %s",
                             (int)k, s, utf8_code_point(s, k), e->name);
    return error_set(err, ERR_DATA, "text for %s is not UTF-8", e->name);
}

static int too_long(const struct strbuf *out, struct error *err)
{
    return error_set(err, ERR_LIMIT, "encoded text exceeds %zu bytes", out->max);
}

static int convert_piece(struct encoder *e, const char *utf8, size_t n, struct strbuf *out,
                         struct error *err)
{
    size_t i = 0;
    while (i < n) {
        size_t room = (n - i) * 4 + 16;
        if (!strbuf_reserve(out, room))
            return too_long(out, err);
        char *from = unconst(utf8 + i);
        char *to = out->data + out->len;
        size_t from_left = n - i;
        size_t to_left = room;
        size_t code = iconv(e->cd, &from, &from_left, &to, &to_left);
        int why = code == (size_t)-1 ? errno : 0;
        out->len += room - to_left;
        out->data[out->len] = '\0';
        i = n - from_left;
        if (why != 0 && why != E2BIG)
            return refuse_at(e, utf8 + i, n - i, err);
        if (why == 0)
            break;
    }
    return 0;
}

int encoder_convert(struct encoder *e, const char *utf8, size_t n, struct strbuf *out,
                    struct error *err)
{
    if (e->is_utf8) {
        uint64_t ignored = 0;
        size_t valid = utf8_valid_prefix(utf8, n, &ignored);
        if (valid < n)
            return refuse_at(e, utf8 + valid, n - valid, err);
        return strbuf_add(out, utf8, n) ? 0 : too_long(out, err);
    }
    size_t start = out->len;
    for (size_t i = 0; i < n;) {
        size_t piece =
            i + utf8_cut(utf8 + i, n - i, PIECE) > i ? utf8_cut(utf8 + i, n - i, PIECE) : n - i;
        int code = convert_piece(e, utf8 + i, piece, out, err);
        if (code != 0) {
            strbuf_truncate(out, start);
            return code;
        }
        i += piece;
    }
    return 0;
}
