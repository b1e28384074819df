/* lib/format/csvio.h - delimited text, fast where it is plain, on libcsv where it is not, with the
 * traps of libcsv closed.
 *
 * Reading: bytes -> decoded UTF-8 -> physical lines. A line that is a record of plain RFC 4180 is
 * cut in one vectorised pass (csvscan.h); any other goes to libcsv, fed a line at a time so that
 * each record knows its lines and raw text and a fault costs one record, never the file. Nothing is
 * trimmed; a BOM is dropped; an unterminated or stray quote makes a faulty record and reading goes
 * on at the line after the one where that record began; NUL bytes are a fault of their record. */
#ifndef DINER_FORMAT_CSVIO_H
#define DINER_FORMAT_CSVIO_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "format/encoding.h"
#include <stdbool.h>
#include <stdint.h>

#define CSVIO_RECORD_MAX_BYTES ((size_t)4 << 20)
#define CSVIO_FIELDS_MAX       4096

struct csvio_options {
    char delimiter;          /* ',' when 0 */
    int quote;               /* '"' when 0; -1: no quoting, quotes are text */
    const char *encoding;    /* NULL or "auto", "UTF-8", "GB18030", an iconv name */
    size_t record_max_bytes; /* CSVIO_RECORD_MAX_BYTES when 0; longer: one ERR_LIMIT error */
    bool is_scanned_beside;  /* csvio_open_fd: as linesio_open_beside */
    bool is_reference;       /* never the fast pass: what tests compare it with */
};

/* One record. Everything is borrowed until the next call. */
struct csvio_record {
    const struct span *fields; /* decoded, unquoted; NULL ptr never */
    size_t nfields;
    uint64_t line;         /* physical line of its first byte, from 1 */
    struct span raw;       /* decoded text of its lines, without the last line end */
    bool is_bare;          /* raw is the fields and the delimiters between them, in which no quote
                              (of csvio_options), NUL or line end stands; false says nothing */
    const char *fault;     /* NULL, or what is wrong; fields are then what could be read */
    uint64_t fault_line;   /* where */
    uint64_t fault_column; /* byte within the line, from 1; for decoding: offset within the file */
};

struct csvio_reader;
/* path "-" is standard input. ERR_NOT_FOUND, ERR_IO (a directory too), ERR_DATA (undecodable). */
int csvio_open(const char *path, const struct csvio_options *options, struct csvio_reader **ret,
               struct error *err);
/* Takes the descriptor over. name is used in messages. */
int csvio_open_fd(int fd, const char *name, const struct csvio_options *options,
                  struct csvio_reader **ret, struct error *err);
/* Takes the source over, as linesio_open_source does. */
int csvio_open_source(struct byte_source *source, const char *name,
                      const struct csvio_options *options, struct csvio_reader **ret,
                      struct error *err);
/* *ret_end is set at the end; blank lines are skipped silently (a record of one empty field in a
 * one-column file is not: a line of `""`). */
int csvio_next(struct csvio_reader *r, struct csvio_record *ret, bool *ret_end, struct error *err);
void csvio_close(struct csvio_reader *r);
const struct encoding *csvio_encoding(const struct csvio_reader *r);
/* "" for streams that cannot be scanned, and until a scan beside the reading is settled. */
const char *csvio_sha256(const struct csvio_reader *r);
int csvio_settle(struct csvio_reader *r, struct error *err);
bool csvio_is_misjudged(const struct csvio_reader *r);
bool csvio_is_scanned(const struct csvio_reader *r);
uint64_t csvio_bytes_read(const struct csvio_reader *r, uint64_t *ret_total); /* total 0: unknown */

/* Writing. Fields are appended to a buffer of UTF-8; the caller encodes and writes it, emptying it
 * between records only: a record that added nothing (one null) is written as "" by its end. */
struct csvio_style {
    char delimiter; /* ',' when 0 */
    bool quote_all;
    bool crlf;
    bool formula_guard;    /* text beginning = + - @ TAB CR gets a leading ' (numbers do not) */
    const char *null_text; /* "" when NULL */
};
/* text.ptr NULL is null. is_number: exempt from the formula guard. */
bool csvio_write_field(struct strbuf *out, const struct csvio_style *style, struct span text,
                       bool is_number, bool first);
/* Whether a field without quote, delimiter and line end in it is written as it stands. */
static inline bool csvio_is_bare(const struct csvio_style *style, struct span text, bool is_number)
{
    if (text.len == 0)
        return true;
    const char first = text.ptr[0];
    const bool is_formula = first == '=' || first == '+' || first == '-' || first == '@' ||
                            first == '\t'; /* CR is a line end */
    return first != ' ' && text.ptr[text.len - 1] != ' ' &&
           (!style->formula_guard || is_number || !is_formula);
}
bool csvio_write_end(struct strbuf *out, const struct csvio_style *style);

#endif
