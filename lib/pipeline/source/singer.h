/* lib/pipeline/source/singer.h - messages of the Singer specification (SCHEMA, RECORD, STATE,
 * ACTIVATE_VERSION), one a line. https://hub.meltano.com/singer/spec */
#ifndef DINER_PIPELINE_SOURCE_SINGER_H
#define DINER_PIPELINE_SOURCE_SINGER_H

#include "format/jpull.h"
#include "pipeline/stream.h"

enum singer_kind {
    SINGER_RECORD,
    SINGER_SCHEMA,
    SINGER_STATE,
    SINGER_ACTIVATE_VERSION,
    SINGER_UNKNOWN, /* what it may carry cannot be known: never passed over */
};
struct singer_message {
    enum singer_kind kind;
    struct span type;   /* as written */
    struct span stream; /* of RECORD, SCHEMA; else empty */
    struct span body;   /* record, schema or value, as raw JSON */
};
struct singer_reader;
struct singer_reader *singer_reader_new(void);
void singer_reader_free(struct singer_reader *r); /* NULL-safe */
/* Borrowed from line and reader until the next call. ERR_DATA: no message. */
int singer_read(struct singer_reader *r, struct span line, struct singer_message *ret,
                struct error *err);

/* Holds a SCHEMA's `schema` against the columns of the stream: each must be there, of a type that
 * can become the column's. ERR_DATA names column, declared type and what the program says. */
int singer_check_schema(const struct stream_spec *s, struct span schema, struct error *err);

#endif
