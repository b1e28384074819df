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

/* notify.c: tells on_failure once; its own failure is only logged. */
void notify_failure(const struct on_failure_spec *spec, const char *name,
                    const struct run_report *report, const struct error *cause);

/* 130 or 143 for what a signal stopped, else the code's. */
int run_exit_status(enum error_code code);

/* run.c: opens (or re-opens) the run's connection and takes the lock. */
int run_connect(struct run *run, struct error *err);

#endif
