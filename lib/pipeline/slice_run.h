/* lib/pipeline/slice_run.h - one slice of a stream, attempts included, and its place in history. */
#ifndef DINER_PIPELINE_SLICE_RUN_H
#define DINER_PIPELINE_SLICE_RUN_H

#include "pipeline/slice.h"

/* Plain data: a worker process sends it to its parent as it is. */
struct slice_result {
    struct stream_counts counts;
    int64_t elapsed_ms, started_us;
    uint64_t bytes; /* read from the source, 0 when it does not say */
    int attempts;
    char target[256], source_hash[72];
};

/* Runs it; lost connections are made again and the slice repeated, as long as nothing of it was
 * committed. Rows, cursor, rejects and record are one transaction. *ret is filled in both cases. */
int slice_run(struct run *run, struct stream_spec *s, const struct slice *slice,
              struct slice_result *ret, struct error *err);

/* history.c; cause NULL: it succeeded. */
int history_slice(const struct run *run, const struct stream_spec *s, const struct slice *slice,
                  const struct slice_result *r, const struct error *cause, struct error *err);
int history_stream(const struct run *run, const char *stream, const char *status,
                   const struct slice_result *r, const char *message, struct error *err);

#endif
