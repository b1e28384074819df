/* lib/format/byte_source.h - bytes pulled from somewhere that is not a plain descriptor: what a
 * compressed file unpacks to (archive.h). Its reader owns it and closes it. */
#ifndef DINER_FORMAT_BYTE_SOURCE_H
#define DINER_FORMAT_BYTE_SOURCE_H

#include "core/error.h"
#include <stddef.h>
#include <stdint.h>

struct byte_source {
    /* 1 to n bytes into out; *ret_n 0 is the end. Errors name the file. */
    int (*read)(struct byte_source *b, char *out, size_t n, size_t *ret_n, struct error *err);
    /* Back to the first byte; NULL when that cannot be done (a stream). */
    int (*rewind)(struct byte_source *b, struct error *err);
    void (*close)(struct byte_source *b);
};

#endif
