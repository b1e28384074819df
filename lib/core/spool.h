/* lib/core/spool.h - many append-only streams of bytes in one temporary file: what does not fit
 * into memory waits there and is read again, stream by stream. The file lies in TMPDIR (or /tmp),
 * is 0600 and has no name, so that nothing of it outlives the process. One thread. */
#ifndef DINER_CORE_SPOOL_H
#define DINER_CORE_SPOOL_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct spool;
/* Each stream keeps a buffer of chunk_bytes from its first byte on. */
int spool_open(size_t streams, size_t chunk_bytes, struct spool **ret, struct error *err);
void spool_close(struct spool *s); /* NULL-safe */
int spool_add(struct spool *s, size_t stream, const void *bytes, size_t n, struct error *err);
uint64_t spool_size(const struct spool *s, size_t stream); /* bytes */

/* Reads a stream from its beginning; it is not added to any more. */
struct spool_reader {
    struct spool *spool;
    size_t stream, chunk, at, len; /* within `data` */
    char *data;
};
void spool_reader_init(struct spool_reader *r, struct spool *s, size_t stream);
void spool_reader_release(struct spool_reader *r);
/* The next n bytes; *ret_end when there are none (a part of n is ERR_BUG). */
int spool_read(struct spool_reader *r, void *bytes, size_t n, bool *ret_end, struct error *err);

#endif
