#include "net/connector_internal.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

static const char *skip_blanks(const char *p)
{
    while (*p == ' ' || *p == '\t')
        p++;
    return p;
}

/* A parameter's value, quoted or a token; returns where it ends. */
static const char *value_read(const char *p, struct span *ret)
{
    if (*p != '"') {
        size_t n = strcspn(p, ";, \t");
        *ret = (struct span){p, n};
        return p + n;
    }
    const char *begin = ++p;
    while (*p && *p != '"')
        p += p[0] == '\\' && p[1] ? 2 : 1;
    *ret = (struct span){begin, (size_t)(p - begin)};
    return *p ? p + 1 : p;
}

/* rel is a list of words: rel="last next". */
static bool words_have_next(struct span words)
{
    for (size_t i = 0; i < words.len;) {
        while (i < words.len && isspace((unsigned char)words.ptr[i]))
            i++;
        size_t begin = i;
        while (i < words.len && !isspace((unsigned char)words.ptr[i]))
            i++;
        if (i - begin == 4 && strncasecmp(words.ptr + begin, "next", 4) == 0)
            return true;
    }
    return false;
}

/* The parameters of one link, up to the comma behind it. Only the first rel counts. */
static const char *params_read(const char *p, bool *ret_is_next)
{
    bool seen = false;

    *ret_is_next = false;
    for (p = skip_blanks(p); *p == ';'; p = skip_blanks(p)) {
        p = skip_blanks(p + 1);
        size_t n = strcspn(p, "=;, \t");
        bool is_rel = n == 3 && strncasecmp(p, "rel", 3) == 0;
        struct span value = {0};
        p = skip_blanks(p + n);
        if (*p == '=')
            p = value_read(skip_blanks(p + 1), &value);
        if (is_rel && !seen) {
            seen = true;
            *ret_is_next = words_have_next(value);
        }
    }
    return p;
}

struct span link_next(const char *header)
{
    for (const char *p = skip_blanks(header); *p == '<'; p = skip_blanks(p)) {
        const char *end = strchr(p, '>');
        bool is_next;
        if (!end)
            break;
        struct span target = {p + 1, (size_t)(end - p - 1)};
        p = params_read(end + 1, &is_next);
        if (is_next)
            return target;
        p += strcspn(p, ",");
        while (*p == ',' || *p == ' ' || *p == '\t')
            p++;
    }
    return (struct span){0};
}
