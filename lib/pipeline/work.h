/* lib/pipeline/work.h - what a worker does of distributed runs: takes a task, does it, tells what
 * became of it. Of one run at a time it keeps pipeline, children and connection open. */
#ifndef DINER_PIPELINE_WORK_H
#define DINER_PIPELINE_WORK_H

#include "pipeline/run.h"

struct work_options {
    struct run_options run; /* config, builtins, migrations, holder; the rest is each run's own */
    /* Leads a run as run_pipeline does, and tells people. */
    int (*lead)(void *self, const char *pipeline, const struct run_options *options,
                struct error *err);
    void *self;
};
struct work;
/* Connects. Everything is borrowed until work_close. */
int work_open(const struct work_options *o, struct work **ret, struct error *err);
void work_close(struct work *w); /* NULL-safe */
/* One task, if there is one. Errors are those of the database and signals; what fails in a task is
 * told to its run. */
int work_step(struct work *w, bool *ret_did, struct error *err);

#endif
