/* lib/perf/load_tally.h - what the runs of one load add up to besides the requests themselves: what
 * went out, how the generator did, what must be said of it. */
#ifndef DINER_PERF_LOAD_TALLY_H
#define DINER_PERF_LOAD_TALLY_H

#include "perf/drive.h"
#include "perf/result.h"

struct load_tally {
    uint64_t sent, warmup;
    int64_t cpu_ns, elapsed_ns;
    int64_t late_us; /* of the run in which it was longest: see perf_result.loop_p99 */
    bool interrupted, capped;
    char first_failure[160];
    struct drive_status statuses[DRIVE_STATUSES];
};
/* parts: those of the run. */
void load_tally_add(struct load_tally *t, const struct loadgen_summary *s,
                    const struct drive_part *parts, size_t nparts);
/* Fills in what the tally knows, and notes what shaped the outcomes that r has already. */
void load_tally_finish(const struct load_tally *t, struct arena *arena, struct perf_result *r);

#endif
