/* lib/format/jpull_scan.h - the scanner under jpull.h: one cursor, no tree. Private to format. */
#ifndef DINER_FORMAT_JPULL_SCAN_H
#define DINER_FORMAT_JPULL_SCAN_H

#include "format/jpull.h"

struct jscan {
    const char *begin; /* for line and column */
    const char *p;
    const char *end;
};

struct jscan jscan_of(struct span document);
/* "line L, column C: expected WHAT". */
int jscan_error(const struct jscan *s, const char *at, struct error *err, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void jscan_space(struct jscan *s);
/* Skips one well-formed value. Strings are checked for escapes and control characters; their
 * UTF-8 and surrogates only where they are read. */
int jscan_value(struct jscan *s, int depth, struct error *err);
/* A string; text is what stands between its quotes. */
int jscan_string(struct jscan *s, struct span *ret_text, bool *ret_escaped, struct error *err);
/* After the '{' or after a member: the next key up to its value; *ret_end at the '}'. */
int jscan_key(struct jscan *s, bool first, struct span *ret_key, bool *ret_escaped, bool *ret_end,
              struct error *err);
/* After the '[' or after an element: at the next element; *ret_end at the ']'. */
int jscan_element(struct jscan *s, bool first, bool *ret_end, struct error *err);
/* Nothing but space may follow. */
int jscan_finish(struct jscan *s, struct error *err);
/* Appends the text of a string without its escapes; reserve room first to keep earlier spans. */
int jscan_unescape(const struct jscan *s, struct span text, struct strbuf *out, struct error *err);
/* True when the escaped key equals the plain text. */
bool jscan_key_is(struct span key, bool escaped, struct span wanted);

#endif
