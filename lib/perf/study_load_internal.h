/* lib/perf/study_load_internal.h - what the loads of a study share. Private to study_load*.c. */
#ifndef DINER_PERF_STUDY_LOAD_INTERNAL_H
#define DINER_PERF_STUDY_LOAD_INTERNAL_H

#include "perf/load_tally.h"
#include "perf/session.h"
#include "perf/study_load.h"

/* A side while it is driven. */
struct side {
    const struct perf_side *s;
    struct perf_drive drive;
    struct db_conn *conn;        /* NULL: no statements to be had */
    struct recorder **recorders; /* of each endpoint */
    struct load_tally *tallies;  /* of each endpoint */
    uint64_t left;               /* requests that may still be sent */
};
struct loading {
    const struct perf_load_plan *plan;
    const struct perf_config *c;
    struct arena *arena;
    struct side sides[2];
    int64_t started_ns;
};

/* A run of `n` parts as the configuration has it; parts_of_all makes those of all endpoints. */
struct drive_plan load_plan(const struct loading *l, struct drive_part *parts, size_t n);
struct drive_part *load_parts_of_all(const struct loading *l, const struct side *side);
void load_parts_release(struct drive_part *parts, size_t n);
/* Drives, within what the side may still send. */
int load_drive(struct side *side, struct drive_plan *plan, struct loadgen_summary *ret,
               struct error *err);
/* Why a run with a database has no figures of it; without one the result says so itself. */
void load_without_statements(const struct side *side, struct perf_result *r);
/* Times of a generator that could not keep up void the study. */
void load_fault(const struct side *side, const char *fault);
/* How an endpoint is loaded, or all together (i: FIGURE_WHOLE). */
void load_profile(const struct loading *l, const struct perf_study *s, const char *base, size_t i,
                  struct perf_profile *ret);

/* study_load_all.c */
int load_mixed(const struct loading *l, struct side *side, struct error *err);
int load_capacity(const struct loading *l, struct side *side, struct error *err);

#endif
