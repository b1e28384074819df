/* lib/db/ddl_lexer.c - SQL as words: comments are left out, strings are one. */
#include "db/ddl_lexer.h"
#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static const char *skip_block_comment(const char *p, const char *end)
{
    int depth = 0;
    while (p < end) {
        bool opens = end - p > 1 && p[0] == '/' && p[1] == '*';
        bool closes = end - p > 1 && p[0] == '*' && p[1] == '/';
        depth += opens ? 1 : closes ? -1 : 0;
        p += opens || closes ? 2 : 1;
        if (closes && depth == 0)
            break;
    }
    return p;
}

/* Blanks and comments. */
static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end) {
        if (isspace((unsigned char)*p)) {
            p++;
        } else if (end - p > 1 && p[0] == '-' && p[1] == '-') {
            const char *line_end = memchr(p, '\n', (size_t)(end - p));
            p = line_end != NULL ? line_end : end;
        } else if (end - p > 1 && p[0] == '/' && p[1] == '*') {
            p = skip_block_comment(p, end);
        } else {
            break;
        }
    }
    return p;
}

/* Behind a quoted text; a doubled quote is two texts without a gap, which is as good. */
static const char *skip_quoted(const char *p, const char *end)
{
    const char *close = memchr(p + 1, *p, (size_t)(end - p - 1));
    return close != NULL ? close + 1 : end;
}

/* Behind $tag$ ... $tag$, or NULL when it is none. */
static const char *skip_dollars(const char *p, const char *end)
{
    const char *tag_end = p + 1;
    while (tag_end < end && is_word(*tag_end))
        tag_end++;
    if (tag_end == end || *tag_end != '$')
        return NULL;
    size_t tag = (size_t)(tag_end + 1 - p);
    const char *close = memmem(tag_end + 1, (size_t)(end - tag_end - 1), p, tag);
    return close != NULL ? close + tag : end;
}

static const char *skip_token(const char *p, const char *end)
{
    const char *behind = NULL;
    if (*p == '\'' || *p == '"')
        return skip_quoted(p, end);
    if (*p == '$')
        behind = skip_dollars(p, end);
    if (behind != NULL)
        return behind;
    behind = p + 1;
    while (is_word(*p) && behind < end && is_word(*behind))
        behind++;
    return behind;
}

static int lines_between(const char *from, const char *to)
{
    int lines = 0;
    for (; from < to; from++)
        lines += *from == '\n';
    return lines;
}

bool ddl_words_next(const char **p, const char *end, int *line, struct ddl_words *ret)
{
    const char *at = *p;
    ret->count = 0;
    for (;;) {
        const char *start = skip_blanks(at, end);
        *line += lines_between(at, start);
        at = start;
        if (at == end || *at == ';')
            break;
        at = skip_token(start, end);
        if (ret->count == 0)
            ret->line = *line;
        *line += lines_between(start, at);
        ret->items = mem_grow(ret->items, &ret->capacity, ret->count + 1, sizeof *ret->items);
        ret->items[ret->count++] = (struct ddl_token){start, (size_t)(at - start)};
    }
    bool is_last = at == end;
    *p = is_last ? at : at + 1;
    return ret->count > 0 || !is_last;
}

bool ddl_token_is(const struct ddl_token *t, const char *word)
{
    return t->len == strlen(word) && strncasecmp(t->start, word, t->len) == 0;
}

bool ddl_word_is(const struct ddl_words *w, size_t i, const char *word)
{
    return i < w->count && ddl_token_is(&w->items[i], word);
}
