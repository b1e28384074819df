/* lib/perf/drive.h - one load of one or several endpoints, and what came of each. */
#ifndef DINER_PERF_DRIVE_H
#define DINER_PERF_DRIVE_H

#include "net/loadgen.h"
#include "perf/histogram.h"
#include "perf/record.h"
#include "perf/requests.h"

/* Where requests go. */
struct perf_drive {
    const char *base; /* the base URL */
    const char *ca_file;
    const struct perf_requests *requests;
    int64_t timeout_ms;
    void (*tick)(void *self, uint64_t sent); /* or NULL */
    void *self;
};
/* Answers that were wrong by their status. */
#define DRIVE_STATUSES 8
struct drive_status {
    int status;
    uint64_t count;
};
/* Counts into statuses[DRIVE_STATUSES]; what finds no room is left out. */
void drive_status_add(struct drive_status *statuses, int status, uint64_t count);

/* An endpoint's part of a load. */
struct drive_part {
    struct perf_variants variants;
    int64_t weight;
    struct recorder
        *recorder; /* also told each measured request, at record_from_s and later; or NULL */
    double record_from_s, record_until_s;
    /* filled: */
    struct histogram *response; /* of what succeeded or timed out; caller frees */
    uint64_t outcomes[LOADGEN_OUTCOMES];
    struct drive_status statuses[DRIVE_STATUSES]; /* of LOADGEN_STATUS */
    uint64_t ok_inside, sent_measured;
    double body_bytes; /* summed over answers */
};
struct drive_plan {
    struct drive_part *parts;
    size_t nparts;
    int64_t rate_per_s, connections, warmup_ms, duration_ms;
    uint64_t requests_max; /* 0: none */
};
/* Histograms are made here. Blocks; a signal ends it (summary->interrupted). */
int perf_drive_run(const struct perf_drive *d, const struct drive_plan *plan,
                   struct loadgen_summary *summary, struct error *err);
void drive_part_release(struct drive_part *p);
/* Milliseconds; below 0 when the sample does not support it. */
double drive_percentile(const struct drive_part *p, double percentile);
uint64_t drive_requests(const struct drive_part *p);
/* Why the times of a load say nothing; NULL when the generator kept up. p50_ms below 0: unknown. */
const char *drive_fault(const struct drive_plan *plan, const struct loadgen_summary *s,
                        double p50_ms, struct arena *arena);

#endif
