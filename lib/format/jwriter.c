#include "format/encoding.h"
#include "format/jsonx.h"
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVELS ((int)(sizeof(((struct jwriter *)0)->comma) / sizeof(bool)))

void jwriter_init(struct jwriter *w, struct strbuf *out)
{
    memset(w, 0, sizeof(*w));
    w->out = out;
}

void jwriter_init_pretty(struct jwriter *w, struct strbuf *out)
{
    jwriter_init(w, out);
    w->indent = 2;
}

static void new_line(struct jwriter *w)
{
    if (w->indent == 0)
        return;
    strbuf_addch(w->out, '\n');
    for (int i = 0; i < w->depth * w->indent; i++)
        strbuf_addch(w->out, ' ');
}

/* Comma and line break before a key or an element. */
static void separate(struct jwriter *w)
{
    if (w->after_key) {
        w->after_key = false;
        return;
    }
    if (w->depth == 0 || w->depth >= LEVELS)
        return;
    if (w->comma[w->depth])
        strbuf_addch(w->out, ',');
    w->comma[w->depth] = true;
    new_line(w);
}

static void open_level(struct jwriter *w, bool is_array)
{
    separate(w);
    strbuf_addch(w->out, is_array ? '[' : '{');
    w->depth++;
    if (w->depth >= LEVELS) {
        w->out->overflow = true; /* too deep to keep account of: the text is not to be used */
        return;
    }
    w->comma[w->depth] = false;
    w->array[w->depth] = is_array;
}

void jwriter_object(struct jwriter *w)
{
    open_level(w, false);
}

void jwriter_array(struct jwriter *w)
{
    open_level(w, true);
}

void jwriter_end(struct jwriter *w)
{
    if (w->depth == 0)
        return;
    int level = w->depth--;
    if (level >= LEVELS)
        return;
    if (w->comma[level])
        new_line(w);
    strbuf_addch(w->out, w->array[level] ? ']' : '}');
}

void jwriter_key(struct jwriter *w, const char *key)
{
    separate(w);
    jsonx_quote(w->out, span_of(key));
    strbuf_adds(w->out, w->indent ? ": " : ":");
    w->after_key = true;
}

void jwriter_string(struct jwriter *w, const char *s)
{
    jwriter_span(w, span_of(s));
}

void jwriter_span(struct jwriter *w, struct span s)
{
    separate(w);
    if (s.ptr)
        jsonx_quote(w->out, s);
    else
        strbuf_adds(w->out, "null");
}

void jwriter_int(struct jwriter *w, int64_t value)
{
    separate(w);
    strbuf_addf(w->out, "%" PRId64, value);
}

void jwriter_double(struct jwriter *w, double value)
{
    char text[40];
    separate(w);
    if (!isfinite(value)) {
        strbuf_adds(w->out, "null");
        return;
    }
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof(text), "%.*g", digits, value);
        if (strtod(text, NULL) == value)
            break;
    }
    char *comma = strchr(text, ','); /* a locale's decimal point */
    if (comma)
        *comma = '.';
    /* "-0" would be read as the integer 0, which has no sign. */
    strbuf_adds(w->out, strcmp(text, "-0") == 0 ? "-0.0" : text);
}

void jwriter_bool(struct jwriter *w, bool value)
{
    separate(w);
    strbuf_adds(w->out, value ? "true" : "false");
}

void jwriter_null(struct jwriter *w)
{
    separate(w);
    strbuf_adds(w->out, "null");
}

void jwriter_raw(struct jwriter *w, struct span json)
{
    separate(w);
    strbuf_add(w->out, json.ptr, json.len);
}

void jwriter_kstring(struct jwriter *w, const char *key, const char *s)
{
    jwriter_key(w, key);
    jwriter_string(w, s);
}

void jwriter_kint(struct jwriter *w, const char *key, int64_t value)
{
    jwriter_key(w, key);
    jwriter_int(w, value);
}

void jwriter_kbool(struct jwriter *w, const char *key, bool value)
{
    jwriter_key(w, key);
    jwriter_bool(w, value);
}

void jwriter_kraw(struct jwriter *w, const char *key, const char *json)
{
    jwriter_key(w, key);
    jwriter_raw(w, span_of(json));
}

/* ---- strings ------------------------------------------------------------------------------- */

static void add_escape(struct strbuf *out, unsigned char c)
{
    switch (c) {
    case '"': strbuf_adds(out, "\\\""); break;
    case '\\': strbuf_adds(out, "\\\\"); break;
    case '\n': strbuf_adds(out, "\\n"); break;
    case '\r': strbuf_adds(out, "\\r"); break;
    case '\t': strbuf_adds(out, "\\t"); break;
    default: strbuf_addf(out, "\\u%04x", c); break;
    }
}

/* Adds text known to be UTF-8. */
static void add_escaped(struct strbuf *out, const char *p, size_t n)
{
    size_t from = 0;
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)p[i];
        if (c >= 0x20 && c != '"' && c != '\\' && c != 0x7F)
            continue;
        strbuf_add(out, p + from, i - from);
        add_escape(out, c);
        from = i + 1;
    }
    strbuf_add(out, p + from, n - from);
}

bool jsonx_quote(struct strbuf *out, struct span s)
{
    uint64_t ignored = 0;
    strbuf_addch(out, '"');
    for (size_t i = 0; i < s.len;) {
        size_t valid = utf8_valid_prefix(s.ptr + i, s.len - i, &ignored);
        add_escaped(out, s.ptr + i, valid);
        i += valid;
        if (i < s.len) {
            strbuf_adds(out, "\xEF\xBF\xBD");
            i++;
        }
    }
    return strbuf_addch(out, '"');
}
