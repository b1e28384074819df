/* lib/db/encode_text.c - text and jsonb fields: strict UTF-8, no NUL, length, depth. */
#include "core/message.h"
#include "db/encode_internal.h"
#include "db/wire.h"

#define NOT_UTF8 MESSAGE("not valid UTF-8")
#define HAS_NUL  "a NUL byte"

/* ---- UTF-8 -------------------------------------------------------------------------------- */

static bool is_continuation(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* The length of the well-formed sequence at s (table 3-7 of the Unicode standard), 0: none. */
static inline size_t sequence_len(const unsigned char *s, size_t left)
{
    unsigned char c = s[0];
    if (c >= 0xC2 && c <= 0xDF)
        return left >= 2 && is_continuation(s[1]) ? 2 : 0;
    if (c >= 0xE0 && c <= 0xEF) {
        unsigned char low = c == 0xE0 ? 0xA0 : 0x80;
        unsigned char high = c == 0xED ? 0x9F : 0xBF; /* no surrogates */
        return left >= 3 && s[1] >= low && s[1] <= high && is_continuation(s[2]) ? 3 : 0;
    }
    if (c >= 0xF0 && c <= 0xF4) {
        unsigned char low = c == 0xF0 ? 0x90 : 0x80;
        unsigned char high = c == 0xF4 ? 0x8F : 0xBF;
        return left >= 4 && s[1] >= low && s[1] <= high && is_continuation(s[2]) &&
                       is_continuation(s[3])
                   ? 4
                   : 0;
    }
    return 0;
}

/* Eight bytes that are all ASCII and not NUL. */
static inline bool is_plain_word(const unsigned char *s)
{
    uint64_t w;
    memcpy(&w, s, sizeof w);
    uint64_t nul = (w - UINT64_C(0x0101010101010101)) & ~w;
    return ((w | nul) & UINT64_C(0x8080808080808080)) == 0;
}

static const char *check_utf8(struct span text)
{
    const unsigned char *s = (const unsigned char *)text.ptr;
    size_t left = text.len;
    while (left > 0) {
        size_t n = 1;
        if (left >= 8 && is_plain_word(s))
            n = 8;
        else if (*s == 0)
            return HAS_NUL;
        else if (*s >= 0x80 && (n = sequence_len(s, left)) == 0)
            return NOT_UTF8;
        s += n;
        left -= n;
    }
    return NULL;
}

static const char *check_bytes(struct span text, unsigned flags)
{
    if ((flags & DB_ENCODE_VALID_UTF8) == 0)
        return check_utf8(text);
    return text.len > 0 && memchr(text.ptr, 0, text.len) != NULL ? HAS_NUL : NULL;
}

static size_t count_characters(struct span text)
{
    size_t n = 0;
    for (size_t i = 0; i < text.len; i++)
        n += !is_continuation((unsigned char)text.ptr[i]);
    return n;
}

/* ---- fields ------------------------------------------------------------------------------- */

const char *check_text(const struct db_type *t, struct span text, unsigned flags)
{
    const char *reason = check_bytes(text, flags);
    if (reason == NULL && t->precision > 0 && text.len > (size_t)t->precision &&
        count_characters(text) > (size_t)t->precision)
        reason = MESSAGE("longer than the type allows");
    return reason;
}

const char *encode_text(const struct db_type *t, struct span text, unsigned flags,
                        struct strbuf *out)
{
    const char *reason = check_text(t, text, flags);
    if (reason != NULL)
        return reason;
    char *p = field_reserve(out, text.len);
    if (p == NULL)
        return TOO_LARGE;
    memcpy(p, text.ptr, text.len);
    field_finish(out, text.len);
    return NULL;
}

/* jsonb_recv: one byte of version, 1, then the text. */
const char *encode_jsonb(struct span text, unsigned flags, struct strbuf *out)
{
    const char *reason = check_bytes(text, flags);
    if (reason == NULL)
        reason = jsoncheck(text);
    if (reason != NULL)
        return reason;
    char *p = field_reserve(out, text.len + 1);
    if (p == NULL)
        return TOO_LARGE;
    p[0] = 1;
    memcpy(p + 1, text.ptr, text.len);
    field_finish(out, text.len + 1);
    return NULL;
}
