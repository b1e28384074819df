/* After J. Keiser and D. Lemire, "Validating UTF-8 In Less Than One Instruction Per Byte" (2021):
 * three look-ups by half a byte say which faults a pair of neighbours could be part of; their
 * conjunction is the fault. */
#include "format/utf8_vector.h"

#ifdef __x86_64__
#include <immintrin.h>
#include <stdbool.h>
#include <string.h>

/* Kinds of faults of two bytes in a row. */
#define TOO_SHORT  (1 << 0) /* a lead, then no tail */
#define TOO_LONG   (1 << 1) /* ASCII, then a tail */
#define OVERLONG_3 (1 << 2)
#define TOO_LARGE  (1 << 3)
#define SURROGATE  (1 << 4)
#define OVERLONG_2 (1 << 5)
#define OVERLONG_4 (1 << 6) /* and TOO_LARGE by a thousand: F5 and above */
#define TWO_TAILS  (-128)
#define CARRY      (TOO_SHORT | TOO_LONG | TWO_TAILS)

#define SSSE3 __attribute__((target("ssse3,popcnt")))
#define WIDTH ((size_t)16)

struct check {
    __m128i fault;
    __m128i previous; /* the 16 bytes before */
};

static SSSE3 inline __m128i look_up(__m128i table, __m128i nibbles)
{
    return _mm_shuffle_epi8(table, nibbles);
}

static SSSE3 inline __m128i high_nibbles(__m128i v)
{
    return _mm_and_si128(_mm_srli_epi16(v, 4), _mm_set1_epi8(0x0F));
}

static SSSE3 inline __m128i pair_faults(__m128i input, __m128i before)
{
    const __m128i by_first_high = _mm_setr_epi8(
        TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TWO_TAILS,
        TWO_TAILS, TWO_TAILS, TWO_TAILS, TOO_SHORT | OVERLONG_2, TOO_SHORT,
        TOO_SHORT | OVERLONG_3 | SURROGATE, TOO_SHORT | TOO_LARGE | OVERLONG_4);
    const __m128i by_first_low =
        _mm_setr_epi8(CARRY | OVERLONG_3 | OVERLONG_2 | OVERLONG_4, CARRY | OVERLONG_2, CARRY,
                      CARRY, CARRY | TOO_LARGE, CARRY | TOO_LARGE | OVERLONG_4,
                      CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4,
                      CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4,
                      CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4,
                      CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4 | SURROGATE,
                      CARRY | TOO_LARGE | OVERLONG_4, CARRY | TOO_LARGE | OVERLONG_4);
    const __m128i by_second_high =
        _mm_setr_epi8(TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
                      TOO_SHORT, TOO_LONG | OVERLONG_2 | TWO_TAILS | OVERLONG_3 | OVERLONG_4,
                      TOO_LONG | OVERLONG_2 | TWO_TAILS | OVERLONG_3 | TOO_LARGE,
                      TOO_LONG | OVERLONG_2 | TWO_TAILS | SURROGATE | TOO_LARGE,
                      TOO_LONG | OVERLONG_2 | TWO_TAILS | SURROGATE | TOO_LARGE, TOO_SHORT,
                      TOO_SHORT, TOO_SHORT, TOO_SHORT);
    __m128i first = look_up(by_first_high, high_nibbles(before));
    __m128i low = look_up(by_first_low, _mm_and_si128(before, _mm_set1_epi8(0x0F)));
    __m128i second = look_up(by_second_high, high_nibbles(input));
    return _mm_and_si128(_mm_and_si128(first, low), second);
}

/* Third and fourth bytes must be second tails, and nothing else may be. */
static SSSE3 inline void check_add(struct check *c, __m128i input)
{
    __m128i before1 = _mm_alignr_epi8(input, c->previous, 15);
    __m128i before2 = _mm_alignr_epi8(input, c->previous, 14);
    __m128i before3 = _mm_alignr_epi8(input, c->previous, 13);
    __m128i third = _mm_subs_epu8(before2, _mm_set1_epi8((char)(0xE0 - 0x80)));
    __m128i fourth = _mm_subs_epu8(before3, _mm_set1_epi8((char)(0xF0 - 0x80)));
    __m128i must = _mm_and_si128(_mm_or_si128(third, fourth), _mm_set1_epi8((char)0x80));
    c->fault = _mm_or_si128(c->fault, _mm_xor_si128(must, pair_faults(input, before1)));
    c->previous = input;
}

static SSSE3 inline unsigned leads(__m128i v)
{
    /* Signed: leads are C0..FF, that is -64..-1. */
    __m128i is_lead = _mm_and_si128(_mm_cmpgt_epi8(v, _mm_set1_epi8(-65)),
                                    _mm_cmplt_epi8(v, _mm_setzero_si128()));
    return (unsigned)__builtin_popcount((unsigned)_mm_movemask_epi8(is_lead));
}

/* Bytes at the end of p[0..n) that begin a character which n does not complete: 0 to 3. */
static size_t cut_tail(const unsigned char *p, size_t n)
{
    for (size_t back = 1; back <= 3 && back <= n; back++) {
        unsigned char c = p[n - back];
        if (c >= 0xC0)
            return (c >= 0xF0 ? 4U : c >= 0xE0 ? 3U : 2U) > back ? back : 0;
        if (c < 0x80)
            return 0;
    }
    return 0;
}

static SSSE3 size_t valid_prefix(const unsigned char *p, size_t n, uint64_t *multibyte)
{
    struct check c = {_mm_setzero_si128(), _mm_setzero_si128()};
    size_t at = 0;
    uint64_t found = 0;
    for (; n - at >= WIDTH; at += WIDTH) {
        __m128i input;
        memcpy(&input, p + at, sizeof input);
        if (_mm_movemask_epi8(_mm_or_si128(input, c.previous)) == 0) {
            c.previous = input;
            continue;
        }
        check_add(&c, input);
        if (_mm_movemask_epi8(_mm_cmpeq_epi8(c.fault, _mm_setzero_si128())) != 0xFFFF)
            break;
        found += leads(input);
    }
    size_t cut = cut_tail(p, at);
    *multibyte += found - (cut > 0 ? 1 : 0);
    return at - cut;
}

size_t utf8_vector_prefix(const unsigned char *p, size_t n, uint64_t *multibyte)
{
    return n >= WIDTH && __builtin_cpu_supports("ssse3") && __builtin_cpu_supports("popcnt")
               ? valid_prefix(p, n, multibyte)
               : 0;
}
#else
size_t utf8_vector_prefix(const unsigned char *p, size_t n, uint64_t *multibyte)
{
    (void)p;
    (void)n;
    (void)multibyte;
    return 0;
}
#endif
