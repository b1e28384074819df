/* lib/perf/finding.c - see finding.h: how a finding is built, and how severe it is. */
#include "perf/finding.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    enum perf_level level;
} kinds[PERF_KIND_COUNT] = {
#define X(id, kind, level, what) {kind, PERF_LEVEL_##level},
    PERF_KINDS(X)
#undef X
};

const char *perf_kind_name(enum perf_kind kind)
{
    return kinds[kind].name;
}

void perf_thresholds_default(struct perf_thresholds *ret)
{
    *ret = (struct perf_thresholds){
#define X(name, value, what) .name = (value),
        PERF_THRESHOLDS(X)
#undef X
    };
}

/* ---- building ------------------------------------------------------------------------------ */

/* Letters, digits, '-' and '_' only, and what is above ASCII (names may be Chinese). */
static void make_anchor(char *text)
{
    for (char *p = text; *p != '\0'; p++)
        if ((unsigned char)*p < 0x80 && !isalnum((unsigned char)*p) && *p != '_')
            *p = '-';
}

struct perf_finding *finding_add(struct diagnosis *d, enum perf_kind kind, const char *format, ...)
{
    AUTO_STRBUF struct strbuf id = {0};
    va_list args;
    strbuf_init(&id, 4096);
    strbuf_addf(&id, "%s-", kinds[kind].name);
    va_start(args, format);
    strbuf_addv(&id, format, args);
    va_end(args);
    make_anchor(id.data);
    for (size_t i = 0; i < d->count; i++)
        if (strcmp(d->list[i].id, id.data) == 0)
            return NULL;
    d->list = mem_grow(d->list, &d->capacity, d->count + 1, sizeof *d->list);
    struct perf_finding *f = &d->list[d->count++];
    *f = (struct perf_finding){.id = arena_strdup(d->arena, id.data),
                               .kind = kinds[kind].name,
                               .level = kinds[kind].level,
                               .gain_ms_per_request = -1,
                               .gain_share = -1,
                               .cost_before = -1,
                               .cost_after = -1,
                               .index_bytes = -1,
                               .write_overhead = -1};
    return f;
}

const struct perf_finding *finding_find(const struct diagnosis *d, enum perf_kind kind,
                                        const char *sql)
{
    for (size_t i = 0; i < d->count; i++)
        if (d->list[i].kind == kinds[kind].name && d->list[i].sql != NULL &&
            strcmp(d->list[i].sql, sql) == 0)
            return &d->list[i];
    return NULL;
}

#define EVIDENCE_MAX 32

void finding_evidence(struct diagnosis *d, struct perf_finding *f, const char *label_en,
                      const char *label_zh, const char *format, ...)
{
    AUTO_STRBUF struct strbuf value = {0};
    va_list args;
    if (f->nevidence == EVIDENCE_MAX)
        return;
    if (f->evidence == NULL)
        f->evidence = arena_array(d->arena, EVIDENCE_MAX, sizeof *f->evidence);
    strbuf_init(&value, (size_t)1 << 16);
    va_start(args, format);
    strbuf_addv(&value, format, args);
    va_end(args);
    f->evidence[f->nevidence++] =
        (struct perf_evidence){label_en, label_zh, arena_strdup(d->arena, value.data)};
}

void finding_endpoint(struct diagnosis *d, struct perf_finding *f, size_t endpoint)
{
    if (f->endpoints == NULL)
        f->endpoints = arena_array(d->arena, d->study->nendpoints, sizeof *f->endpoints);
    for (size_t i = 0; i < f->nendpoints; i++)
        if (f->endpoints[i] == endpoint)
            return;
    f->endpoints[f->nendpoints++] = endpoint;
}

size_t finding_endpoints_of(struct diagnosis *d, struct perf_finding *f, size_t statement)
{
    for (size_t i = 0; i < d->study->nendpoints; i++)
        if (endpoint_use(&d->study->endpoints[i], statement) != NULL)
            finding_endpoint(d, f, i);
    return f->nendpoints;
}

void diagnosis_miss(struct diagnosis *d, const char *what, const char *why_en, const char *why_zh)
{
    for (size_t i = 0; i < d->nmissing; i++)
        if (strcmp(d->missing[i].what, what) == 0)
            return;
    d->missing = mem_grow(d->missing, &d->missing_capacity, d->nmissing + 1, sizeof *d->missing);
    d->missing[d->nmissing++] = (struct perf_missing){what, why_en, why_zh};
}

/* ---- severity ------------------------------------------------------------------------------ */

enum perf_severity finding_severity_of(const struct diagnosis *d, double share,
                                       enum perf_proof proof)
{
    bool proved = proof == PERF_PROOF_CONFIRMED || proof == PERF_PROOF_PLANNER;
    enum perf_severity severity = share < 0                         ? PERF_MEDIUM
                                  : share >= d->limits.high_share   ? PERF_HIGH
                                  : share >= d->limits.medium_share ? PERF_MEDIUM
                                                                    : PERF_LOW;
    return proved || severity == PERF_LOW ? severity : (enum perf_severity)(severity - 1);
}

enum perf_severity finding_severity_at(double value, double medium, double high)
{
    return value >= high ? PERF_HIGH : value >= medium ? PERF_MEDIUM : PERF_LOW;
}

/* ---- endpoints ----------------------------------------------------------------------------- */

/* Below 0 unknown. */
static double endpoint_mean_ms(const struct perf_endpoint *e)
{
    if (e->result != NULL && e->result->mean.known == PERF_MEASURED)
        return e->result->mean.value;
    double sum = 0, n = 0;
    for (size_t i = 0; i < e->nrounds; i++)
        if (e->rounds[i].mean_ms >= 0) {
            sum += e->rounds[i].mean_ms;
            n++;
        }
    return n > 0 ? sum / n : -1;
}

double endpoint_share(const struct perf_endpoint *e, double ms_per_request)
{
    double mean = endpoint_mean_ms(e);
    if (mean <= 0 || ms_per_request < 0)
        return -1;
    return ms_per_request < mean ? ms_per_request / mean : 1;
}

const struct perf_use *endpoint_use(const struct perf_endpoint *e, size_t statement)
{
    for (size_t i = 0; i < e->nuses; i++)
        if (e->uses[i].statement == statement)
            return &e->uses[i];
    return NULL;
}
