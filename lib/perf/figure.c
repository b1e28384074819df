/* lib/perf/figure.c - see figure.h. */
#include "perf/figure.h"

#include "perf/statistics.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *key;
    enum figure_unit unit;
} KINDS[FIGURES] = {
    [FIGURE_P95] = {"p95", UNIT_MS},
    [FIGURE_DATABASE] = {"db.time_per_req", UNIT_MS},
    [FIGURE_RPS] = {"rps", UNIT_PER_S},
    [FIGURE_ERRORS] = {"rate", UNIT_SHARE},
    [FIGURE_MEAN] = {"avg", UNIT_MS},
    [FIGURE_P50] = {"p50", UNIT_MS},
    [FIGURE_P90] = {"p90", UNIT_MS},
    [FIGURE_P99] = {"p99", UNIT_MS},
    [FIGURE_PERCENTILE] = {"p", UNIT_MS},
    [FIGURE_MAX] = {"max", UNIT_MS},
    [FIGURE_COUNT] = {"count", UNIT_COUNT},
    [FIGURE_CALLS] = {"db.calls_per_req", UNIT_PER_REQUEST},
    [FIGURE_ROWS] = {"db.rows_per_req", UNIT_PER_REQUEST},
    [FIGURE_BLOCKS] = {"db.buffers_per_req", UNIT_BLOCKS},
    [FIGURE_TEMP] = {"db.temp_per_req", UNIT_BLOCKS},
    [FIGURE_WAL] = {"db.wal_per_req", UNIT_BYTES},
};

enum figure_unit figure_unit(enum figure_kind kind)
{
    return KINDS[kind].unit;
}

const char *figure_key(enum figure_kind kind)
{
    return KINDS[kind].key;
}

bool figure_is_counter(enum figure_kind kind)
{
    return kind >= FIGURE_CALLS;
}

bool figure_more_is_better(enum figure_kind kind)
{
    return kind == FIGURE_RPS || kind == FIGURE_COUNT;
}

struct perf_figure figure_of_percentile(double percentile)
{
    static const struct {
        double percentile;
        enum figure_kind kind;
    } named[] = {{50, FIGURE_P50}, {90, FIGURE_P90}, {95, FIGURE_P95}, {99, FIGURE_P99}};
    for (size_t i = 0; i < sizeof named / sizeof named[0]; i++)
        if (fabs(named[i].percentile - percentile) < 1e-9)
            return (struct perf_figure){named[i].kind, percentile};
    return (struct perf_figure){FIGURE_PERCENTILE, percentile};
}

static double percentile_of(struct perf_figure f)
{
    switch (f.kind) {
    case FIGURE_P50: return 50;
    case FIGURE_P90: return 90;
    case FIGURE_P95: return 95;
    case FIGURE_P99: return 99;
    case FIGURE_PERCENTILE: return f.percentile;
    default: return -1;
    }
}

/* ---- endpoints ------------------------------------------------------------------------------- */

size_t study_find_endpoint(const struct perf_study *s, const char *name)
{
    for (size_t i = 0; i < s->nendpoints; i++)
        if (strcmp(s->endpoints[i].name, name) == 0)
            return i;
    return FIGURE_WHOLE;
}

double study_weight(const struct perf_study *s, size_t endpoint)
{
    double all = 0;
    for (size_t i = 0; i < s->nendpoints; i++)
        all += fmax(0, s->endpoints[i].weight);
    return all > 0 ? fmax(0, s->endpoints[endpoint].weight) / all : 1.0 / (double)s->nendpoints;
}

const struct perf_result *study_main_result(const struct perf_study *s, size_t *ret_endpoint)
{
    const struct perf_result *slowest = NULL;
    *ret_endpoint = FIGURE_WHOLE;
    if (s->mixed != NULL)
        return s->mixed;
    for (size_t i = 0; i < s->nendpoints; i++) {
        const struct perf_result *r = s->endpoints[i].result;
        if (r == NULL || (slowest != NULL &&
                          !(r->percentiles[PERF_P95].value > slowest->percentiles[PERF_P95].value)))
            continue;
        slowest = r;
        *ret_endpoint = i;
    }
    return slowest;
}

