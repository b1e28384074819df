/* lib/perf/compare.c - see compare.h. */
#include "perf/compare.h"

#include <math.h>
#include <stdio.h>

const char *const perf_metric_keys[PERF_METRICS] = {"api_p95", "database_time", "qps",
                                                    "error_rate"};
static const bool MORE_IS_BETTER[PERF_METRICS] = {[PERF_METRIC_RPS] = true};

const char *perf_verdict_name(enum perf_verdict v)
{
    static const char *const names[] = {"not_compared", "same", "improved", "worse",
                                        "clearly_worse"};
    return names[v];
}

void compare_rule_default(struct compare_rule *rule)
{
    *rule = (struct compare_rule){.alpha = 0.05,
                                  .min_change = 0.1,
                                  .noise_factor = 3,
                                  .floors = {[PERF_METRIC_P95] = 2,
                                             [PERF_METRIC_DATABASE] = 1,
                                             [PERF_METRIC_RPS] = 1,
                                             [PERF_METRIC_ERRORS] = 0.001}};
}

struct perf_value perf_metric_value(const struct perf_result *r, enum perf_metric metric)
{
    switch (metric) {
    case PERF_METRIC_P95: return r->percentiles[PERF_P95];
    case PERF_METRIC_DATABASE: return r->database.ms_per_request;
    case PERF_METRIC_RPS: return r->rps;
    default: return r->error_rate;
    }
}

/* One slice's figure; NAN when it has none. */
static double sample_value(const struct perf_sample *s, enum perf_metric metric)
{
    switch (metric) {
    case PERF_METRIC_P95: return s->p95_ms >= 0 ? s->p95_ms : NAN;
    case PERF_METRIC_DATABASE: return s->database_ms >= 0 ? s->database_ms : NAN;
    case PERF_METRIC_RPS: return (double)s->ok / s->seconds;
    default:
        return s->requests > s->limited ? (double)s->errors / (double)(s->requests - s->limited)
                                        : NAN;
    }
}

static size_t collect(const struct perf_result *r, enum perf_metric metric, double *ret)
{
    size_t n = 0;
    for (size_t i = 0; i < r->nsamples; i++) {
        double value = sample_value(&r->samples[i], metric);
        if (!isnan(value))
            ret[n++] = value;
    }
    return n;
}

static void change_test(const struct perf_result *before, const struct perf_result *after,
                        enum perf_metric metric, struct perf_change *c)
{
    double a[PERF_SLICES_MAX], b[PERF_SLICES_MAX];
    struct mann_whitney test;
    c->slices_before = collect(before, metric, a);
    c->slices_after = collect(after, metric, b);
    c->noise = statistics_noise(a, c->slices_before);
    if (c->slices_before < STATISTICS_MIN || c->slices_after < STATISTICS_MIN) {
        c->why = "too few slices for a test";
        return;
    }
    statistics_mann_whitney(a, c->slices_before, b, c->slices_after, &test);
    statistics_shift(a, c->slices_before, b, c->slices_after, &c->shift);
    c->tested = true;
    c->p = test.p;
}

static struct perf_change change_measure(const struct perf_result *before,
                                         const struct perf_result *after, enum perf_metric metric,
                                         const struct compare_rule *rule, struct arena *arena)
{
    struct perf_change c = {.verdict = PERF_NOT_COMPARED};
    struct perf_value was = perf_metric_value(before, metric);
    struct perf_value is = perf_metric_value(after, metric);
    if (was.known != PERF_MEASURED || is.known != PERF_MEASURED) {
        bool first = was.known != PERF_MEASURED;
        const char *why = first ? was.why : is.why;
        c.why = arena_printf(arena, "not measured %s: %s", first ? "before" : "after",
                             why != NULL ? why : "no figure");
        return c;
    }
    c.measured = true;
    c.before = was.value;
    c.after = is.value;
    c.relative = was.value > 0 ? (is.value - was.value) / was.value : 0;
    change_test(before, after, metric, &c);
    c.threshold = fmax(rule->min_change, rule->noise_factor * c.noise);
    return c;
}

static void change_judge(struct perf_change *c, enum perf_metric metric,
                         const struct compare_rule *rule)
{
    double difference = c->after - c->before;
    /* From nothing to something has no relative change: the floor alone decides. */
    bool large = fabs(difference) > rule->floors[metric] &&
                 (c->before <= 0 || fabs(c->relative) > c->threshold);
    bool better = MORE_IS_BETTER[metric] ? difference > 0 : difference < 0;
    bool established = c->tested && c->p < rule->alpha;
    if (!large)
        c->verdict = PERF_SAME;
    else if (better)
        c->verdict = established ? PERF_IMPROVED : PERF_SAME;
    else
        c->verdict = established ? PERF_CLEARLY_WORSE : PERF_WORSE;
}

void perf_compare(const struct perf_result *before, const struct perf_result *after,
                  const struct compare_rule *rule, struct arena *arena, struct perf_comparison *ret)
{
    double p[PERF_METRICS];
    *ret = (struct perf_comparison){.rule = *rule, .verdict = PERF_NOT_COMPARED};
    for (int i = 0; i < PERF_METRICS; i++) {
        ret->changes[i] = change_measure(before, after, (enum perf_metric)i, rule, arena);
        p[i] = ret->changes[i].tested ? ret->changes[i].p : -1;
    }
    statistics_holm(p, PERF_METRICS);
    for (int i = 0; i < PERF_METRICS; i++) {
        struct perf_change *c = &ret->changes[i];
        if (c->tested)
            c->p = p[i];
        if (c->measured)
            change_judge(c, (enum perf_metric)i, rule);
        if (c->verdict > ret->verdict)
            ret->verdict = c->verdict;
    }
}

/* ---- profiles ------------------------------------------------------------------------------ */

static int differ(const char *what, const char *was, const char *is, struct error *err)
{
    error_set(err, ERR_USAGE,
              "the baseline was measured with %s %s, this run has %s: they cannot "
              "be compared",
              what, was, is);
    return error_hint(err, "load both in the same way, or measure a new baseline");
}

static int check_number(const char *what, int64_t was, int64_t is, struct error *err)
{
    char a[24], b[24];
    if (was <= 0 || is <= 0 || was == is)
        return 0;
    snprintf(a, sizeof a, "%lld", (long long)was);
    snprintf(b, sizeof b, "%lld", (long long)is);
    return differ(what, a, b, err);
}

static const char *path_of(const char *url)
{
    const char *authority = strstr(url, "://");
    const char *path = strchr(authority == NULL ? url : authority + 3, '/');
    return path == NULL ? "/" : path;
}

int perf_profiles_check(const struct perf_profile *before, const struct perf_profile *after,
                        struct error *err)
{
    if (before->model != PERF_MODEL_UNKNOWN && after->model != PERF_MODEL_UNKNOWN &&
        before->model != after->model)
        return differ("the load model", perf_model_name(before->model),
                      perf_model_name(after->model), err);
    TRY(check_number("a rate of", before->rate_per_s, after->rate_per_s, err));
    if (before->model == PERF_MODEL_CLOSED || after->model == PERF_MODEL_CLOSED)
        TRY(check_number("connections", before->connections, after->connections, err));
    if (before->method != NULL && after->method != NULL &&
        strcmp(before->method, after->method) != 0)
        return differ("method", before->method, after->method, err);
    if (before->url != NULL && after->url != NULL &&
        strcmp(path_of(before->url), path_of(after->url)) != 0)
        return differ("path", path_of(before->url), path_of(after->url), err);
    return 0;
}
