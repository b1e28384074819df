#include "format/csvio.h"

#include <string.h>

/* What a spreadsheet would take for a formula (OWASP, "CSV injection"). */
static bool looks_like_formula(struct span text)
{
    if (text.len == 0)
        return false;
    char c = text.ptr[0];
    return c == '=' || c == '+' || c == '-' || c == '@' || c == '\t' || c == '\r';
}

/* Eight bytes at a time: a byte of w that equals c leaves its high bit set. */
static inline uint64_t bytes_equal(uint64_t w, char c)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t x = w ^ (ones * (unsigned char)c);
    return (x - ones) & ~x & (ones << 7);
}

static inline bool word_is_special(const char *p, char delimiter)
{
    uint64_t w;
    memcpy(&w, p, sizeof w);
    return (bytes_equal(w, delimiter) | bytes_equal(w, '"') | bytes_equal(w, '\n') |
            bytes_equal(w, '\r')) != 0;
}

static inline bool has_special(struct span text, char delimiter)
{
    const char *p = text.ptr, *end = text.ptr + text.len;
    const size_t word = sizeof(uint64_t);
    for (; (size_t)(end - p) >= word; p += word)
        if (word_is_special(p, delimiter))
            return true;
    if (text.len >= word) /* the last word again, with what is left of it */
        return p < end && word_is_special(end - word, delimiter);
    for (; p < end; p++)
        if (*p == delimiter || *p == '"' || *p == '\n' || *p == '\r')
            return true;
    return false;
}

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
