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
