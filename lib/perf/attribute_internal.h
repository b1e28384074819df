/* lib/perf/attribute_internal.h - what was counted, before it is known what it was. */
#ifndef DINER_PERF_ATTRIBUTE_INTERNAL_H
#define DINER_PERF_ATTRIBUTE_INTERNAL_H

#include "perf/attribute.h"
#include "perf/server.h"

struct measurement {
    struct perf_counters counters; /* the difference, by the server's ids */
    double requests, ok, limited, seconds;
    bool valid; /* nothing was evicted or reset meanwhile */
};
struct attributed {
    struct measurement main, sizes[PERF_SLOPE_POINTS], first, deep;
    double size[PERF_SLOPE_POINTS];
    size_t nsizes;
    bool probed;
    double deep_offset;
};
struct attribution {
    struct measurement background;
    struct attributed *endpoints;
    size_t count;
};

#endif
