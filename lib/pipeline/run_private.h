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
    int64_t started_us, asked_us; /* asked: what params are reckoned from */
    struct run_report *report;
    bool is_worker;              /* a process of the run that holds the lock, not the run itself */
    int64_t resumes;             /* run that this one goes on with, or 0 */
    struct hashmap *standing;    /* what of it stands, or NULL */
    const struct replay *replay; /* of the stream under way */
    struct connector_pool *connectors; /* one login and one rate budget for all streams */
};

/* stream_run.c: a stream, slice by slice, and side by side where jobs allow. Adds its report. */
int stream_run(struct run *run, struct stream_spec *s, struct error *err);
/* A stream that is not run. is_met: those that need it may run all the same, as it was loaded
 * before or is loaded elsewhere. */
void stream_skip(struct run *run, struct stream_spec *s, const char *why, bool is_met);
/* Whether its slices are shared out between shards. */
bool stream_is_sliced(const struct stream_spec *s);
struct stream_report *run_report_add(struct run_report *r, const char *pipeline,
                                     const char *stream);

/* "1/4", or NULL for a run of the whole. */
const char *run_shard_text(const struct run_options *o, char *text, size_t size);

/* history.c */
int history_begin(struct run *run, const char *name, struct error *err);
int history_end(struct run *run, enum error_code code, const struct error *cause,
                struct error *err);
/* A stream whose rows stand, but not all that belongs to it: why. */
int history_stream_partial(const struct run *run, const char *stream, const struct error *cause,
                           struct error *err);
/* Whether the message that asks for the run was done before (report->is_repeat), or what run of it
 * is to be gone on with (run->resumes). */
int history_message(struct run *run, struct error *err);
/* What of the run that is resumed stands: fills run->standing. */
int history_standing(struct run *run, struct error *err);
/* child and window as in run_slice; "*" for the whole stream. */
bool history_stands(const struct run *run, const char *stream, const char *child,
                    const char *window_start, const char *window_end);

/* hooks.c: runs all of them, in order; the first failure is returned, the others are logged.
 * Nothing in a dry run or plan. cause: why the run failed or is partial, or NULL. */
int hooks_run(const struct run *run, const struct field_objects *hooks, const char *event,
              const struct error *cause, struct error *err);

/* 130 or 143 for what a signal stopped, else the code's. */
int run_exit_status(enum error_code code);

/* run.c: which connection holds lock, staging and state; ERR_SPEC when the targets have several. */
int run_choose_connection(struct run *run, struct error *err);
int run_open_connection(struct run *run,
                        struct error *err); /* without a lock: closed by db_close */
/* Opens (or re-opens) it and takes the lock. */
int run_connect(struct run *run, struct error *err);

#endif
