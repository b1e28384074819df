/* lib/perf/study_shape.h - the members of a study, once, for who writes and who reads its JSON.
 * Private to study_json.c. */
#ifndef DINER_PERF_STUDY_SHAPE_H
#define DINER_PERF_STUDY_SHAPE_H

#include "perf/study.h"

#include <stddef.h>

enum member_kind {
    MEMBER_TEXT,    /* const char *: null is NULL */
    MEMBER_FLAG,    /* bool */
    MEMBER_INT,     /* int */
    MEMBER_NUMBER,  /* double */
    MEMBER_KNOWN,   /* double, below 0 unknown: null */
    MEMBER_COUNT,   /* uint64_t */
    MEMBER_TIME,    /* int64_t microseconds of the epoch, 0 unknown: null or RFC 3339 */
    MEMBER_INDEX,   /* size_t */
    MEMBER_CHOICE,  /* an enum: one of `names` */
    MEMBER_RESULT,  /* struct perf_result *, or null */
    MEMBER_OBJECT,  /* a struct inside, of shape `of` */
    MEMBER_LIST,    /* a pointer to structs of shape `of`, their number at `count` */
    MEMBER_INDEXES, /* size_t *, their number at `count` */
    MEMBER_POINTS,  /* double[PERF_SLOPE_POINTS], their number at `count` */
};
struct member {
    const char *key;
    enum member_kind kind;
    size_t offset, count, max; /* max: the most a list may hold */
    const struct shape *of;
    const char *const *names; /* NULL-terminated */
};
struct shape {
    size_t size;
    bool is_short; /* on one line, without what is empty */
    const struct member *members;
};
extern const struct shape perf_study_shape;

#endif
