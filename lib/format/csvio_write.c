#include "format/csvio.h"

#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* What a spreadsheet would take for a formula (OWASP, "CSV injection"). */
static bool looks_like_formula(struct span text)
{
    if (text.len == 0)
        return false;
    char c = text.ptr[0];
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

#ifdef __SSE2__
/* 1 to 16 bytes at p, some of them twice; zeros where there are fewer than four. */
static inline __m128i load_short(const char *p, size_t n)
{
    uint64_t low = 0, high = 0;
    if (n >= 8) {
        memcpy(&low, p, 8);
        memcpy(&high, p + n - 8, 8);
    } else if (n >= 4) {
        memcpy(&low, p, 4);
        memcpy(&high, p + n - 4, 4);
    } else {
        low = (uint64_t)(unsigned char)p[0] | (uint64_t)(unsigned char)p[n / 2] << 8 |
              (uint64_t)(unsigned char)p[n - 1] << 16;
    }
    return _mm_set_epi64x((long long)high, (long long)low);
}

static inline bool vector_is_special(__m128i v, __m128i delimiter)
{
    __m128i marks =
        _mm_or_si128(_mm_cmpeq_epi8(v, delimiter), _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    __m128i ends = _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8('\n')),
                                _mm_cmpeq_epi8(v, _mm_set1_epi8('\r')));
    return _mm_movemask_epi8(_mm_or_si128(marks, ends)) != 0;
}

/* Whether the text, which is not empty, holds what must be quoted. */
static inline bool has_special(struct span text, char delimiter)
{
    const __m128i d = _mm_set1_epi8(delimiter);
    const size_t width = sizeof(__m128i);
    if (text.len <= width)
        return vector_is_special(load_short(text.ptr, text.len), d);
    for (size_t i = 0;; i += width) {
        __m128i v;
        size_t at = i + width < text.len ? i : text.len - width; /* the last one overlaps */
        memcpy(&v, text.ptr + at, width);
        if (vector_is_special(v, d))
            return true;
        if (at + width == text.len)
            return false;
    }
}
#else
static inline bool has_special(struct span text, char delimiter)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == delimiter || c == '"' || c == '\n' || c == '\r')
            return true;
    }
    return false;
}
#endif

static bool needs_quotes(struct span text, char delimiter, struct span null_text)
{
    if (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' '))
        return true;                   /* some readers trim what is not quoted */
    return span_equal(text, null_text) /* a text must not read as null */
           || has_special(text, delimiter);
}

static void add_quoted(struct strbuf *out, struct span text)
{
    const char *p = text.ptr;
    const char *end = text.ptr + text.len;
    while (p < end) {
        const char *quote = memchr(p, '"', (size_t)(end - p));
        const char *stop = quote ? quote + 1 : end;
        strbuf_add(out, p, (size_t)(stop - p));
        if (quote)
            strbuf_addch(out, '"');
        p = stop;
    }
}

/* A field that needs no quotes, with the delimiter before it. */
static bool add_plain(struct strbuf *out, struct span text, char delimiter, bool first)
{
    if (out->capacity - out->len < text.len + 2 && !strbuf_reserve(out, text.len + 1))
        return false;
    char *to = out->data + out->len;
    if (!first)
        *to++ = delimiter;
    memcpy(to, text.ptr, text.len);
    to += text.len;
    *to = '\0';
    out->len = (size_t)(to - out->data);
    return true;
}

bool csvio_write_field(struct strbuf *out, const struct csvio_style *style, struct span text,
                       bool is_number, bool first)
{
    char delimiter = style->delimiter ? style->delimiter : ',';
    bool has_null_text = style->null_text && style->null_text[0] != '\0';
    struct span null_text = has_null_text ? span_of(style->null_text) : SPAN("");
    if (!text.ptr)
        return add_plain(out, null_text, delimiter, first);
    bool guarded = style->formula_guard && !is_number && looks_like_formula(text);
    bool quoted = style->quote_all || needs_quotes(text, delimiter, null_text);
    if (!quoted && !guarded)
        return add_plain(out, text, delimiter, first);
    if (!first)
        strbuf_addch(out, delimiter);
    if (quoted)
        strbuf_addch(out, '"');
    if (guarded)
        strbuf_addch(out, '\'');
    if (quoted)
        add_quoted(out, text);
    else
        strbuf_add(out, text.ptr, text.len);
    if (quoted)
        strbuf_addch(out, '"');
    return !out->overflow;
}

bool csvio_write_end(struct strbuf *out, const struct csvio_style *style)
{
    /* A record of one null would be a blank line, which readers skip. */
    if (out->len == 0 || out->data[out->len - 1] == '\n')
        strbuf_adds(out, "\"\"");
    return strbuf_adds(out, style->crlf ? "\r\n" : "\n");
}
