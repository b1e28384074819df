/* lib/format/gb18030.h - the two-byte part of GB18030 (that is GBK) by table, which glibc's own
 * converter fills: the same characters, several times as fast. Inside lib/format only. */
#ifndef DINER_FORMAT_GB18030_H
#define DINER_FORMAT_GB18030_H

#include <stdbool.h>
#include <stddef.h>

/* Makes the table when it is not there yet (a millisecond); false when iconv cannot. */
bool gb18030_prepare(void);

/* Converts ASCII and two-byte characters up to the first place that is neither: a character of four
 * bytes, one that is not assigned or cut off. Returns how many bytes of in were used. `out` has
 * room for 2 bytes for each of in (a two-byte character makes up to 4) and GB18030_SLACK more. */
#define GB18030_SLACK ((size_t)16)
size_t gb18030_decode(const char *in, size_t n, char *out, size_t *ret_made);

#endif
