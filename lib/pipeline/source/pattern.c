#include "pipeline/source/pattern.h"

#include <locale.h>
#include <string.h>

/* The C library's regular expressions follow the thread's locale. */
static locale_t utf8_begin(void)
{
    static locale_t utf8;
    if (utf8 == (locale_t)0)
        utf8 = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
    return utf8 != (locale_t)0 ? uselocale(utf8) : (locale_t)0;
}

static void utf8_end(locale_t before)
{
    if (before != (locale_t)0)
        (void)uselocale(before);
}

/* ---- how large it becomes ----------------------------------------------------------------- */

/* The C library writes repetitions out: `+` doubles what it stands behind, {30} is thirty of it. */
#define STATES_MAX ((size_t)20000)
#define GROUPS_MAX 100

struct measure {
    size_t sums[GROUPS_MAX]; /* of the groups that are open, from the outermost */
    size_t depth, last;      /* last: the size of what a repetition would repeat */
};

static void measure_add(struct measure *m, size_t size)
{
    m->last = size;
    m->sums[m->depth] += size;
}

static void measure_repeat(struct measure *m, size_t times)
{
    size_t grown = times > STATES_MAX ? STATES_MAX + 1 : m->last * (times > 1 ? times : 1);
    m->sums[m->depth] += grown - m->last;
    m->last = grown;
}

/* Of "{3,7}" the larger number; *ret_end stands behind it. */
static size_t bound_of(const char *p, const char **ret_end)
{
    size_t most = 0, n = 0;
    for (p++; *p != '\0' && *p != '}'; p++) {
        n = *p >= '0' && *p <= '9' ? n * 10 + (size_t)(*p - '0') : 0;
        most = n > most ? n : most;
        if (most > STATES_MAX)
            most = n = STATES_MAX + 1;
    }
    *ret_end = *p == '}' ? p + 1 : p;
    return most;
}

/* "[^]...]", classes in it included. */
static const char *bracket_end(const char *p)
{
    p += p[1] == '^' ? 2 : 1;
    for (p += *p == ']'; *p != '\0' && *p != ']'; p++)
        if (*p == '[' && strchr(":.=", p[1]) != NULL && p[1] != '\0') {
            const char kind[] = {p[1], ']', '\0'};
            const char *end = strstr(p + 2, kind);
            p = end != NULL ? end + 1 : p;
        }
    return *p == ']' ? p + 1 : p;
}

static bool is_too_large(const char *p)
{
    struct measure m = {.last = 0};
    while (*p != '\0') {
        const char *next = p + 1;
        if (*p == '(' && m.depth + 1 == GROUPS_MAX)
            return true;
        if (*p == '(') {
            m.sums[++m.depth] = 0;
            m.last = 0;
        } else if (*p == ')' && m.depth > 0) {
            size_t size = m.sums[m.depth--] + 1;
            measure_add(&m, size);
        } else if (*p == '+') {
            measure_repeat(&m, 2);
        } else if (*p == '{') {
            measure_repeat(&m, bound_of(p, &next));
        } else if (*p == '[') {
            next = bracket_end(p);
            measure_add(&m, 1);
        } else if (*p != '*' && *p != '?') {
            next = p + (*p == '\\' && p[1] != '\0' ? 2 : 1);
            measure_add(&m, 1);
        }
        if (m.sums[m.depth] > STATES_MAX)
            return true;
        p = next;
    }
    return false;
}

int pattern_compile(const char *text, struct pattern *ret, struct error *err)
{
    *ret = (struct pattern){0};
    if (text == NULL)
        return 0;
    if (text[0] == '^' && strpbrk(text + 1, "^$.[](){}*+?|\\") == NULL) {
        ret->is_set = true;
        ret->prefix = text + 1;
        ret->prefix_len = strlen(text + 1);
        return 0;
    }
    if (is_too_large(text)) {
        error_set(err, ERR_SPEC, "pattern '%.100s' is too large", text);
        return error_hint(err, "repetitions of repetitions are written out: x{9}{9} is 81 of x");
    }
    locale_t before = utf8_begin();
    int code = regcomp(&ret->regex, text, REG_EXTENDED);
    char why[128] = "";
    if (code != 0)
        regerror(code, &ret->regex, why, sizeof why);
    utf8_end(before);
    ret->is_set = code == 0;
    return code != 0 ? error_set(err, ERR_SPEC, "pattern '%s': %s", text, why) : 0;
}

static bool match(const struct pattern *p, struct span text, regmatch_t groups[2])
{
    groups[0] = (regmatch_t){.rm_so = 0, .rm_eo = (regoff_t)text.len};
    locale_t before = utf8_begin();
    int code = regexec(&p->regex, text.ptr, 2, groups, REG_STARTEND);
    utf8_end(before);
    return code == 0;
}

bool pattern_matches(const struct pattern *p, struct span text)
{
    regmatch_t groups[2];
    if (!p->is_set)
        return false;
    if (p->prefix != NULL)
        return text.len >= p->prefix_len && memcmp(text.ptr, p->prefix, p->prefix_len) == 0;
    return match(p, text, groups);
}

bool pattern_capture(const struct pattern *p, struct span text, struct span *ret)
{
    regmatch_t groups[2];
    if (!p->is_set || p->prefix != NULL || !match(p, text, groups) || groups[1].rm_so < 0)
        return false;
    *ret = (struct span){text.ptr + groups[1].rm_so, (size_t)(groups[1].rm_eo - groups[1].rm_so)};
    return true;
}

void pattern_release(struct pattern *p)
{
    if (p->is_set && p->prefix == NULL)
        regfree(&p->regex);
    p->is_set = false;
}
