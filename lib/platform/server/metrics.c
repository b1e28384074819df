/* lib/platform/server/metrics.c - counters and histograms of requests. */
#include "platform/server/metrics.h"
#include "core/mem.h"
#include <inttypes.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Edges in microseconds. 200 and 500 ms are targets: a percentile near them must not be guessed
 * from a wide bucket. */
static const int64_t edges_us[] = {1000,   2500,   5000,    10000,   25000,   50000,   100000,
                                   200000, 500000, 1000000, 2500000, 5000000, 10000000};
#define EDGES (sizeof edges_us / sizeof edges_us[0])

/* What the router and the handlers answer; 0 stands for any other. */
static const int statuses[] = {200, 201, 202, 204, 304, 400, 401, 403, 404, 405, 409,
                               412, 413, 414, 422, 429, 431, 500, 502, 503, 504, 0};
#define STATUSES  (sizeof statuses / sizeof statuses[0])
#define CONFLICTS 48

struct series {
    atomic_uint_fast64_t requests[STATUSES];
    atomic_uint_fast64_t buckets[EDGES + 1]; /* not cumulative; the last is +Inf */
    atomic_uint_fast64_t sum_us;
};
struct metrics {
    const struct metrics_endpoint *endpoints;
    size_t count;
    struct series *series; /* count + 1 */
    struct {
        _Atomic(char *) name; /* owned; set once */
        atomic_uint_fast64_t count;
    } conflicts[CONFLICTS];
};

struct metrics *metrics_new(const struct metrics_endpoint *endpoints, size_t count)
{
    struct metrics *m = mem_alloc(sizeof *m);
    m->endpoints = endpoints;
    m->count = count;
    m->series = mem_array(count + 1, sizeof *m->series);
    return m;
}

void metrics_free(struct metrics *m)
{
    if (m == NULL)
        return;
    for (size_t i = 0; i < CONFLICTS; i++)
        free(atomic_load(&m->conflicts[i].name));
    free(m->series);
    free(m);
}

static void add(atomic_uint_fast64_t *counter, uint64_t n)
{
    atomic_fetch_add_explicit(counter, n, memory_order_relaxed);
}