/* ---- rounds ---------------------------------------------------------------------------------- */

static double known_or_nan(double value)
{
    return value >= 0 ? value : NAN;
}

/* One round's figure; NAN where it has none. */
static double figure_of_round(const struct perf_round *r, enum figure_kind kind)
{
    uint64_t judged = r->requests > r->limited ? r->requests - r->limited : 0;
    switch (kind) {
    case FIGURE_P95: return known_or_nan(r->p95_ms);
    case FIGURE_P50: return known_or_nan(r->p50_ms);
    case FIGURE_P90: return known_or_nan(r->p90_ms);
    case FIGURE_P99: return known_or_nan(r->p99_ms);
    case FIGURE_MEAN: return known_or_nan(r->mean_ms);
    case FIGURE_RPS: return known_or_nan(r->rps);
    case FIGURE_DATABASE: return known_or_nan(r->database_ms);
    case FIGURE_CALLS: return known_or_nan(r->calls);
    case FIGURE_ROWS: return known_or_nan(r->row_count);
    case FIGURE_BLOCKS: return known_or_nan(r->blocks);
    case FIGURE_WAL: return known_or_nan(r->wal_bytes);
    case FIGURE_ERRORS:
        return judged > 0 ? fmin(1, (double)(r->errors + r->timeouts) / (double)judged) : NAN;
    default: return NAN;
    }
}

/* The i-th round of all endpoints together; NAN when one of them has no such figure. */
static double whole_round(const struct perf_study *s, size_t i, enum figure_kind kind)
{
    double sum = 0, weight = 0;
    for (size_t e = 0; e < s->nendpoints; e++) {
        const struct perf_endpoint *p = &s->endpoints[e];
        if (p->nrounds == 0)
            continue;
        double value = i < p->nrounds ? figure_of_round(&p->rounds[i], kind) : NAN;
        sum += study_weight(s, e) * value;
        weight += study_weight(s, e);
    }
    return weight > 0 ? sum / weight : NAN;
}

size_t figure_rounds(const struct perf_study *s, size_t endpoint, enum figure_kind kind,
                     double ret[PERF_ROUNDS_MAX])
{
    size_t n = 0, rounds = 0;
    if (s->nendpoints == 0)
        return 0;
    for (size_t e = 0; e < s->nendpoints; e++)
        if ((endpoint == FIGURE_WHOLE || endpoint == e) && s->endpoints[e].nrounds > rounds)
            rounds = s->endpoints[e].nrounds;
    for (size_t i = 0; i < rounds && n < PERF_ROUNDS_MAX; i++) {
        double value = endpoint == FIGURE_WHOLE
                           ? whole_round(s, i, kind)
                           : figure_of_round(&s->endpoints[endpoint].rounds[i], kind);
        if (!isnan(value))
            ret[n++] = value;
    }
    return n;
}

/* ---- a single endpoint ----------------------------------------------------------------------- */

static struct perf_value known_value(double value, bool known, const char *why)
{
    return known && value >= 0 ? perf_measured(value) : perf_unknown(why);
}

static struct perf_value percentile_value(const struct perf_result *r, double percentile,
                                          struct arena *arena)
{
    for (size_t i = 0; i < PERF_PERCENTILES; i++)
        if (fabs(perf_percentiles[i] - percentile) < 1e-9)
            return r->percentiles[i];
    if (r->latencies == NULL)
        return perf_unknown("there is no histogram to read it from");
    struct perf_value v =
        perf_measured((double)histogram_percentile(r->latencies, percentile) / 1000);
    return perf_supported(v, percentile, histogram_count(r->latencies), arena);
}

