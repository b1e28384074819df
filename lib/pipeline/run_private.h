/* lib/pipeline/run_private.h - what the parts of the engine share. */
#ifndef DINER_PIPELINE_RUN_PRIVATE_H
#define DINER_PIPELINE_RUN_PRIVATE_H

#include "pipeline/run.h"

struct run {
    const struct run_options *options;
    struct pipeline *pipeline;
    struct db_conn *db;
    const char *control_connection;
    int64_t run_id, parent_id;
    int64_t started_us;
    struct run_report *report;
};

/* stream_run.c: one stream, attempts included. Adds its report. */
int stream_run(struct run *run, struct stream_spec *s, struct error *err);
/* A stream that is not run because one it needs failed. */
void stream_skip(struct run *run, struct stream_spec *s, const char *why);
struct stream_report *run_report_add(struct run_report *r, const char *pipeline,
                                     const char *stream);

/* history.c */
int history_begin(struct run *run, const char *name, struct error *err);
int history_end(struct run *run, enum error_code code, const struct error *cause,
                struct error *err);
int history_stream(const struct run *run, const struct stream_report *r, int64_t started_us,
                   const char *source_hash, int attempts, struct error *err);

/* hooks.c: runs all of them, in order; the first failure is returned, the others are logged. Nothing
 * in a dry run or plan. cause: why the run failed or is partial, or NULL. */
int hooks_run(const struct run *run, const struct field_objects *hooks, const char *event,
              const struct error *cause, struct error *err);

/* 130 or 143 for what a signal stopped, else the code's. */
int run_exit_status(enum error_code code);

/* run.c: opens (or re-opens) the run's connection and takes the lock. */
int run_connect(struct run *run, struct error *err);

#endif
