/* lib/core/siphash.h - SipHash-2-4 with a result of 128 bits: J.-P. Aumasson, D. J. Bernstein,
 * "SipHash: a fast short-input PRF", 2012, and the authors' reference code for the long result. A
 * keyed hash: who does not know the key cannot look for collisions. */
#ifndef DINER_CORE_SIPHASH_H
#define DINER_CORE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define SIPHASH_BYTES 16

struct siphash_key {
    uint64_t k0, k1;
};
/* 16 bytes, little-endian as in the paper. */
void siphash_key_init(struct siphash_key *key, const void *bytes);
void siphash_128(const struct siphash_key *key, const void *bytes, size_t n, uint8_t ret[16]);

#endif
