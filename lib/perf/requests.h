/* lib/perf/requests.h - the requests of a configuration, filled in and ready to be sent. */
#ifndef DINER_PERF_REQUESTS_H
#define DINER_PERF_REQUESTS_H

#include "net/loadgen.h"
#include "perf/config.h"

/* The variants of one endpoint: those of its parameters' rows. */
struct perf_variants {
    struct loadgen_request *items;
    size_t count;
};
struct perf_requests {
    struct http_header *headers; /* of every request, that of auth among them */
    size_t nheaders;
    struct perf_variants *endpoints; /* as many as the configuration has */
    size_t count;
};
/* Reads parameters (SQL from dsn, which may be NULL) and body files, resolves auth. */
int perf_requests_build(const struct perf_config *c, const char *dsn, struct arena *arena,
                        struct perf_requests *ret, struct error *err);
/* The same requests with query parameters set: keys and values by pairs, NULL at the end. */
struct perf_variants perf_requests_with(const struct perf_variants *v, struct arena *arena,
                                        const char *const *pairs);

#endif
