/* lib/pipeline/guess/records.h - the columns of JSON records, gathered record by record. */
#ifndef DINER_PIPELINE_GUESS_RECORDS_H
#define DINER_PIPELINE_GUESS_RECORDS_H

#include "pipeline/guess/draft.h"

struct records;
struct records *records_new(struct arena *arena);
void records_free(struct records *r); /* NULL-safe; columns and their text live in the arena */
/* One object. False when it is none, or malformed: nothing of it is counted. */
bool records_add(struct records *r, struct span record, uint64_t line);
/* Columns with their types; key candidates are looked for. ERR_LIMIT for too many members. */
int records_draft(struct records *r, struct draft *d, struct error *err);

#endif
