/* lib/pipeline/guess/layout.h - how a delimited file is laid out: encoding, delimiter, quoting, the
 * lines above the header, the header, records that are no data. Decided from its first mebibyte;
 * nothing of it is a default: what is in doubt is said. */
#ifndef DINER_PIPELINE_GUESS_LAYOUT_H
#define DINER_PIPELINE_GUESS_LAYOUT_H

#include "format/csvio.h"

enum { LAYOUT_HEAD_RECORDS = 200 };

struct layout {
    struct encoding_scan scan;
    uint64_t multibyte; /* characters beyond ASCII in the head */
    bool crlf;
    char delimiter;
    int quote; /* -1: quotes are text */
    bool quote_is_used;
    size_t width; /* fields of most records */
    bool has_header;
    const char *doubt; /* about the header; NULL: none */
    uint64_t header_line;
    size_t header_more;      /* records below it that may be part of it: texts above figures */
    bool is_above_part;      /* the record above it may be one, too */
    size_t above;            /* records above the header */
    const char *above_label; /* of a time above the header: "导出时间"; NULL: none */
    struct span *names;      /* of the header, trimmed; width entries */
    const char *head;        /* decoded nothing: the first bytes as they are */
    size_t head_bytes;
};
/* Everything in the arena. ERR_DATA for what is no text, ERR_NOT_FOUND, ERR_IO. */
int layout_guess(const char *path, struct arena *arena, struct layout *ret, struct error *err);
/* What csvio_open wants for it. */
struct csvio_options layout_options(const struct layout *l);
/* The text of a record's first field that is not empty. */
struct span layout_first(const struct csvio_record *record);
/* True for a subtotal, total or rule; *ret_word the literal it begins with. */
bool layout_is_total(const struct csvio_record *record, size_t width, struct span *ret_word);

#endif
