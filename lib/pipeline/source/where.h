/* lib/pipeline/source/where.h - the row filter of sources: column by column, words compared with
 * the cell's clean text (stripped, its null words applied). No language: more is SQL's.
 *
 *   where: { channel: [eleme, meituan], status: { not: [TEST] }, code: { match: "^A" } }
 *
 * A row stays when every column named agrees; what leaves counts as skipped. A row with a fault, or
 * with a cell that cannot be read, stays: it is rejected with its reason, not lost. */
#ifndef DINER_PIPELINE_SOURCE_WHERE_H
#define DINER_PIPELINE_SOURCE_WHERE_H

#include "pipeline/stream.h"

/* Type of the spec's member for WHERE_FIELD. */
extern const struct field_set where_set;
#define WHERE_FIELD(at)                                                                            \
    {                                                                                              \
        "where", FIELD_OBJECT_MAP, (at),                                                           \
            "COLUMN: words, or { not: words }, { match: pattern }, { null: false }; rows that do " \
            "not "                                                                                 \
            "agree are skipped and counted",                                                       \
            .sub = &where_set                                                                      \
    }

void where_check(const struct stream_spec *s, const struct field_objects *spec,
                 struct diagnostics *d);

struct where;
/* *ret NULL when nothing is declared. */
int where_new(const struct stream_spec *s, const struct field_objects *spec, struct where **ret,
              struct error *err);
void where_free(struct where *w); /* NULL-safe */
/* reader: of the stream's columns. w may be NULL. */
bool where_keeps(struct where *w, struct column_reader *reader, const struct source_row *row);

#endif
