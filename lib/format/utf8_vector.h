/* lib/format/utf8_vector.h - UTF-8 checked 16 bytes at a time; inside lib/format only. */
#ifndef DINER_FORMAT_UTF8_VECTOR_H
#define DINER_FORMAT_UTF8_VECTOR_H

#include <stddef.h>
#include <stdint.h>

/* How many of the bytes, a whole number of characters, were found valid; their characters beyond
 * ASCII are added to *multibyte. What follows is to be looked at one by one: it is invalid, or too
 * short, or the processor cannot. */
size_t utf8_vector_prefix(const unsigned char *p, size_t n, uint64_t *multibyte);

#endif
