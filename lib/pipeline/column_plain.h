/* lib/pipeline/column_plain.h - the short way of a cell into its column: what is written plainly is
 * encoded in one step, whatever else needs a closer look is left to column.c. Inside lib/pipeline
 * only. */
#ifndef DINER_PIPELINE_COLUMN_PLAIN_H
#define DINER_PIPELINE_COLUMN_PLAIN_H

#include "pipeline/column.h"

enum plain_form { PLAIN_NONE, PLAIN_VALUE, PLAIN_TIME };

struct column_plain {
    enum plain_form form; /* PLAIN_NONE: no cell of the column is plain */
    const struct db_type *type;
    const struct zone *zone;
    size_t time_bytes; /* of a time by a declared format; 0: ISO */
    bool takes_empty;  /* as null */
    bool is_code;
    bool odd_first[256], odd_last[256]; /* bytes at the ends of a cell that ask for a closer look */
};

void column_plain_init(struct column_plain *p, const struct column_spec *spec,
                       const struct column_habits *habits);
/* Appends the fields of the cells from `first` on, valid UTF-8 as it was read, for as long as they
 * are plain. Where that ends: of this cell nothing was appended; n: it was the last. */
size_t column_plain_encode(const struct column_plain *columns, const struct cell *cells, size_t n,
                           size_t first, struct strbuf *out);

#endif
