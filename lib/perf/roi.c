/* lib/perf/roi.c - see roi.h. */
#include "perf/roi.h"

#include <math.h>

/* What a finding saves per request of the whole API, by the weights of its endpoints; below 0
 * unknown. */
static double roi_gain_of(const struct perf_study *s, const struct perf_finding *f)
{
    double weight = 0;
    if (f->gain_ms_per_request < 0)
        return -1;
    for (size_t i = 0; i < f->nendpoints; i++)
        weight += study_weight(s, f->endpoints[i]);
    return f->gain_ms_per_request * (f->nendpoints > 0 ? fmin(1, weight) : 1);
}

static bool measured_saving(const struct perf_document *d, struct roi *r, struct arena *arena)
{
    const struct perf_figure f = {.kind = FIGURE_DATABASE};
    if (d->before == NULL)
        return false;
    const struct study_change *c = study_change_of(d->comparison, FIGURE_WHOLE, FIGURE_DATABASE);
    struct perf_value was = figure_estimate(d->before, FIGURE_WHOLE, f, arena).value;
    struct perf_value is = figure_estimate(d->after, FIGURE_WHOLE, f, arena).value;
    if (was.known != PERF_MEASURED || is.known != PERF_MEASURED)
        return false;
    /* A change the test does not establish is none. */
    bool established = c == NULL || c->verdict == CHANGE_IMPROVED || c->verdict == CHANGE_WORSE;
    r->ms_per_request = established ? was.value - is.value : 0;
    r->share = was.value > 0 ? r->ms_per_request / was.value : 0;
    return true;
}

static bool expected_saving(const struct perf_document *d, struct roi *r, struct arena *arena)
{
    const struct perf_figure f = {.kind = FIGURE_DATABASE};
    struct perf_value is = figure_estimate(d->after, FIGURE_WHOLE, f, arena).value;
    bool any = false;
    if (is.known != PERF_MEASURED || is.value <= 0)
        return false;
    for (size_t i = 0; i < d->after->nfindings; i++) {
        double gain = roi_gain_of(d->after, &d->after->findings[i]);
        any = any || gain >= 0;
        r->ms_per_request += fmax(0, gain);
    }
    r->ms_per_request = fmin(r->ms_per_request, is.value); /* gains overlap: not more than all */
    r->share = r->ms_per_request / is.value;
    return any;
}

/* Indexes that were made between the studies, else those that are proposed. */
static void add_indexes(const struct perf_document *d, struct roi *r)
{
    for (size_t i = 0; d->before == NULL && i < d->after->nfindings; i++)
        if (d->after->findings[i].index_bytes > 0 && d->after->findings[i].cost_after >= 0) {
            r->index_bytes += d->after->findings[i].index_bytes;
            r->indexes++;
        }
    for (size_t i = 0; d->before != NULL && i < d->after->server.nindexes; i++) {
        const struct perf_index *x = &d->after->server.indexes[i];
        bool is_new = d->before->server.nindexes > 0;
        for (size_t j = 0; j < d->before->server.nindexes && is_new; j++)
            is_new = strcmp(d->before->server.indexes[j].name, x->name) != 0;
        if (is_new) {
            r->index_bytes += fmax(0, x->bytes);
            r->indexes++;
        }
    }
}

static void add_money(const struct perf_document *d, struct roi *r)
{
    const struct perf_environment *e = &d->after->environment;
    r->payback_months = -1;
    r->has_money = e->cost_per_month > 0 && e->currency != NULL;
    if (!r->has_money)
        return;
    r->money_per_month = e->cost_per_month * r->share;
    r->break_even_effort = fmax(0, r->money_per_month) * 12;
    if (d->effort_cost > 0 && r->money_per_month > 0)
        r->payback_months = d->effort_cost / r->money_per_month;
}

struct roi roi_compute(const struct perf_document *d, struct arena *arena)
{
    struct roi r = {0};
    r.measured = measured_saving(d, &r, arena);
    r.known = r.measured || (d->before == NULL && expected_saving(d, &r, arena));
    r.per_day = d->after->environment.requests_per_day > 0;
    r.requests = r.per_day ? d->after->environment.requests_per_day : 1e6;
    r.seconds = r.ms_per_request / 1000 * r.requests;
    add_indexes(d, &r);
    add_money(d, &r);
    return r;
}
