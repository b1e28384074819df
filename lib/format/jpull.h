/* lib/format/jpull.h - a pull parser for JSON records: one pass, no tree, numbers kept as text.
 *
 * RFC 8259, strict: UTF-8 only, no trailing commas, no NaN. Works on a whole document in memory
 * (its size was capped by who read it). For small documents use jsonx.h. */
#ifndef DINER_FORMAT_JPULL_H
#define DINER_FORMAT_JPULL_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>

#define JPULL_DEPTH_MAX 64

enum jpull_kind {
    JPULL_NONE = 0, /* absent */
    JPULL_NULL,
    JPULL_FALSE,
    JPULL_TRUE,
    JPULL_NUMBER, /* text as written */
    JPULL_STRING, /* text unescaped */
    JPULL_OBJECT, /* text is the raw JSON */
    JPULL_ARRAY,  /* text is the raw JSON */
};
struct jpull_value {
    enum jpull_kind kind;
    struct span text; /* borrowed from the document, or from the scratch buffer if unescaped */
};

/* Checks the whole document: one value, well-formed, depth, no duplicate keys in an object if
 * refuse_duplicates. ERR_DATA with line:column and what was expected. */
int jpull_check(struct span document, bool refuse_duplicates, struct error *err);

/* As jpull_check with duplicates refused, and further what a jsonb column would refuse: \u0000,
 * lone surrogates, numbers beyond PostgreSQL's numeric. */
int jpull_check_storable(struct span document, struct error *err);

/* The value at an RFC 6901 pointer ("" is the document); kind JPULL_NONE when absent. Scratch
 * receives unescaped strings; it must outlive the value. Spans into scratch last until the next
 * call that adds to it: to keep several, give each its own, or reserve the document's length.
 * A string with \u0000 or a lone surrogate is ERR_DATA. ERR_SPEC for what is no pointer. */
int jpull_find(struct span document, const char *pointer, struct jpull_value *ret,
               struct strbuf *scratch, struct error *err);

/* Iterates the elements of an array as raw spans. Places in errors count from the array's text. */
struct jpull_array {
    struct span rest;
    bool first;
};
int jpull_array_begin(struct span array, struct jpull_array *ret, struct error *err);
int jpull_array_next(struct jpull_array *a, struct span *ret_element, bool *ret_end,
                     struct error *err);
/* Iterates the members of an object; key unescaped into scratch when it has escapes. */
int jpull_object_begin(struct span object, struct jpull_array *ret, struct error *err);
int jpull_object_next(struct jpull_array *o, struct span *ret_key, struct span *ret_value,
                      bool *ret_end, struct strbuf *scratch, struct error *err);
/* Kind and text of one raw value (strings unescaped into scratch when needed). */
int jpull_value_of(struct span raw, struct jpull_value *ret, struct strbuf *scratch,
                   struct error *err);

/* Reads n values out of one record in a single pass over it. Pointers are compiled once. */
struct jpull_projection;
int jpull_projection_new(const char *const *pointers, size_t n, struct jpull_projection **ret,
                         struct error *err);
void jpull_projection_free(struct jpull_projection *p);
/* From now on the elements of the array that pointer i leads to are found in the same pass, as raw
 * spans; pointers that lead into it find nothing. They last until the next jpull_project. */
void jpull_projection_split(struct jpull_projection *p, size_t i);
const struct span *jpull_projection_elements(const struct jpull_projection *p, size_t *ret_count);
/* Fills values[n]; absent ones get JPULL_NONE. scratch is cleared first and holds unescaped text
 * until the next call. A duplicate of a projected key is ERR_DATA. */
int jpull_project(struct jpull_projection *p, struct span record, struct jpull_value *values,
                  struct strbuf *scratch, struct error *err);

#endif
