/* lib/pipeline/source/places.h - where what stands in a line of fixed width, counted in characters
 * or in bytes of the file's encoding. */
#ifndef DINER_PIPELINE_SOURCE_PLACES_H
#define DINER_PIPELINE_SOURCE_PLACES_H

#include "core/mem.h"
#include "format/encoding.h"

#define PLACES_OPEN   ((size_t)1000000) /* the last place of a range to the end of the line */
#define PLACES_INSIDE SIZE_MAX          /* a place within a character */

struct places_range {
    size_t first, last; /* from 1 */
};
/* Zeroed to begin with. */
struct places {
    struct encoder *encoder; /* to count bytes; NULL: characters, or bytes of UTF-8 */
    bool in_bytes;
    unsigned char *widths; /* by code point below 0x10000; 0: not asked yet */
    struct strbuf encoded;
    size_t *offsets; /* of each place in the line's text, and one for its end */
    size_t capacity, nplaces;
};
/* How they are counted; once it is known, later calls do nothing. */
int places_begin(struct places *p, bool in_bytes, const char *encoding, struct error *err);
void places_release(struct places *p);
/* Those of a line (UTF-8). */
void places_find(struct places *p, struct span line);
/* NULL, or what is wrong. pad: a line may end early. */
const char *places_cut(const struct places *p, struct span line, struct places_range r, bool pad,
                       struct span *ret);

#endif
