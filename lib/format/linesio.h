/* lib/format/linesio.h - decoded physical lines of a text file: under csvio and JSON Lines. */
#ifndef DINER_FORMAT_LINESIO_H
#define DINER_FORMAT_LINESIO_H

#include "core/mem.h"
#include "format/encoding.h"

#define LINESIO_PADDING ((size_t)64)

struct linesio_line {
    struct span text;     /* decoded, with its line end ("\n" or "\r\n"), which the last may lack;
                             LINESIO_PADDING bytes behind it may be read, whatever they are */
    uint64_t number;      /* from 1 */
    uint64_t byte_offset; /* in the decoded text */
    const struct decode_fault *fault; /* first undecodable place in it, or NULL */
};
struct linesio;
/* encoding as in csvio_options; takes fd over. A line longer than line_max_bytes is ERR_LIMIT
 * naming file and line, before more than that was read. */
int linesio_open(int fd, const char *name, const char *encoding, size_t line_max_bytes,
                 struct linesio **ret, struct error *err);
/* As linesio_open, but lines of a large file are handed out while it is still scanned, in the
 * encoding that its beginning suggests. When it turns out to be another, the call that learns it
 * fails, and linesio_is_misjudged says that all of it is to be read again by linesio_open. */
int linesio_open_beside(int fd, const char *name, const char *encoding, size_t line_max_bytes,
                        struct linesio **ret, struct error *err);
bool linesio_is_misjudged(const struct linesio *l);
bool linesio_is_scanned(const struct linesio *l); /* nothing is under way */
/* Waits for the scan, after which the encoding is certain and the hash known; at the end it is so
 * by itself. */
int linesio_settle(struct linesio *l, struct error *err);
int linesio_open_path(const char *path, const char *encoding, size_t line_max_bytes,
                      struct linesio **ret, struct error *err); /* "-" is standard input */
/* Takes the source over. One that can be rewound is scanned as a whole first, as files are. */
int linesio_open_source(struct byte_source *source, const char *name, const char *encoding,
                        size_t line_max_bytes, struct linesio **ret, struct error *err);
/* Borrowed until the next call. */
int linesio_next(struct linesio *l, struct linesio_line *ret, bool *ret_end, struct error *err);
/* Instead of lines: whatever text comes next, cut anywhere between two characters. What is not of
 * the encoding is ERR_DATA. */
int linesio_next_text(struct linesio *l, struct span *ret, bool *ret_end, struct error *err);
void linesio_close(struct linesio *l);
const struct encoding *linesio_encoding(const struct linesio *l);
/* "" while a scan is under way, and of streams. */
const char *linesio_sha256(const struct linesio *l);
const char *linesio_name(const struct linesio *l);
uint64_t linesio_bytes_read(const struct linesio *l, uint64_t *ret_total);

#endif
