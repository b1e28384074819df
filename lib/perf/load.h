/* lib/perf/load.h - runs a load and turns it into a perf_result. */
#ifndef DINER_PERF_LOAD_H
#define DINER_PERF_LOAD_H

#include "net/loadgen.h"
#include "perf/result.h"

struct perf_load {
    struct loadgen_options http;
    void (*tick)(void *self, int64_t elapsed_ns, uint64_t sent); /* may be NULL */
    void *self;
};
/* What a run of these options will be, before it is made: to be checked against a baseline. */
void perf_load_profile(const struct loadgen_options *http, struct arena *arena,
                       struct perf_profile *ret);
/* Blocks. A signal ends it: 0 with ret->interrupted. */
int perf_load_run(const struct perf_load *load, struct arena *arena, struct perf_result *ret,
                  struct error *err);

#endif
