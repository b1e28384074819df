/* lib/format/vendor.h - what the C interfaces under this layer need said once. Private to format.
 */
#ifndef DINER_FORMAT_VENDOR_H
#define DINER_FORMAT_VENDOR_H

#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>

/* iconv_open fails with (iconv_t)-1. */
static inline bool iconv_failed(iconv_t cd)
{
    return (intptr_t)cd == -1;
}

/* For libraries that take a plain pointer to what they only read. */
static inline void *unconst(const void *p)
{
    union {
        const void *from;
        void *to;
    } u = {.from = p};
    return u.to;
}

#endif