static uint64_t get(const atomic_uint_fast64_t *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

void metrics_request(struct metrics *m, size_t endpoint, int status, int64_t us)
{
    struct series *s = &m->series[endpoint < m->count ? endpoint : m->count];
    size_t code = 0, bucket = 0;
    while (statuses[code] != status && statuses[code] != 0)
        code++;
    while (bucket < EDGES && us > edges_us[bucket])
        bucket++;
    add(&s->requests[code], 1);
    add(&s->buckets[bucket], 1);
    add(&s->sum_us, us > 0 ? (uint64_t)us : 0);
}

/* The place of a name; a copy of it takes the first free one. NULL: there are more names than
 * places. Whoever loses the race for a place sees what took it. */
static atomic_uint_fast64_t *find_conflict(struct metrics *m, const char *name)
{
    char *copy = NULL;
    atomic_uint_fast64_t *found = NULL;
    for (size_t i = 0; i < CONFLICTS && found == NULL; i++) {
        char *there = atomic_load(&m->conflicts[i].name);
        if (there == NULL) {
            if (copy == NULL)
                copy = mem_strdup(name);
            if (atomic_compare_exchange_strong(&m->conflicts[i].name, &there, copy)) {
                there = copy;
                copy = NULL;
            }
        }
        if (strcmp(there, name) == 0)
            found = &m->conflicts[i].count;
    }
    free(copy);
    return found;
}

void metrics_conflict(struct metrics *m, const char *name)
{
    atomic_uint_fast64_t *count = find_conflict(m, name);
    if (count != NULL)
        add(count, 1);
}

/* ---- writing ------------------------------------------------------------------------------ */

static void write_head(struct strbuf *out, const char *name, const char *type, const char *help)
{
    strbuf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static const struct metrics_endpoint nowhere = {"none", "none", "none", NULL};

static const struct metrics_endpoint *endpoint_of(const struct metrics *m, size_t i)
{
    return i < m->count ? &m->endpoints[i] : &nowhere;
}

static void write_requests(const struct metrics *m, struct strbuf *out)
{
    write_head(out, "http_requests_total", "counter", "Requests answered.");
    for (size_t i = 0; i <= m->count; i++) {
        const struct metrics_endpoint *e = endpoint_of(m, i);
        for (size_t code = 0; code < STATUSES; code++) {
            uint64_t n = get(&m->series[i].requests[code]);
            if (n > 0)
                strbuf_addf(out,
                            "http_requests_total{service=\"%s\",method=\"%s\",endpoint=\"%s\","
                            "status=\"%d\"} %" PRIu64 "\n",
                            e->service, e->method, e->pattern, statuses[code], n);
        }
    }
}

static void write_histogram(const struct metrics_endpoint *e, const struct series *s,
                            struct strbuf *out)
{
    static const char name[] = "http_request_duration_seconds";
    uint64_t total = 0;
    for (size_t b = 0; b <= EDGES; b++) {
        total += get(&s->buckets[b]);
        strbuf_addf(out, "%s_bucket{method=\"%s\",endpoint=\"%s\",le=\"", name, e->method,
                    e->pattern);
        if (b < EDGES)
            strbuf_addf(out, "%g\"} %" PRIu64 "\n", (double)edges_us[b] / 1e6, total);
        else
            strbuf_addf(out, "+Inf\"} %" PRIu64 "\n", total);
    }
    strbuf_addf(out, "%s_sum{method=\"%s\",endpoint=\"%s\"} %.6f\n", name, e->method, e->pattern,
                (double)get(&s->sum_us) / 1e6);
    strbuf_addf(out, "%s_count{method=\"%s\",endpoint=\"%s\"} %" PRIu64 "\n", name, e->method,
                e->pattern, total);
}

static bool is_used(const struct series *s)
{
    for (size_t b = 0; b <= EDGES; b++)
        if (get(&s->buckets[b]) > 0)
            return true;
    return false;
}

static void write_durations(const struct metrics *m, struct strbuf *out)
{
    write_head(out, "http_request_duration_seconds", "histogram",
               "From the head of the request to its answer.");
    for (size_t i = 0; i <= m->count; i++)
        if (is_used(&m->series[i]))
            write_histogram(endpoint_of(m, i), &m->series[i], out);
}

static void write_conflicts(const struct metrics *m, struct strbuf *out)
{
    write_head(out, "diner_conflicts_total", "counter", "Writes refused with 409, by error.");
    for (size_t i = 0; i < CONFLICTS; i++) {
        const char *name = atomic_load(&m->conflicts[i].name);
        if (name != NULL)
            strbuf_addf(out, "diner_conflicts_total{error=\"%s\"} %" PRIu64 "\n", name,
                        get(&m->conflicts[i].count));
    }
}

static void write_gauge(struct strbuf *out, const char *name, const char *help, int64_t value)
{
    write_head(out, name, "gauge", help);
    strbuf_addf(out, "%s %" PRId64 "\n", name, value);
}

void metrics_write(const struct metrics *m, const struct metrics_gauges *g, struct strbuf *out)
{
    write_requests(m, out);
    write_durations(m, out);
    write_conflicts(m, out);
    write_gauge(out, "active_users_total", "Users seen in the last 5 minutes.", g->active_users);
    write_gauge(out, "diner_requests_active", "Requests in progress.", g->requests_active);
    write_gauge(out, "diner_client_connections", "Connections of clients.", g->connections);
    write_head(out, "diner_database_connections", "gauge", "Connections to the database.");
    strbuf_addf(out, "diner_database_connections{state=\"busy\"} %" PRId64 "\n", g->pool_busy);
    strbuf_addf(out, "diner_database_connections{state=\"idle\"} %" PRId64 "\n", g->pool_idle);
    write_gauge(out, "diner_database_connections_max", "The most there may be.", g->pool_max);
    write_head(out, "diner_database_waits_total", "counter",
               "Requests that had to wait for a connection.");
    strbuf_addf(out, "diner_database_waits_total %" PRId64 "\n", g->pool_waits);
}
