/* lib/pipeline/plan.h - what a plan would do: the DDL, and rows before and after.
 *
 * Watches the engine while it merges in a transaction that is rolled back (`struct stream_watch`).
 * Tables are compared by the catalogue before and after. Rows are those that the merge itself
 * touched, whatever its mode: versions that came carry a transaction id given out since, versions
 * that went are read through a cursor opened before. Looking at rows costs two scans of a table. */
#ifndef DINER_PIPELINE_PLAN_H
#define DINER_PIPELINE_PLAN_H

#include "pipeline/stream.h"

enum plan_kind { PLAN_INSERT, PLAN_UPDATE, PLAN_DELETE, PLAN_SEND, PLAN_KINDS };
extern const char *const plan_kind_names[]; /* "insert", "update", "delete", "send" */

struct plan_value {
    const char *column;
    const char *before, *after; /* NULL: null, or nothing */
    bool is_key;
};
struct plan_change {
    enum plan_kind kind;
    const struct plan_value *values; /* of an update: the key, and what changes */
    size_t nvalues;
};
struct plan_stream {
    const char *pipeline, *stream;
    const char **ddl;
    size_t nddl, ddl_capacity;
    struct plan_change *changes;
    size_t nchanges, changes_capacity;
    size_t shown[PLAN_KINDS];
};

struct plan;
/* rows: at most so many of each kind are kept for each stream; 0: only DDL. raw: personal data is
 * not masked. */
struct plan *plan_new(int64_t rows, bool raw);
void plan_free(struct plan *p); /* NULL-safe */
const struct stream_watch *plan_watch(struct plan *p);
/* What was seen of a stream, or NULL. */
const struct plan_stream *plan_of(const struct plan *p, const char *pipeline, const char *stream);
/* {"ddl": [...]} and [{"kind", "key": {}, "before": {}, "after": {}}] */
void plan_ddl_json(const struct plan_stream *s, struct strbuf *out);
void plan_changes_json(const struct plan_stream *s, struct strbuf *out);
/* For people: statements, then a line a row: "~ order_no: A1  total: 10.00 -> 12.00". */
void plan_print(const struct plan *p, struct strbuf *out);

#endif
