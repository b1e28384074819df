/* lib/format/archive.h - gzip, zstd and zip: what a compressed file unpacks to, as bytes that are
 * pulled. Known by its first bytes, never by its name. Memory does not grow with the file. What is
 * cut off, damaged (checksums are verified), encrypted or unpacks to absurdly much is an error.
 *
 * gzip: RFC 1952, all members; zstd: RFC 8878, all frames; zip: APPNOTE, by libzip. */
#ifndef DINER_FORMAT_ARCHIVE_H
#define DINER_FORMAT_ARCHIVE_H

#include "core/mem.h"
#include "format/byte_source.h"
#include <stdbool.h>

enum archive_kind { ARCHIVE_NONE, ARCHIVE_GZIP, ARCHIVE_ZSTD, ARCHIVE_ZIP };
#define ARCHIVE_MAGIC_BYTES ((size_t)4)
enum archive_kind archive_kind_of(const char *bytes, size_t n);

/* More than this, and more than ARCHIVE_RATIO_MAX times the packed bytes, is refused: ERR_LIMIT. */
#define ARCHIVE_PLAIN_MIN_BYTES ((uint64_t)1 << 30)
#define ARCHIVE_RATIO_MAX       200

/* The bytes of fd, preceded by `head` (what was read of it already to know its kind), as they are
 * or unpacked. Takes fd over. Can be rewound when fd is a regular file; then head is empty. */
int archive_open(int fd, const char *name, enum archive_kind kind, struct span head,
                 struct byte_source **ret, struct error *err);

/* ---- zip --------------------------------------------------------------------------------- */

struct archive_member {
    const char *name; /* UTF-8; a name that is none was taken for GB18030 */
    uint64_t index;
    uint64_t size_bytes;
    bool is_data; /* no directory, nothing of a file system's own (__MACOSX, .DS_Store) */
    bool is_encrypted;
};
struct archive_zip;
/* Takes fd over, which must be seekable (archive_spool). */
int archive_zip_open(int fd, const char *name, struct archive_zip **ret, struct error *err);
void archive_zip_close(struct archive_zip *z);
const struct archive_member *archive_zip_members(const struct archive_zip *z, size_t *ret_count);
/* One member; z outlives it. `name` is for messages. */
int archive_zip_read(struct archive_zip *z, const struct archive_member *m, const char *name,
                     struct byte_source **ret, struct error *err);
/* head and the rest of fd in a nameless temporary file: a zip has its directory at its end. Takes
 * fd over. */
int archive_spool(int fd, const char *name, struct span head, int *ret_fd, struct error *err);

#endif
