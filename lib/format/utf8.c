#include "format/encoding.h"
#include "format/utf8_vector.h"
#include <string.h>

#define HIGH_BITS 0x8080808080808080ULL

static size_t ascii_run(const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if (word & HIGH_BITS)
            break;
    }
    while (i < n && p[i] < 0x80)
        i++;
    return i;
}

static bool is_tail(unsigned char c)
{
    return (c & 0xC0) == 0x80;
}

/* Bounds of the second byte by lead byte: what excludes overlong forms, surrogates and what lies
 * beyond U+10FFFF (Unicode 15, table 3-7). */
static bool second_fits(unsigned char lead, unsigned char second)
{
    switch (lead) {
    case 0xE0: return second >= 0xA0 && second <= 0xBF;
    case 0xED: return second >= 0x80 && second <= 0x9F;
    case 0xF0: return second >= 0x90 && second <= 0xBF;
    case 0xF4: return second >= 0x80 && second <= 0x8F;
    default: return is_tail(second);
    }
}

static size_t length_by_lead(unsigned char lead)
{
    if (lead < 0x80)
        return 1;
    if (lead >= 0xC2 && lead <= 0xDF)
        return 2;
    if (lead >= 0xE0 && lead <= 0xEF)
        return 3;
    if (lead >= 0xF0 && lead <= 0xF4)
        return 4;
    return 0;
}

/* Length of the character beyond ASCII at p, 0 when there is no valid one. */
static size_t sequence_length(const unsigned char *p, size_t n)
{
    size_t need = length_by_lead(p[0]);
    if (need < 2 || need > n || !second_fits(p[0], p[1]))
        return 0;
    for (size_t i = 2; i < need; i++)
        if (!is_tail(p[i]))
            return 0;
    return need;
}

size_t utf8_valid_prefix(const char *s, size_t n, uint64_t *multibyte)
{
    const unsigned char *p = (const unsigned char *)s;
    size_t i = utf8_vector_prefix(p, n, multibyte);
    uint64_t count = 0;
    while (i < n) {
        if (p[i] < 0x80) {
            i += ascii_run(p + i, n - i);
            continue;
        }
        /* Most Chinese characters: E4..E9 and two tails. */
        if (n - i >= 3 && p[i] >= 0xE1 && p[i] <= 0xEC && is_tail(p[i + 1]) && is_tail(p[i + 2])) {
            i += 3;
            count++;
            continue;
        }
        size_t length = sequence_length(p + i, n - i);
        if (length == 0)
            break;
        i += length;
        count++;
    }
    *multibyte += count;
    return i;
}

bool utf8_is_valid(const char *s, size_t n)
{
    uint64_t ignored = 0;
    return utf8_valid_prefix(s, n, &ignored) == n;
}

bool utf8_is_incomplete(const char *s, size_t n)
{
    const unsigned char *p = (const unsigned char *)s;
    if (n == 0 || n >= length_by_lead(p[0]))
        return false;
    if (n > 1 && !second_fits(p[0], p[1]))
        return false;
    return n < 3 || is_tail(p[2]);
}

size_t utf8_cut(const char *s, size_t n, size_t max_bytes)
{
    if (n <= max_bytes)
        return n;
    size_t cut = max_bytes;
    while (cut > 0 && max_bytes - cut < 4 && is_tail((unsigned char)s[cut]))
        cut--;
    return cut;
}

size_t utf8_bytes(const char *s, size_t n)
{
    unsigned char lead = (unsigned char)s[0];
    size_t bytes = lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    return bytes < n ? bytes : n;
}

unsigned utf8_code_point(const char *s, size_t n)
{
    static const unsigned char first_bits[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    unsigned value = (unsigned char)s[0] & first_bits[n];
    for (size_t i = 1; i < n; i++)
        value = value << 6 | ((unsigned char)s[i] & 0x3F);
    return value;
}
