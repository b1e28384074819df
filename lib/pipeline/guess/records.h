/* lib/pipeline/guess/records.h - the columns of JSON records, gathered record by record. */
#ifndef DINER_PIPELINE_GUESS_RECORDS_H
#define DINER_PIPELINE_GUESS_RECORDS_H

#include "pipeline/guess/draft.h"

enum { RECORDS_DEPTH = 3 };
/* The array with the most objects in a sound document, at most RECORDS_DEPTH levels deep. */
struct found_records {
    struct span array;
    size_t count; /* 0: there is none */
    char pointer[256];
};
void records_find(struct span document, struct found_records *ret);

struct records;
struct records *records_new(struct arena *arena);
void records_free(struct records *r); /* NULL-safe; columns and their text live in the arena */
/* One object. False when it is none, or malformed: nothing of it is counted. */
bool records_add(struct records *r, struct span record, uint64_t line);
int records_add_all(struct records *records, const struct found_records *r, struct error *err);
/* Columns with their types; key candidates are looked for. ERR_LIMIT for too many members. */
int records_draft(struct records *r, struct draft *d, struct error *err);

#endif
