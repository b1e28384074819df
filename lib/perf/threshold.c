/* lib/perf/threshold.c - see threshold.h. */
#include "perf/threshold.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *word;
    enum figure_kind kind;
} WORDS[] = {
    {"avg", FIGURE_MEAN},
    {"mean", FIGURE_MEAN},
    {"med", FIGURE_P50},
    {"p50", FIGURE_P50},
    {"p90", FIGURE_P90},
    {"p95", FIGURE_P95},
    {"p99", FIGURE_P99},
    {"max", FIGURE_MAX},
    {"rate", FIGURE_ERRORS},
    {"count", FIGURE_COUNT},
    {"rps", FIGURE_RPS},
    {"qps", FIGURE_RPS},
    {"db.calls_per_req", FIGURE_CALLS},
    {"db.rows_per_req", FIGURE_ROWS},
    {"db.buffers_per_req", FIGURE_BLOCKS},
    {"db.temp_per_req", FIGURE_TEMP},
    {"db.wal_per_req", FIGURE_WAL},
    {"db.time_per_req", FIGURE_DATABASE},
};
#define WORDS_TEXT                                                                                 \
    "p(N), avg, med, max, rate, count, rps, db.calls_per_req, db.rows_per_req, "                   \
    "db.buffers_per_req, db.temp_per_req, db.wal_per_req, db.time_per_req, or one of them as "     \
    "delta(...)"

static const char *const OPERATORS[] = {"<", "<=", ">", ">=", "==", "!="};
static const struct {
    const char *word;
    enum figure_unit unit;
    double factor;
} UNITS[] = {{"ms", UNIT_MS, 1},       {"s", UNIT_MS, 1000},       {"us", UNIT_MS, 0.001},
             {"%", UNIT_SHARE, 0.01},  {"/s", UNIT_PER_S, 1},      {"B", UNIT_BYTES, 1},
             {"kB", UNIT_BYTES, 1024}, {"MB", UNIT_BYTES, 1 << 20}};

struct scan {
    const char *text, *p;
};

static void skip_blanks(struct scan *s)
{
    while (*s->p == ' ' || *s->p == '\t')
        s->p++;
}

static int expected(const struct scan *s, const char *what, struct error *err)
{
    char found[24];
    size_t n = strcspn(s->p, " \t");
    if (n > 16)
        for (n = 16; n > 0 && ((unsigned char)s->p[n] & 0xC0) == 0x80;)
            n--; /* not inside a character */
    if (*s->p == '\0')
        snprintf(found, sizeof found, "the end");
    else
        snprintf(found, sizeof found, "'%.*s'", (int)n, s->p);
    return error_set(err, ERR_CONFIG, "threshold '%.*s': column %zu: expected %s, found %s",
                     THRESHOLD_MAX, s->text, (size_t)(s->p - s->text) + 1, what, found);
}

static bool take(struct scan *s, char c)
{
    skip_blanks(s);
    if (*s->p != c)
        return false;
    s->p++;
    return true;
}

/* Plain decimals only: strtod would also take hex, infinity and a NaN. */
static int take_number(struct scan *s, double *ret, struct error *err)
{
    char digits[40];
    size_t n = 0, seen = 0;
    skip_blanks(s);
    const char *start = s->p;
    if (*s->p == '-' || *s->p == '+')
        digits[n++] = *s->p++;
    while ((isdigit((unsigned char)*s->p) || *s->p == '.') && n < sizeof digits - 1) {
        seen += *s->p != '.';
        digits[n++] = *s->p++;
    }
    digits[n] = '\0';
    char *end = NULL;
    double value = strtod(digits, &end);
    if (seen == 0 || *end != '\0' || seen > 15) {
        s->p = start;
        return expected(s, seen > 15 ? "a number of at most 15 digits" : "a number", err);
    }
    *ret = value;
    return 0;
}

static int take_percentile(struct scan *s, struct perf_figure *ret, struct error *err)
{
    double percentile = 0;
    s->p++; /* the parenthesis */
    skip_blanks(s);
    const char *start = s->p;
    TRY(take_number(s, &percentile, err));
    if (percentile <= 0 || percentile >= 100) {
        s->p = start;
        return expected(s, "a percentile above 0 and below 100", err);
    }
    if (!take(s, ')'))
        return expected(s, "')'", err);
    *ret = figure_of_percentile(percentile);
    return 0;
}

static int take_figure(struct scan *s, struct perf_figure *ret, struct error *err)
{
    skip_blanks(s);
    size_t n = 0;
    while (isalnum((unsigned char)s->p[n]) || s->p[n] == '_' || s->p[n] == '.')
        n++;
    if (n == 1 && *s->p == 'p' && s->p[1] == '(') {
        s->p++;
        return take_percentile(s, ret, err);
    }
    for (size_t i = 0; i < sizeof WORDS / sizeof WORDS[0]; i++) {
        if (strlen(WORDS[i].word) != n || strncmp(WORDS[i].word, s->p, n) != 0)
            continue;
        s->p += n;
        *ret = (struct perf_figure){WORDS[i].kind, 0};
        return 0;
    }
    expected(s, "a figure", err);
    return error_hint(err, "figures are %s", WORDS_TEXT);
}

