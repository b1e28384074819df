#include "format/csvio.h"

/* What a spreadsheet would take for a formula (OWASP, "CSV injection"). */
static bool looks_like_formula(struct span text)
{
    return text.len > 0 && text.ptr[0] != '\0' && strchr("=+-@\t\r", text.ptr[0]) != NULL;
}

static bool needs_quotes(struct span text, char delimiter, struct span null_text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == delimiter || c == '"' || c == '\n' || c == '\r')
            return true;
    }
    if (text.len > 0 && (text.ptr[0] == ' ' || text.ptr[text.len - 1] == ' '))
        return true;                    /* some readers trim what is not quoted */
    return span_equal(text, null_text); /* a text must not read as null */
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

bool csvio_write_field(struct strbuf *out, const struct csvio_style *style, struct span text,
                       bool is_number, bool first)
{
    char delimiter = style->delimiter ? style->delimiter : ',';
    struct span null_text = span_of(style->null_text ? style->null_text : "");
    if (!first)
        strbuf_addch(out, delimiter);
    if (!text.ptr)
        return strbuf_add(out, null_text.ptr, null_text.len);
    bool guarded = style->formula_guard && !is_number && looks_like_formula(text);
    bool quoted = style->quote_all || needs_quotes(text, delimiter, null_text);
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
