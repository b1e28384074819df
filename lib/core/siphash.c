#include "core/siphash.h"

#include <endian.h>
#include <string.h>

struct sip {
    uint64_t v0, v1, v2, v3;
};

static inline uint64_t rotate(uint64_t x, int bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static inline void sip_round(struct sip *s)
{
    s->v0 += s->v1;
    s->v1 = rotate(s->v1, 13) ^ s->v0;
    s->v0 = rotate(s->v0, 32);
    s->v2 += s->v3;
    s->v3 = rotate(s->v3, 16) ^ s->v2;
    s->v0 += s->v3;
    s->v3 = rotate(s->v3, 21) ^ s->v0;
    s->v2 += s->v1;
    s->v1 = rotate(s->v1, 17) ^ s->v2;
    s->v2 = rotate(s->v2, 32);
}

static inline void sip_add(struct sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

static inline uint64_t sip_end(struct sip *s)
{
    for (int i = 0; i < 4; i++)
        sip_round(s);
    return htole64(s->v0 ^ s->v1 ^ s->v2 ^ s->v3);
}

static inline uint64_t word_at(const unsigned char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
    return le64toh(word);
}

void siphash_key_init(struct siphash_key *key, const void *bytes)
{
    const unsigned char *p = bytes;
    key->k0 = word_at(p);
    key->k1 = word_at(p + 8);
}

void siphash_128(const struct siphash_key *key, const void *bytes, size_t n, uint8_t ret[16])
{
    const unsigned char *p = bytes;
    struct sip s = {key->k0 ^ UINT64_C(0x736f6d6570736575),
                    key->k1 ^ UINT64_C(0x646f72616e646f6d) ^ 0xee,
                    key->k0 ^ UINT64_C(0x6c7967656e657261), key->k1 ^ UINT64_C(0x7465646279746573)};
    uint64_t last = (uint64_t)n << 56;
    for (size_t i = 0; i < n / 8; i++)
        sip_add(&s, word_at(p + 8 * i));
    for (size_t i = 0; i < n % 8; i++)
        last |= (uint64_t)p[n / 8 * 8 + i] << (8 * i);
    sip_add(&s, last);
    s.v2 ^= 0xee;
    uint64_t half = sip_end(&s);
    memcpy(ret, &half, sizeof half);
    s.v1 ^= 0xdd;
    half = sip_end(&s);
    memcpy(ret + 8, &half, sizeof half);
}
