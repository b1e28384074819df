/* lib/pipeline/distribute.h - who leads a distributed run: puts the parts of its streams as tasks,
 * works at them beside all others, and brings together what they came to. */
#ifndef DINER_PIPELINE_DISTRIBUTE_H
#define DINER_PIPELINE_DISTRIBUTE_H

#include "pipeline/slice_run.h"

/* Whether the parts of a stream are shared out in this run. */
bool distribute_is_for(const struct run *run, const struct stream_spec *s,
                       const struct slices *slices);
/* In the transaction that begins the run: its task, leased to us unless it is only asked for. */
int distribute_ask(struct run *run, struct error *err);
/* Parts that nobody has begun; stream NULL: of the whole run. */
int distribute_cancel(const struct run *run, const char *stream, struct error *err);
/* Whether a signal wants the run to be left to another worker. */
bool distribute_is_to_leave(const struct run *run);

/* All units of a stream, with its slices open. */
struct distribution {
    struct run *run;
    struct stream_spec *stream;
    struct slices *slices;
    /* Who is told: rows read so far; each part that failed, at the end. */
    void (*progress)(void *self, int64_t rows, int64_t done, int64_t parts);
    void (*failed)(void *self, const char *child, const char *window_start,
                   const struct error *cause);
    void *self;
};
/* Returns when no part is under way any more. *ret_sum: of the slices that are committed, *ret_done
 * how many they are. */
int distribute_stream(const struct distribution *d, struct slice_result *ret_sum, int64_t *ret_done,
                      struct error *err);

/* What the slices of a stream that this run committed come to, whoever led it then. */
int distribute_sum(const struct run *run, const char *stream, struct slice_result *sum,
                   int64_t *ret_done, struct error *err);

/* A part under its lease, with run->db open; what becomes of it is told to all. Only a lost
 * database is an error. */
int distribute_part(struct run *run, struct stream_spec *s, struct slices *slices, size_t unit,
                    const struct lease *lease, struct error *err);
/* Which unit of the slices a task is; false: none. */
bool distribute_find(const struct slices *slices, const struct lease *lease, size_t *ret_unit);

#endif