static struct perf_value result_value(const struct perf_result *r, struct perf_figure f,
                                      struct arena *arena)
{
    switch (f.kind) {
    case FIGURE_MEAN: return r->mean;
    case FIGURE_MAX: return r->max;
    case FIGURE_RPS: return r->rps;
    case FIGURE_ERRORS: return r->error_rate;
    case FIGURE_COUNT: return perf_measured((double)perf_requests(r));
    case FIGURE_DATABASE: return r->database.ms_per_request;
    case FIGURE_CALLS: return r->database.calls_per_request;
    case FIGURE_ROWS: return r->database.rows_per_request;
    case FIGURE_BLOCKS:
    case FIGURE_TEMP:
    case FIGURE_WAL:
        return perf_unknown(r->database.method == PERF_DATABASE_NONE
                                ? r->database.ms_per_request.why
                                : "it is measured of endpoints driven alone");
    default: return percentile_value(r, percentile_of(f), arena);
    }
}

static double attributed_value(const struct perf_endpoint *e, enum figure_kind kind)
{
    switch (kind) {
    case FIGURE_DATABASE: return e->database_ms;
    case FIGURE_CALLS: return e->calls;
    case FIGURE_ROWS: return e->row_count;
    case FIGURE_BLOCKS: return e->blocks;
    case FIGURE_TEMP: return e->temp_blocks;
    case FIGURE_WAL: return e->wal_bytes;
    default: return -1;
    }
}

static struct perf_value endpoint_value(const struct perf_study *s, size_t endpoint,
                                        struct perf_figure f, struct arena *arena)
{
    const struct perf_endpoint *e = &s->endpoints[endpoint];
    double rounds[PERF_ROUNDS_MAX];
    if ((f.kind == FIGURE_DATABASE || figure_is_counter(f.kind)) && e->attributed)
        return known_value(attributed_value(e, f.kind), true, "the server does not count it");
    struct perf_value v =
        e->result ? result_value(e->result, f, arena) : perf_unknown("it was not driven");
    size_t n = v.known == PERF_UNKNOWN ? figure_rounds(s, endpoint, f.kind, rounds) : 0;
    return n > 0 ? perf_measured(statistics_median(rounds, n)) : v;
}

/* ---- the whole ------------------------------------------------------------------------------- */

struct mixture {
    struct bin {
        int64_t us;
        double weight;
    } * bins;
    size_t n, capacity;
    double factor, total;
};

static void mixture_add(void *self, int64_t value_us, uint64_t count)
{
    struct mixture *m = self;
    m->bins = mem_grow(m->bins, &m->capacity, m->n + 1, sizeof *m->bins);
    m->bins[m->n++] = (struct bin){value_us, (double)count * m->factor};
    m->total += (double)count * m->factor;
}

static int compare_bins(const void *a, const void *b)
{
    const struct bin *x = a, *y = b;
    return (x->us > y->us) - (x->us < y->us);
}

static double mixture_percentile(struct mixture *m, double percentile)
{
    double seen = 0, wanted = m->total * percentile / 100;
    qsort(m->bins, m->n, sizeof *m->bins, compare_bins);
    for (size_t i = 0; i < m->n; i++) {
        seen += m->bins[i].weight;
        if (seen >= wanted * (1 - 1e-12))
            return (double)m->bins[i].us / 1000;
    }
    return 0;
}

static struct perf_value whole_percentile(const struct perf_study *s, double percentile,
                                          struct arena *arena)
{
    struct mixture m = {0};
    uint64_t least = UINT64_MAX;
    struct perf_value v = perf_unknown("not all endpoints have a histogram");
    bool complete = true;
    for (size_t i = 0; i < s->nendpoints; i++) {
        const struct perf_result *r = s->endpoints[i].result;
        uint64_t count = r && r->latencies ? histogram_count(r->latencies) : 0;
        complete = complete && count > 0;
        if (count == 0)
            continue;
        m.factor = study_weight(s, i) / (double)count;
        least = count < least ? count : least;
        histogram_each(r->latencies, mixture_add, &m);
    }
    if (complete && m.n > 0)
        v = perf_supported(perf_measured(mixture_percentile(&m, percentile)), percentile, least,
                           arena);
    free(m.bins);
    return v;
}

