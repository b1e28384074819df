/* lib/perf/inputs.c - see inputs.h: recognising, and reading lines. */
#include "perf/inputs.h"

#include "core/datetime.h"
#include "format/jsonx.h"
#include "perf/inputs_internal.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

bool input_next_line(struct input *in)
{
    if (in->next >= in->text.len)
        return false;
    const char *start = in->text.ptr + in->next;
    size_t left = in->text.len - in->next;
    const char *end = memchr(start, '\n', left);
    size_t n = end == NULL ? left : (size_t)(end - start);
    in->next += end == NULL ? n : n + 1;
    if (n > 0 && start[n - 1] == '\r')
        n--;
    in->line = (struct span){start, n};
    in->line_no++;
    return true;
}

int input_error(const struct input *in, struct error *err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, ERR_DATA, format, args);
    va_end(args);
    if (in->path != NULL)
        return error_context(err, "%s: in '%s'", in->name, in->path);
    return error_context(err, "%s:%d", in->name, in->line_no);
}

bool line_starts(struct span line, const char *prefix)
{
    size_t n = strlen(prefix);
    return line.len >= n && memcmp(line.ptr, prefix, n) == 0;
}

static struct span trimmed(struct span s)
{
    while (s.len > 0 && (*s.ptr == ' ' || *s.ptr == '\t'))
        s.ptr++, s.len--;
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

struct span line_after(struct span line, const char *mark)
{
    const char *at = line.len == 0 ? NULL : memmem(line.ptr, line.len, mark, strlen(mark));
    if (at == NULL)
        return (struct span){NULL, 0};
    at += strlen(mark);
    return trimmed((struct span){at, line.len - (size_t)(at - line.ptr)});
}

bool span_number(struct span text, double *ret, struct span *ret_rest)
{
    char digits[40];
    size_t n = 0;
    text = trimmed(text);
    while (n < text.len && n + 1 < sizeof digits &&
           ((text.ptr[n] >= '0' && text.ptr[n] <= '9') || text.ptr[n] == '.'))
        n++;
    if (n == 0 || n + 1 == sizeof digits)
        return false;
    memcpy(digits, text.ptr, n);
    digits[n] = '\0';
    char *end;
    double value = strtod(digits, &end);
    if (*end != '\0' || end == digits || !isfinite(value) || value > 1e15)
        return false;
    *ret = value;
    if (ret_rest != NULL)
        *ret_rest = (struct span){text.ptr + n, text.len - n};
    return true;
}

bool span_count(struct span text, uint64_t *ret, struct span *ret_rest)
{
    double value;
    struct span rest;
    if (!span_number(text, &value, &rest) || value > floor(value))
        return false;
    *ret = (uint64_t)value;
    if (ret_rest != NULL)
        *ret_rest = rest;
    return true;
}

bool input_time(const char *text, int64_t *ret)
{
    char again[DATETIME_ISO_MAX];
    struct datetime when, same;
    if (text == NULL || !datetime_parse_iso(text, strlen(text), &when))
        return false;
    datetime_print(when.us, NULL, again);
    if (!datetime_parse_iso(again, strlen(again), &same) || same.us != when.us)
        return false;
    *ret = when.us;
    return true;
}

const char *input_url(const struct input *in, struct span url)
{
    size_t n = 0;
    while (n < url.len && url.ptr[n] != '?' && url.ptr[n] != '#')
        n++;
    return arena_strndup(in->arena, url.ptr, n);
}

void input_seek_key(struct input *in, const char *key)
{
    char quoted[64];
    int n = snprintf(quoted, sizeof quoted, "\"%.60s\"", key);
    const char *at = memmem(in->text.ptr, in->text.len, quoted, (size_t)n);
    in->line_no = 1;
    for (const char *p = in->text.ptr; at != NULL && p < at; p++)
        in->line_no += *p == '\n';
}

static int parse_json(struct input *in, struct perf_result *ret, struct error *err)
{
    struct jsonx *doc = NULL;
    TRY(jsonx_parse(in->text.ptr, in->text.len, in->name, &doc, err));
    int code;
    if (jsonx_kind_of(jsonx_get(doc, "metrics")) == JSONX_OBJECT) {
        code = input_parse_k6(in, doc, ret, err);
    } else if (input_is_vegeta_json(doc)) {
        code = input_parse_vegeta_json(in, doc, ret, err);
    } else {
        in->line_no = 1;
        input_error(in, err, "neither a summary of k6 or vegeta nor a study of diner");
        code = error_hint(err, "of diner's own files it is --save that is read again, not --json");
    }
    jsonx_free(doc);
    return code;
}

int perf_input_parse(struct span text, const char *name, struct arena *arena,
                     struct perf_result *ret, struct error *err)
{
    struct input in = {.name = name, .text = text, .arena = arena};
    size_t blank = 0;
    while (blank < text.len && strchr(" \t\r\n", text.ptr[blank]) != NULL && text.ptr[blank])
        blank++;
    if (blank == text.len)
        return error_set(err, ERR_DATA, "%s:1: the file is empty", name);
    if (text.ptr[blank] == '{')
        return parse_json(&in, ret, err);
    if (input_is_wrk(text))
        return input_parse_wrk(&in, ret, err);
    if (input_is_hey_csv(text))
        return input_parse_hey_csv(&in, ret, err);
    if (input_is_hey(text))
        return input_parse_hey(&in, ret, err);
    if (input_is_vegeta(text))
        return input_parse_vegeta(&in, ret, err);
    error_set(err, ERR_DATA, "%s:1: not a result of wrk, hey, k6 or vegeta, nor a study of diner",
              name);
    return error_hint(err, "save the tool's output as it prints it: 'wrk --latency', 'hey', "
                           "'hey -o csv', 'k6 run --summary-export FILE', 'vegeta report'");
}
