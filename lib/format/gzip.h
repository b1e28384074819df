/* lib/format/gzip.h - writing gzip (RFC 1952). The same bytes give the same file: no name, no time.
 */
#ifndef DINER_FORMAT_GZIP_H
#define DINER_FORMAT_GZIP_H

#include "core/error.h"
#include "core/strbuf.h"

struct gzip_writer;
struct gzip_writer *gzip_writer_new(void);
/* Appends to out what is ready; `last` ends the member. ERR_LIMIT when out is full. */
int gzip_writer_add(struct gzip_writer *w, const void *bytes, size_t n, bool last,
                    struct strbuf *out, struct error *err);
void gzip_writer_free(struct gzip_writer *w); /* NULL-safe */

#endif
