/* lib/format/encoding.h - which encoding a text is in, and turning it into UTF-8.
 *
 * Detection order: BOM, strict UTF-8, then GB18030 (glibc iconv). Text is decoded before it is
 * split: GBK trail bytes range over 0x40..0xFE and so include backslash, pipe and backtick. */
#ifndef DINER_FORMAT_ENCODING_H
#define DINER_FORMAT_ENCODING_H

#include "core/error.h"
#include "core/strbuf.h"
#include "format/byte_source.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct encoding {
    char name[32];    /* "UTF-8", "GB18030", "UTF-16LE", "UTF-16BE" or an iconv name */
    size_t bom_bytes; /* to skip at the start */
    bool verified;    /* the whole input was seen to be valid in it */
};

/* Resolves a declared name ("auto" excluded) for reading: GBK, GB2312 and CP936 mean GB18030, which
 * contains them. ERR_SPEC for a name iconv does not know. */
int encoding_named(const char *name, struct encoding *ret, struct error *err);
/* Settles a declared encoding against the first bytes of the input: a byte order mark is counted
 * into bom_bytes; ERR_DATA when it contradicts, or when UTF-16 has none. */
int encoding_settle(const char *declared, const char *bytes, size_t n, struct encoding *ret,
                    struct error *err);

/* What a whole-file scan tells. */
struct encoding_scan {
    struct encoding encoding;
    uint64_t size_bytes;
    char sha256[65];
};
/* Scans a seekable file from its start and rewinds it: detects when declared is NULL or "auto",
 * hashes always. ERR_DATA: binary ("not text"), neither UTF-8 nor GB18030, or a byte order mark
 * that contradicts what was declared. A text with a few bad bytes keeps its encoding (not
 * verified): its reader then reports each place. */
int encoding_scan_file(int fd, const char *declared, struct encoding_scan *ret, struct error *err);
/* The same for a source that can be rewound. */
int encoding_scan_source(struct byte_source *source, const char *declared,
                         struct encoding_scan *ret, struct error *err);
/* The same beside the caller, who reads the file meanwhile, by a thread of its own. fd must stay
 * open until _end or _stop; its offset is left alone. */
struct encoding_scanner;
struct encoding_scanner *encoding_scan_start(int fd, const char *declared);
bool encoding_scan_is_done(const struct encoding_scanner *s);
/* Waits for what encoding_scan_file returns; frees. */
int encoding_scan_end(struct encoding_scanner *s, struct encoding_scan *ret, struct error *err);
void encoding_scan_stop(struct encoding_scanner *s); /* waits for it to give up; frees; NULL-safe */
/* For streams that cannot be scanned: decides from the first bytes (up to 1 MiB); the last
 * character may be cut. */
int encoding_detect(const char *bytes, size_t n, struct encoding *ret, struct error *err);

/* A streaming decoder. Bytes that cannot be decoded become U+FFFD in the output and are reported
 * with their place, so that the reader can reject the record they stand in and go on. */
struct decoder;
struct decode_fault {
    uint64_t input_offset;  /* of the first bad byte, from the start of the file */
    uint64_t output_offset; /* of the U+FFFD, from the start of the decoded text */
    char hex[16];           /* up to 4 bytes, "D6 FF" */
};
int decoder_new(const struct encoding *enc, struct decoder **ret, struct error *err);
void decoder_free(struct decoder *d);
/* Whether all that was fed is decoded: no character is open. */
bool decoder_is_idle(const struct decoder *d);
/* Where the first byte fed stands, for input of which a part needed no decoding. */
void decoder_set_origin(struct decoder *d, uint64_t input_offset, uint64_t output_offset);
/* Decodes all of in, keeping an incomplete last character for the next call; `last` flushes it as
 * a fault. Output is appended to out. Overlong, surrogate and out-of-range UTF-8 are faults. */
int decoder_feed(struct decoder *d, const char *in, size_t n, bool last, struct strbuf *out,
                 struct error *err);
/* Faults since the last call to decoder_clear_faults, in order; at most 65,536 are kept, then
 * decoder_feed fails with ERR_DATA ("not %s text"). */
const struct decode_fault *decoder_faults(const struct decoder *d, size_t *ret_count);
void decoder_clear_faults(struct decoder *d, size_t first_n);

/* Encoding for output files. ERR_DATA names the first character that the encoding lacks. */
struct encoder;
int encoder_new(const char *name, struct encoder **ret, struct error *err);
int encoder_convert(struct encoder *e, const char *utf8, size_t n, struct strbuf *out,
                    struct error *err);
void encoder_free(struct encoder *e);

bool utf8_is_valid(const char *s, size_t n); /* strict; fast on ASCII */
/* Length of the longest valid prefix; adds the characters beyond ASCII in it to *multibyte. */
size_t utf8_valid_prefix(const char *s, size_t n, uint64_t *multibyte);
/* True when s is the beginning of a character that n bytes (1 to 3) do not complete. */
bool utf8_is_incomplete(const char *s, size_t n);
size_t utf8_cut(const char *s, size_t n,
                size_t max_bytes); /* longest prefix ending at a code point */
/* Bytes that the character at s takes by its first one, at most n. */
size_t utf8_bytes(const char *s, size_t n);
/* The character of valid UTF-8 that these n bytes (1 to 4) are. */
unsigned utf8_code_point(const char *s, size_t n);

#endif
