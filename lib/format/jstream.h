/* lib/format/jstream.h - the records of one big JSON document, one after the other, in the memory
 * of the largest. The document is walked to the array at an RFC 6901 pointer and on to its own end,
 * so that one cut off is an error; what is passed over is checked for its brackets and strings
 * only, the records are for their reader to check (jpull.h). */
#ifndef DINER_FORMAT_JSTREAM_H
#define DINER_FORMAT_JSTREAM_H

#include "core/error.h"
#include "core/mem.h"
#include <stdbool.h>
#include <stdint.h>

struct jstream_options {
    const char *name;    /* of the document, in messages */
    const char *pointer; /* "" is the document itself */
    size_t record_max_bytes;
    /* More text, borrowed until the next call; whole UTF-8 is not asked for. */
    int (*fill)(void *self, struct span *ret, bool *ret_end, struct error *err);
    void *self;
};
struct jstream;
/* ERR_SPEC for what is no pointer. */
int jstream_new(const struct jstream_options *options, struct jstream **ret, struct error *err);
void jstream_free(struct jstream *j); /* NULL-safe */
/* The raw text of the next element, borrowed until the next call. ERR_DATA: not JSON, nothing at
 * the pointer, no array there, cut off; ERR_LIMIT: a record is too long. */
int jstream_next(struct jstream *j, struct span *ret, bool *ret_end, struct error *err);

#endif
