/* lib/pipeline/run_private.h - what the parts of the engine share. */
#ifndef DINER_PIPELINE_RUN_PRIVATE_H
#define DINER_PIPELINE_RUN_PRIVATE_H

#include "pipeline/lease.h"
#include "pipeline/run.h"

struct run {
    const struct run_options *options;
    struct pipeline *pipeline;
    struct db_conn *db;
    const char *control_connection;
    const char *name; /* as it was asked for */
    int64_t run_id, parent_id;
    int64_t started_us, asked_us; /* asked: what params are reckoned from */
    struct run_report *report;
    const char *parent_lock; /* held while shards would load one stream at once, or NULL */
    bool is_worker;          /* a process of the run that holds the lock, not the run itself */
    /* Of a distributed run, or of a part of one: what it is done under; checked in each transaction
     * that commits. */
    const struct lease *lease;
    struct lease asked;                /* the lease of a run that was begun here */
    int64_t adopts;                    /* run that was begun by somebody else and is led on, or 0 */
    int64_t resumes;                   /* run that this one goes on with, or 0 */
    struct hashmap *standing;          /* what of it stands, or NULL */
    const struct replay *replay;       /* of the stream under way */
    struct connector_pool *connectors; /* one login and one rate budget for all streams */
};

/* stream_run.c: a stream, slice by slice, and side by side where jobs allow. Adds its report. */
int stream_run(struct run *run, struct stream_spec *s, struct error *err);
/* A stream that is not run. is_met: those that need it may run all the same, as it was loaded
 * before or is loaded elsewhere. */
void stream_skip(struct run *run, struct stream_spec *s, const char *why, bool is_met);
/* A stream that this run loaded before it changed hands: adds its report. */
int stream_recall(struct run *run, struct stream_spec *s, bool *ret_found, struct error *err);
/* Whether its slices are shared out between shards, unless each does all (run_shares). */
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
/* standing.c: what of the run that is resumed stands: fills run->standing. */
int history_standing(struct run *run, struct error *err);
/* child and window as in run_slice; "*" for the whole stream. */
bool history_stands(const struct run *run, const char *stream, const char *child,
                    const char *window_start, const char *window_end);

/* A stream that this run loaded before it changed hands; fills the report. */
int history_recall(const struct run *run, const char *stream, struct stream_report *report,
                   bool *ret_found, struct error *err);

/* hooks.c: runs all of them, in order; the first failure is returned, the others are logged.
 * Nothing in a dry run or plan. cause: why the run failed or is partial, or NULL. */
int hooks_run(const struct run *run, const struct field_objects *hooks, const char *event,
              const struct error *cause, struct error *err);

/* 130 or 143 for what a signal stopped, else the code's. */
int run_exit_status(enum error_code code);

/* Whether this run is the one that the lease is of; else it is a step of it. */
static inline bool run_has_lease(const struct run *run)
{
    return run->lease != NULL && run->lease->stream[0] == '\0' && run->lease->run_id == run->run_id;
}
/* Whether a distributed run stops here, to be led on by another worker. */
bool run_is_left(const struct run *run, enum error_code code);

/* run.c: --from and --to of the options, which become instants. */
int run_set_window(const struct run *run, struct run_options *o, struct error *err);
/* Which connection holds lock, staging and state; ERR_SPEC when the targets have several. */
int run_choose_connection(struct run *run, struct error *err);
int run_open_connection(struct run *run,
                        struct error *err); /* without a lock: closed by db_close */
/* Opens (or re-opens) it and takes the lock. */
int run_connect(struct run *run, struct error *err);
/* Whether each shard loads the stream itself, whole: another one has its children from it. */
bool run_shares(const struct run *run, const struct stream_spec *s);
/* Of such a stream: waits until no other shard loads it. Nothing for others. */
int run_lock_parent(struct run *run, const struct stream_spec *s, struct error *err);
void run_unlock_parent(struct run *run);
/* One pipeline with streams; the first of its errors. */
enum error_code run_one(struct run *run, struct error *first);
/* The end of a run as it is known now, on a connection made again where it was lost. */
void run_finish(struct run *run, enum error_code code, const struct error *cause);
/* Gives up the locks and closes. */
void run_close(struct run *run);
static inline void run_keep_first(struct error *first, const struct error *err)
{
    if (first->code == ERR_OK)
        *first = *err;
}
/* run_job.c: pipelines in their order, each a run of its own. */
enum error_code run_job(struct run *job, struct error *first);

#endif