static struct perf_value whole_sum(const struct perf_study *s, struct perf_figure f,
                                   struct arena *arena)
{
    double sum = 0;
    for (size_t i = 0; i < s->nendpoints; i++) {
        struct perf_value v = endpoint_value(s, i, f, arena);
        if (v.known != PERF_MEASURED)
            return perf_unknown(arena_printf(arena, "%s: %s", s->endpoints[i].name,
                                             v.why ? v.why : "not measured"));
        if (f.kind == FIGURE_COUNT)
            sum += v.value;
        else if (f.kind == FIGURE_MAX)
            sum = fmax(sum, v.value);
        else
            sum += study_weight(s, i) * v.value;
    }
    return perf_measured(sum);
}

/* The highest rate of successful answers that the search for capacity saw. */
static struct perf_value whole_rate(const struct perf_study *s)
{
    double best = 0;
    for (size_t i = 0; i < s->nsteps; i++)
        best = fmax(best, s->steps[i].rps);
    if (s->nendpoints == 0)
        return perf_unknown("no endpoint was driven");
    if (s->nsteps > 0)
        return perf_measured(best);
    if (s->mixed != NULL)
        return s->mixed->rps;
    if (s->nendpoints == 1 && s->endpoints[0].result != NULL)
        return s->endpoints[0].result->rps;
    return perf_unknown("the endpoints were driven one at a time, and capacity was not searched");
}

static struct perf_value whole_value(const struct perf_study *s, struct perf_figure f,
                                     struct arena *arena)
{
    if (f.kind == FIGURE_RPS)
        return whole_rate(s);
    if (s->mixed != NULL) {
        struct perf_value v = result_value(s->mixed, f, arena);
        if (v.known != PERF_UNKNOWN)
            return v;
    }
    if (s->nendpoints == 0)
        return perf_unknown("no endpoint was driven");
    if (s->nendpoints == 1)
        return endpoint_value(s, 0, f, arena);
    if (percentile_of(f) >= 0)
        return whole_percentile(s, percentile_of(f), arena);
    return whole_sum(s, f, arena);
}

/* ---- intervals ------------------------------------------------------------------------------- */

/* Of a percentile, by order statistics: the ranks n p -+ 1.96 sqrt(n p (1 - p)). */
static bool rank_interval(const struct perf_result *r, double percentile, double *low, double *high)
{
    uint64_t n = r != NULL && r->latencies != NULL ? histogram_count(r->latencies) : 0;
    if (n == 0 || n < statistics_percentile_needs(percentile))
        return false;
    double p = percentile / 100, half = 1.96 * sqrt(p * (1 - p) / (double)n);
    *low = (double)histogram_percentile(r->latencies, fmax(0, p - half) * 100) / 1000;
    *high = (double)histogram_percentile(r->latencies, fmin(1, p + half) * 100) / 1000;
    return true;
}

struct perf_estimate figure_estimate(const struct perf_study *s, size_t endpoint,
                                     struct perf_figure f, struct arena *arena)
{
    double rounds[PERF_ROUNDS_MAX];
    bool whole = endpoint == FIGURE_WHOLE;
    struct perf_estimate e = {.value = whole ? whole_value(s, f, arena)
                                             : endpoint_value(s, endpoint, f, arena)};
    if (e.value.known != PERF_MEASURED ||
        (whole && (f.kind == FIGURE_RPS || s->nendpoints > 1) && percentile_of(f) < 0))
        return e;
    const struct perf_result *r = whole ? s->mixed : s->endpoints[endpoint].result;
    if (whole && r == NULL && s->nendpoints == 1)
        endpoint = 0, r = s->endpoints[0].result;
    size_t n = endpoint == FIGURE_WHOLE ? 0 : figure_rounds(s, endpoint, f.kind, rounds);
    e.has_interval = statistics_median_interval(rounds, n, &e.low, &e.high);
    if (!e.has_interval && percentile_of(f) >= 0)
        e.has_interval = rank_interval(r, percentile_of(f), &e.low, &e.high);
    if (e.has_interval) { /* the value is of all requests, the interval of the rounds' medians */
        e.low = fmin(e.low, e.value.value);
        e.high = fmax(e.high, e.value.value);
    }
    return e;
}
