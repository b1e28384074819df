#include "format/jpretty.h"
#include "format/jpull.h"
#include <stdbool.h>

struct printer {
    struct strbuf *out;
    int level;
    bool on_one_line;
};

static void line_break(struct printer *p)
{
    if (p->on_one_line)
        return;
    strbuf_addch(p->out, '\n');
    for (int i = 0; i < p->level; i++)
        strbuf_adds(p->out, "  ");
}

/* A string from its opening quote; returns what is behind the closing one. */
static const char *string_print(struct printer *p, const char *s)
{
    strbuf_addch(p->out, *s++);
    for (; *s != '"'; s++) {
        unsigned char c = (unsigned char)*s, next = (unsigned char)s[1];
        if (c == '\\') {
            strbuf_add(p->out, s++, 2);
        } else if (c == 0x7f) {
            strbuf_adds(p->out, "\\u007f");
        } else if (c == 0xc2 && next >= 0x80 && next <= 0x9f) {
            strbuf_addf(p->out, "\\u%04x", next);
            s++;
        } else {
            strbuf_addch(p->out, *s);
        }
    }
    strbuf_addch(p->out, *s);
    return s + 1;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* An opening bracket; one that closes at once stays on the line. */
static const char *bracket_open(struct printer *p, const char *s)
{
    strbuf_addch(p->out, *s++);
    while (is_blank(*s))
        s++;
    if (*s == ']' || *s == '}') {
        strbuf_addch(p->out, *s);
        return s + 1;
    }
    p->level++;
    line_break(p);
    return s;
}

static int print(struct printer *p, struct span document, struct error *err)
{
    TRY(jpull_check(document, false, err));
    for (const char *s = document.ptr, *end = s + document.len; s < end;) {
        switch (*s) {
        case '"': s = string_print(p, s); break;
        case '{':
        case '[': s = bracket_open(p, s); break;
        case '}':
        case ']':
            p->level--;
            line_break(p);
            strbuf_addch(p->out, *s++);
            break;
        case ',':
            strbuf_addch(p->out, *s++);
            if (p->on_one_line)
                strbuf_addch(p->out, ' ');
            line_break(p);
            break;
        case ':':
            strbuf_adds(p->out, ": ");
            s++;
            break;
        default:
            if (!is_blank(*s))
                strbuf_addch(p->out, *s);
            s++;
        }
    }
    return p->out->overflow ? error_set(err, ERR_LIMIT, "the document is too long to print") : 0;
}

int jpretty(struct span document, int level, struct strbuf *out, struct error *err)
{
    struct printer p = {.out = out, .level = level};

    return print(&p, document, err);
}

int jcompact(struct span document, struct strbuf *out, struct error *err)
{
    struct printer p = {.out = out, .on_one_line = true};

    return print(&p, document, err);
}
