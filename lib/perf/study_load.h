/* lib/perf/study_load.h - the load phase: an API, or two in turns, driven into studies.
 *
 * Warm-up until steady, rounds of each endpoint alone, a run of all by weight, the search for
 * capacity. The database is looked at between the runs, never during one. */
#ifndef DINER_PERF_STUDY_LOAD_H
#define DINER_PERF_STUDY_LOAD_H

#include "perf/drive.h"
#include "perf/study.h"

/* One API with its database. */
struct perf_side {
    const char *base;
    const char *dsn; /* or NULL */
    struct perf_study *study;
    struct perf_requests requests;
    struct perf_sessions *sessions; /* sampled meanwhile, for capacity; or NULL */
};
struct perf_load_plan {
    const struct perf_config *config;
    struct perf_side sides[2]; /* driven A B B A when there are two */
    size_t nsides;
    double capacity_p95_ms;                    /* what the search for capacity ends at */
    void (*say)(void *self, const char *what); /* a phase begins; or NULL */
    void (*tick)(void *self, uint64_t sent);   /* or NULL */
    void *self;
};

/* Fills the endpoints of the study from the configuration: names, weights, nothing measured.
 * Endpoints that are there already (of another phase) are kept. */
void perf_study_endpoints(const struct perf_config *c, struct arena *arena,
                          struct perf_study *study);
/* A study of what would be loaded, and how; nothing measured. */
void perf_study_planned(const struct perf_config *c, struct arena *arena, struct perf_study *ret);
/* Of this machine and the configuration. */
void perf_study_environment(const struct perf_config *c, const char *base, struct arena *arena,
                            struct perf_study *study);
/* ERR_USAGE before anything is sent when the plan would take longer than the configuration allows.
 */
int perf_study_load(const struct perf_load_plan *plan, struct arena *arena, struct error *err);

#endif
