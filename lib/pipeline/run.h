/* lib/pipeline/run.h - the engine: one run of a pipeline or a job, recorded, exactly once.
 *
 * A run holds an advisory lock of its pipeline on one connection, which also stages, merges and
 * records: when that connection is lost, nothing of the run can be committed any more. Each stream
 * is one slice: its rows, cursor, rejects and record commit in one transaction. */
#ifndef DINER_PIPELINE_RUN_H
#define DINER_PIPELINE_RUN_H

#include "db/migrate.h"
#include "pipeline/spec.h"
#include "pipeline/stream.h"

struct lease_holder;
struct lease;
enum run_kind {
    RUN_LOAD,
    RUN_DRY,  /* reads and validates, writes nothing */
    RUN_PLAN, /* stages and counts against the live target, then rolls back */
};

#define PARTS_MAX 100
struct part_report {
    const char *child, *window_start, *error;
};

struct stream_report {
    const char *pipeline, *stream, *source, *target;
    const char *status; /* succeeded failed skipped */
    struct stream_counts counts;
    int64_t elapsed_ms;
    const char *error, *hint; /* NULL when it succeeded */
    enum error_code code;
    uint64_t bytes;      /* read; 0: not counted */
    int64_t slices;      /* children and windows done; 0: the stream has none */
    bool is_met;         /* skipped, and needs no run: it stands, or another shard does it */
    int64_t left_behind; /* children and windows that failed */
    int64_t cursor_us;   /* how far it has read, of the child that is furthest; 0: no such cursor */
    const struct part_report *parts; /* the first of them, at most PARTS_MAX */
    size_t nparts;
};

/* Who is told. Every function may be NULL. */
struct run_observer {
    void *self;
    void (*stream_begin)(void *self, const char *pipeline, const char *stream);
    void (*progress)(void *self, uint64_t rows, uint64_t done_bytes, uint64_t total_bytes);
    void (*stream_end)(void *self, const struct stream_report *report);
    /* Each row of a stream whose target is an API. */
    void (*row)(void *self, const struct stream_context *ctx, const struct cell *cells);
};

struct run_options {
    enum run_kind kind;
    bool full_refresh;                /* forget the cursor for this run */
    const char *from, *to;            /* a window instead of the cursor's; the cursor stays */
    const int32_t *from_day, *to_day; /* filled by run_pipeline: they were business days, which
                                         begin where the cut-off of a child is */
    const struct field_strings *params;
    const char *only; /* one stream */
    int64_t jobs;     /* children, windows or connections side by side; 0 or 1: one */
    int64_t shard_index, shard_count; /* of several machines; count 0: the whole */
    /* The children and windows of its streams are tasks that any worker takes (lease.h). */
    bool distribute;
    bool detach;                 /* it is only asked for: a worker leads it */
    struct lease_holder *holder; /* who takes the tasks; borrowed */
    const struct lease *lease;   /* of a run that was begun, and is led on under it; else NULL */
    bool hands_over;             /* stopped by a signal, it is left to the next worker */
    int64_t started_us;          /* of a run that was begun; 0: now */
    bool verify;                 /* stored row hashes are not trusted */
    int64_t resumes;             /* a run to go on with: what stands of it is left out */
    const char *message_id;      /* of what asks for it, done once: a run of it that stopped
                                    is gone on with, one that is done left as it is */
    int64_t asked_us;            /* what params like `yesterday` are reckoned from; 0: now */
    bool replay;                 /* read the open rejects instead of the sources */
    const char *mended;          /* replay: file of {id, cells}; NULL: all, as they are */
    bool strict;                 /* any reject makes the run partial (exit 7) */
    const struct config *config;
    const struct connector_builtin *builtins;
    const struct migration_set *migrations;
    size_t nmigrations;
    const struct run_observer *observer;
    const struct stream_watch *watch; /* of a plan or dry run */
};

struct run_report {
    int64_t run_id;   /* 0 when nothing was recorded */
    bool is_detached; /* asked for: nothing was run */
    bool is_left;     /* for another worker to lead on */
    bool is_repeat;   /* of a message that was done before: nothing was run */
    struct arena *arena;
    struct stream_report *streams;
    size_t nstreams, capacity;
    enum error_code code; /* the worst of its parts */
};
void run_report_release(struct run_report *r);

/* Runs a pipeline or job by name. Returns 0 or the run's code with the first error; the report is
 * filled in both cases. Notifies on_failure once. */
int run_pipeline(const char *name, const struct run_options *options, struct run_report *ret,
                 struct error *err);

/* `diner pipeline preview`: up to n rows of a stream as clean text, nothing written. */
int run_preview(const char *name, const char *stream, int64_t rows,
                const struct run_options *options,
                int (*row)(void *self, const struct stream_spec *s, const char *const *values,
                           const char *fault, struct error *err),
                void *self, struct error *err);

#endif
