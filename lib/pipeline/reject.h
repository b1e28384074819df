/* lib/pipeline/reject.h - rows that were not loaded, kept with their reason.
 *
 * Collected while a stream runs (the budget bounds them) and written in the transaction of the good
 * rows, or after a rollback in one of their own as of a failed run. Identity = origin + raw record
 * + how many like it came before, so that reading a file again does not multiply them. */
#ifndef DINER_PIPELINE_REJECT_H
#define DINER_PIPELINE_REJECT_H

#include "pipeline/stream.h"

struct reject {
    const char *origin, *identity; /* identity NULL: origin */
    uint64_t position;
    const char *column, *value; /* NULL when the whole record is at fault */
    const char *reason;
    const char *raw;
    const char *key; /* JSON object of the key columns that could be read, and of reject_scope.h */
    bool key_is_whole;   /* every column of the stream's key could be */
    const char *cells;   /* JSON object column: text as read, NULL for damaged records */
    const char *figures; /* JSON of its group and amounts, for `reconcile: { against }`, or NULL */
    bool is_staged;      /* refused by SQL: raw is the staged row as JSON, and its cells */
};
struct rejects {
    struct arena *arena;
    struct reject *items;
    size_t count, capacity;
};
struct rejects *rejects_new(void);
void rejects_free(struct rejects *r);
/* The row as a reject: key columns read where they can be. column -1: none in particular. */
void rejects_add_row(struct rejects *r, const struct stream_context *ctx,
                     const struct source_row *row, int column, const char *reason);
void rejects_add(struct rejects *r, const struct reject *reject); /* copied */
/* Over max_rejects or max_reject_rate of `read` rows: ERR_DATA with the first reasons. at_end: the
 * rate is looked at only then, or past the first 1,000 rows. */
int rejects_check_budget(const struct rejects *r, const struct stream_context *ctx, int64_t read,
                         bool at_end, struct error *err);
/* Inside a transaction of ctx->db. */
int rejects_save(const struct rejects *r, const struct stream_context *ctx, bool run_failed,
                 struct error *err);

#endif
