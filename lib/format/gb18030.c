#include "format/gb18030.h"
#include "format/vendor.h"

#include <stdint.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LEAD_FIRST  0x81
#define LEAD_COUNT  126 /* 81..FE */
#define TRAIL_FIRST 0x40
#define TRAIL_COUNT 191 /* 40..FE */

/* UTF-8 of each pair, first byte lowest; 0: not a character of two bytes. */
static uint32_t table[LEAD_COUNT][TRAIL_COUNT];
static bool is_prepared;

static uint32_t convert_pair(iconv_t cd, unsigned lead, unsigned trail)
{
    char in[2] = {(char)lead, (char)trail}, out[8];
    char *from = in, *to = out;
    size_t from_left = sizeof in, to_left = sizeof out;
    uint32_t utf8 = 0;
    size_t code = iconv(cd, &from, &from_left, &to, &to_left);
    if (code == 0 && from_left == 0 && to_left >= sizeof out - sizeof utf8)
        memcpy(&utf8, out, sizeof out - to_left);
    else
        (void)iconv(cd, NULL, NULL, NULL, NULL);
    return utf8;
}

bool gb18030_prepare(void)
{
    if (is_prepared)
        return true;
    iconv_t cd = iconv_open("UTF-8", "GB18030");
    if (iconv_failed(cd))
        return false;
    for (unsigned lead = 0; lead < LEAD_COUNT; lead++)
        for (unsigned trail = 0; trail < TRAIL_COUNT; trail++)
            table[lead][trail] = convert_pair(cd, LEAD_FIRST + lead, TRAIL_FIRST + trail);
    (void)iconv_close(cd);
    is_prepared = true;
    return true;
}

/* Length of a UTF-8 character by its first byte, which is no ASCII. */
static inline size_t utf8_length(uint32_t utf8)
{
    unsigned char first = (unsigned char)utf8;
    return first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
}

/* Copies ASCII; out may get up to 16 bytes more, to be overwritten. */
static inline size_t copy_ascii(const char *in, size_t n, char *out)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; n - i >= 16; i += 16) {
        __m128i v;
        memcpy(&v, in + i, sizeof v);
        memcpy(out + i, &v, sizeof v);
        unsigned high = (unsigned)_mm_movemask_epi8(v);
        if (high != 0)
            return i + (size_t)__builtin_ctz(high);
    }
#endif
    for (; i < n && (unsigned char)in[i] < 0x80; i++)
        out[i] = in[i];
    return i;
}

size_t gb18030_decode(const char *in, size_t n, char *out, size_t *ret_made)
{
    size_t i = 0;
    char *to = out;
    while (i < n) {
        size_t plain = copy_ascii(in + i, n - i, to);
        i += plain;
        to += plain;
        for (; n - i >= 2 && (unsigned char)in[i] >= LEAD_FIRST; i += 2) {
            unsigned lead = (unsigned char)in[i] - (unsigned)LEAD_FIRST;
            unsigned trail = (unsigned char)in[i + 1] - (unsigned)TRAIL_FIRST;
            uint32_t utf8 = lead < LEAD_COUNT && trail < TRAIL_COUNT ? table[lead][trail] : 0;
            if (utf8 == 0)
                break;
            memcpy(to, &utf8, sizeof utf8);
            to += utf8_length(utf8);
        }
        if (i < n && (unsigned char)in[i] >= 0x80)
            break;
    }
    *ret_made = (size_t)(to - out);
    return i;
}
