/* lib/format/csvscan.h - cuts a record of plain RFC 4180 in one vectorised pass; inside lib/format
 * only. Whatever is not plain it leaves to libcsv, whose verdicts it never contradicts. */
#ifndef DINER_FORMAT_CSVSCAN_H
#define DINER_FORMAT_CSVSCAN_H

#include "core/mem.h"
#include "core/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

/* Bytes that may be read after a record, whatever they are. */
#define CSVSCAN_PADDING ((size_t)64)
#define CSVSCAN_BLOCK   64

struct csvscan {
    struct span *fields; /* of the last record: into it, or into `unescaped` */
    size_t nfields;
    bool has_quote; /* anywhere in it */
    /* private */
    size_t fields_capacity;
    uint32_t *marks; /* where delimiters and quotes stand */
    size_t marks_capacity;
    struct strbuf unescaped;
};
void csvscan_init(struct csvscan *s, size_t record_max_bytes);
void csvscan_release(struct csvscan *s);

/* body: one line without its end, followed by CSVSCAN_PADDING readable bytes. quote -1: none.
 * False, and nothing said of the fields, for a NUL, a carriage return, a stray quote, a quote left
 * open, or more than CSVIO_FIELDS_MAX fields. */
bool csvscan_record(struct csvscan *s, struct span body, char delimiter, int quote);

/* What one block of 64 bytes has; bit i is byte i. Two ways to the same answer. */
struct csvscan_bits {
    uint64_t marks; /* delimiter or quote */
    uint64_t quotes;
    uint64_t odd; /* NUL or carriage return */
};
struct csvscan_bits csvscan_block(const char *block, char delimiter, char quote);
struct csvscan_bits csvscan_block_portable(const char *block, char delimiter, char quote);

#endif