static int take_operator(struct scan *s, enum threshold_operator *ret, struct error *err)
{
    static const enum threshold_operator longest_first[] = {
        THRESHOLD_LE, THRESHOLD_GE, THRESHOLD_EQ, THRESHOLD_NE, THRESHOLD_LT, THRESHOLD_GT};
    skip_blanks(s);
    for (size_t i = 0; i < sizeof longest_first / sizeof longest_first[0]; i++) {
        const char *word = OPERATORS[longest_first[i]];
        if (strncmp(s->p, word, strlen(word)) != 0)
            continue;
        s->p += strlen(word);
        *ret = longest_first[i];
        return 0;
    }
    return expected(s, "one of < <= > >= == !=", err);
}

static void units_of(enum figure_unit unit, bool delta, char *ret, size_t n)
{
    size_t len = (size_t)snprintf(ret, n, "the end");
    for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++)
        if (UNITS[i].unit == unit && !(delta && unit == UNIT_SHARE))
            len += (size_t)snprintf(ret + len, n - len, " or '%s'", UNITS[i].word);
    if (delta)
        snprintf(ret + len, n - len, " or '%%'");
}

static int take_unit(struct scan *s, struct threshold *t, struct error *err)
{
    enum figure_unit unit = figure_unit(t->figure.kind);
    char what[64];
    skip_blanks(s);
    if (t->delta && *s->p == '%') {
        t->relative = true;
        t->limit /= 100;
        s->p++;
    } else if (*s->p != '\0') {
        for (size_t i = 0; i < sizeof UNITS / sizeof UNITS[0]; i++) {
            if (UNITS[i].unit != unit || strncmp(s->p, UNITS[i].word, strlen(UNITS[i].word)) != 0)
                continue;
            t->limit *= UNITS[i].factor;
            s->p += strlen(UNITS[i].word);
            break;
        }
    }
    skip_blanks(s);
    if (*s->p == '\0')
        return 0;
    units_of(unit, t->delta, what, sizeof what);
    return expected(s, what, err);
}

int threshold_parse(const char *text, struct threshold *ret, struct error *err)
{
    struct scan s = {text, text};
    struct threshold t = {0};
    if (strlen(text) > THRESHOLD_MAX)
        return error_set(err, ERR_CONFIG, "threshold '%.20s...' is longer than %d bytes", text,
                         THRESHOLD_MAX);
    skip_blanks(&s);
    t.delta = strncmp(s.p, "delta", 5) == 0 && !isalnum((unsigned char)s.p[5]);
    if (t.delta) {
        s.p += 5;
        if (!take(&s, '('))
            return expected(&s, "'('", err);
    }
    TRY(take_figure(&s, &t.figure, err));
    if (t.delta && !take(&s, ')'))
        return expected(&s, "')'", err);
    TRY(take_operator(&s, &t.op, err));
    TRY(take_number(&s, &t.limit, err));
    TRY(take_unit(&s, &t, err));
    *ret = t;
    return 0;
}

/* Never with an exponent, which the parser does not take. */
static void print_number(double value, struct strbuf *out)
{
    char digits[400];
    int decimals = 0;
    do {
        snprintf(digits, sizeof digits, "%.*f", decimals, value);
    } while (decimals++ < 24 && fabs(strtod(digits, NULL) - value) > fabs(value) * 1e-14);
    strbuf_adds(out, digits);
}

static void print_figure(const struct perf_figure *f, struct strbuf *out)
{
    switch (f->kind) {
    case FIGURE_P50: strbuf_adds(out, "p(50)"); break;
    case FIGURE_P90: strbuf_adds(out, "p(90)"); break;
    case FIGURE_P95: strbuf_adds(out, "p(95)"); break;
    case FIGURE_P99: strbuf_adds(out, "p(99)"); break;
    case FIGURE_PERCENTILE:
        strbuf_adds(out, "p(");
        print_number(f->percentile, out);
        strbuf_adds(out, ")");
        break;
    default: strbuf_adds(out, figure_key(f->kind));
    }
}

void threshold_print(const struct threshold *t, struct strbuf *out)
{
    static const char *const units[] = {
        [UNIT_MS] = " ms",       [UNIT_SHARE] = "%", [UNIT_PER_S] = "/s", [UNIT_COUNT] = "",
        [UNIT_PER_REQUEST] = "", [UNIT_BLOCKS] = "", [UNIT_BYTES] = " B"};
    enum figure_unit unit = figure_unit(t->figure.kind);
    bool share = t->relative || (unit == UNIT_SHARE && !t->delta);
    strbuf_adds(out, t->delta ? "delta(" : "");
    print_figure(&t->figure, out);
    strbuf_addf(out, "%s %s ", t->delta ? ")" : "", OPERATORS[t->op]);
    print_number(share ? t->limit * 100 : t->limit, out);
    strbuf_adds(out, t->relative ? "%" : unit == UNIT_SHARE && t->delta ? "" : units[unit]);
}

bool threshold_met(const struct threshold *t, double value)
{
    switch (t->op) {
    case THRESHOLD_LT: return value < t->limit;
    case THRESHOLD_LE: return value <= t->limit;
    case THRESHOLD_GT: return value > t->limit;
    case THRESHOLD_GE: return value >= t->limit;
    case THRESHOLD_EQ: return fabs(value - t->limit) <= 1e-9 * fmax(1, fabs(t->limit));
    default: return fabs(value - t->limit) > 1e-9 * fmax(1, fabs(t->limit));
    }
}

bool threshold_is_minimum(const struct threshold *t)
{
    return t->op == THRESHOLD_GT || t->op == THRESHOLD_GE;
}
