/* lib/pipeline/slice.h - the parts that a stream is read and committed in: children of for_each,
 * and of each its windows. A stream without either is one slice.
 *
 * Units are what may be done side by side: a child with all its windows in order (its cursor moves
 * with each), or, where no cursor moves (--from, --to), a single window of a child. */
#ifndef DINER_PIPELINE_SLICE_H
#define DINER_PIPELINE_SLICE_H

#include "core/datetime.h"
#include "pipeline/run_private.h"

struct slice {
    const char *child; /* canonical JSON of the bound values; "" without for_each */
    struct field_string_map items;
    const char *window_start, *window_end; /* RFC 3339, or NULL */
    const char *window_day;                /* 2026-11-21: the window is in one business day */
    struct bizday days;                    /* the child's own days and local times */
    const char *cursor_after; /* stored with the rows; NULL: the highest cursor value of the rows */
    bool is_backfill;         /* the cursor stays */
    bool is_part;             /* recorded as a slice of its stream */
    bool is_last;             /* of its unit */
};

struct slices;
/* Reads the children from the parent's table, in the order of their values. ERR_DATA for a child
 * without a value, ERR_CONFIG for one with an unknown zone. */
int slices_open(struct run *run, struct stream_spec *s, struct slices **ret, struct error *err);
void slices_close(struct slices *s); /* NULL-safe */
size_t slices_units(const struct slices *s);
/* The child of a unit, "" when there is none. */
const char *slices_child(const struct slices *s, size_t unit);
/* The begin of its window, "" when it goes from the cursor on. Child and this tell a unit from all
 * others. */
void slices_window(const struct slices *s, size_t unit, char ret[DATETIME_ISO_MAX]);
/* Whether a shard of the run does this unit. */
bool slices_is_mine(const struct slices *s, size_t unit);
/* Whether units must be done one after the other: windows of one key's versions. */
bool slices_are_ordered(const struct slices *s);
/* Goes to the first slice of a unit, whose cursor is asked now. */
int slices_begin(struct slices *s, size_t unit, struct error *err);
/* Borrowed until the next call. */
int slices_next(struct slices *s, struct slice *ret, bool *ret_end, struct error *err);

#endif
