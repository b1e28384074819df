/* lib/format/test_results.c - JUnit, TAP, and our own last line. */
#include "format/test_results.h"
#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define COUNT_DIGITS 12

/* ---- lines --------------------------------------------------------------------------------- */

struct line {
    const char *p, *end;
};

static bool line_next(const char **at, const char *end, struct line *ret)
{
    if (*at == end)
        return false;
    const char *newline = memchr(*at, '\n', (size_t)(end - *at));
    *ret = (struct line){*at, newline != NULL ? newline : end};
    *at = newline != NULL ? newline + 1 : end;
    return true;
}

static bool take(struct line *l, const char *word)
{
    size_t n = strlen(word);
    if ((size_t)(l->end - l->p) < n || memcmp(l->p, word, n) != 0)
        return false;
    l->p += n;
    return true;
}

static bool take_number(struct line *l, int64_t *ret)
{
    int64_t value = 0;
    int digits = 0;
    for (; l->p < l->end && isdigit((unsigned char)*l->p); l->p++, digits++) {
        if (digits == COUNT_DIGITS)
            return false;
        value = 10 * value + (*l->p - '0');
    }
    *ret = value;
    return digits > 0;
}

/* "12 passed, 0 failed" */
static bool read_own(struct line l, struct test_results *ret)
{
    int64_t passed, failed;
    if (!take_number(&l, &passed) || !take(&l, " passed, ") || !take_number(&l, &failed) ||
        !take(&l, " failed"))
        return false;
    *ret = (struct test_results){.form = "make test", .passed = passed, .failed = failed};
    return true;
}

static void read_tap(struct line l, struct test_results *r)
{
    int64_t number;
    bool failed = take(&l, "not ");
    if (!take(&l, "ok ") || !take_number(&l, &number))
        return;
    const char *hash = memmem(l.p, (size_t)(l.end - l.p), "# ", 2);
    bool skipped = hash != NULL && l.end - hash >= 6 && strncasecmp(hash + 2, "skip", 4) == 0;
    r->form = "TAP";
    r->skipped += skipped;
    r->failed += failed && !skipped;
    r->passed += !failed && !skipped;
}

static bool read_lines(const char *text, size_t n, struct test_results *ret)
{
    struct test_results tap = {0}, own = {0};
    const char *at = text;
    for (struct line l; line_next(&at, text + n, &l);) {
        (void)read_own(l, &own);
        read_tap(l, &tap);
    }
    *ret = own.form != NULL ? own : tap;
    return ret->form != NULL;
}

/* ---- JUnit --------------------------------------------------------------------------------- */

/* One tag: "<testcase name='a>b'>"; comments and CDATA are passed over. */
struct tag {
    const char *name, *end; /* end: the '>' */
    size_t len;
    bool closes, is_empty;
};

static const char *behind(const char *p, const char *end, const char *what)
{
    const char *found = memmem(p, (size_t)(end - p), what, strlen(what));
    return found != NULL ? found + strlen(what) : end;
}

static bool begins(const char *p, const char *end, const char *word)
{
    size_t n = strlen(word);
    return (size_t)(end - p) >= n && memcmp(p, word, n) == 0;
}

static const char *end_of_tag(const char *p, const char *end)
{
    char quote = '\0';
    for (; p < end && (quote != '\0' || *p != '>'); p++)
        if (quote == '\0' && (*p == '"' || *p == '\''))
            quote = *p;
        else if (*p == quote)
            quote = '\0';
    return p;
}

static bool tag_next(const char **at, const char *end, struct tag *ret)
{
    const char *p = *at;
    while ((p = memchr(p, '<', (size_t)(end - p))) != NULL) {
        if (begins(p, end, "<!--"))
            p = behind(p, end, "-->");
        else if (begins(p, end, "<![CDATA["))
            p = behind(p, end, "]]>");
        else
            break;
    }
    if (p == NULL || p + 1 >= end)
        return false;
    *ret = (struct tag){.closes = p[1] == '/', .end = end_of_tag(p, end)};
    ret->name = p + 1 + ret->closes;
    while (ret->name + ret->len < ret->end && isalnum((unsigned char)ret->name[ret->len]))
        ret->len++;
    ret->is_empty = ret->end[-1] == '/';
    *at = ret->end < end ? ret->end + 1 : end;
    return ret->end < end;
}

static bool is_tag(const struct tag *t, const char *name)
{
    return t->len == strlen(name) && memcmp(t->name, name, t->len) == 0;
}

static void read_junit(const char *text, size_t n, struct test_results *r)
{
    bool in_case = false, failed = false, skipped = false;
    const char *at = text;
    for (struct tag t; tag_next(&at, text + n, &t);) {
        bool is_case = is_tag(&t, "testcase");
        if (is_case && !t.closes) {
            r->form = "JUnit";
            in_case = true;
            failed = skipped = false;
        }
        failed |= in_case && (is_tag(&t, "failure") || is_tag(&t, "error"));
        skipped |= in_case && is_tag(&t, "skipped");
        if (in_case && is_case && (t.closes || t.is_empty)) {
            r->failed += failed;
            r->skipped += skipped && !failed;
            r->passed += !failed && !skipped;
            in_case = false;
        }
    }
}

int test_results_read(const char *text, size_t n, struct test_results *ret, struct error *err)
{
    struct test_results found = {0};
    const char *p = text;
    while (p < text + n && isspace((unsigned char)*p))
        p++;
    if (p < text + n && *p == '<')
        read_junit(text, n, &found);
    else
        (void)read_lines(text, n, &found);
    if (found.form == NULL) {
        error_set(err, ERR_DATA, "there is no result of a test in it");
        return error_hint(err, "it is to be JUnit, TAP, or what `make test` printed");
    }
    *ret = found;
    return ERR_OK;
}
