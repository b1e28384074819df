/* lib/pipeline/workers.h - units of a stream side by side, each worker a process with a connection
 * of its own. Workers hold no lock: they write only while their run holds it (run_fence.sql), and
 * they die with it. */
#ifndef DINER_PIPELINE_WORKERS_H
#define DINER_PIPELINE_WORKERS_H

#include "pipeline/slice_run.h"

/* Plain data, sent through a pipe as it is. */
struct unit_result {
    size_t unit;
    int code;
    int64_t slices; /* that are committed */
    struct slice_result total;
    char window_start[DATETIME_ISO_MAX]; /* of the slice that failed */
    struct error error;
};

/* stream_run.c: all slices of a unit, up to the first that fails. */
void unit_run(struct run *run, struct stream_spec *s, struct slices *slices, size_t unit,
              struct unit_result *ret);

struct workers {
    struct run *run;
    struct stream_spec *stream;
    struct slices *slices;
    const size_t *units;
    size_t nunits;
    size_t count; /* processes */
    bool stop_at_failure;
    void (*take)(void *self, const struct unit_result *r);
    void *self;
};
/* Returns when every unit begun has ended. An error only when no worker could be started; what
 * fails in a unit is in its result. A signal is passed on and waited for. */
int workers_run(const struct workers *w, struct error *err);

#endif
