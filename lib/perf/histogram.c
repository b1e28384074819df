/* lib/perf/histogram.c - see histogram.h. */
#include "perf/histogram.h"

#include "core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define LINEAR_BITS 11 /* 2048 steps: the lower half of each octave above is the one before */
#define HALF        (1 << (LINEAR_BITS - 1))
#define VALUE_BITS  37
#define SHIFTS      (VALUE_BITS - LINEAR_BITS)
#define STEPS       (SHIFTS * HALF + (1 << LINEAR_BITS))

struct histogram {
    uint64_t count;
    unsigned __int128 sum;
    int64_t max;
    uint64_t steps[STEPS];
};

struct histogram *histogram_new(void)
{
    return mem_alloc(sizeof(struct histogram));
}

void histogram_free(struct histogram *h)
{
    free(h);
}

void histogram_clear(struct histogram *h)
{
    memset(h, 0, sizeof *h);
}

/* How far a value is shifted until it fits into the linear range. */
static int shift_of(int64_t value)
{
    int bits = 64 - __builtin_clzll((unsigned long long)value | 1);
    return bits > LINEAR_BITS ? bits - LINEAR_BITS : 0;
}

static size_t step_of(int64_t value)
{
    int shift = shift_of(value);
    return (size_t)shift * HALF + (size_t)(value >> shift);
}

static int64_t step_highest(size_t step)
{
    if (step < (1 << LINEAR_BITS))
        return (int64_t)step;
    size_t shift = step / HALF - 1;
    int64_t base = (int64_t)(step - shift * HALF);
    return ((base + 1) << shift) - 1;
}

void histogram_record(struct histogram *h, int64_t value_us)
{
    histogram_record_n(h, value_us, 1);
}

void histogram_record_n(struct histogram *h, int64_t value_us, uint64_t times)
{
    if (times == 0)
        return;
    if (value_us < 0)
        value_us = 0;
    if (value_us > HISTOGRAM_MAX_US)
        value_us = HISTOGRAM_MAX_US;
    if (value_us > h->max)
        h->max = value_us;
    h->count += times;
    h->sum += (unsigned __int128)(uint64_t)value_us * times;
    h->steps[step_of(value_us)] += times;
}

void histogram_merge(struct histogram *into, const struct histogram *from)
{
    if (from->count == 0)
        return;
    if (from->max > into->max)
        into->max = from->max;
    into->count += from->count;
    into->sum += from->sum;
    for (size_t i = 0; i < STEPS; i++)
        into->steps[i] += from->steps[i];
}

uint64_t histogram_count(const struct histogram *h)
{
    return h->count;
}

int64_t histogram_max(const struct histogram *h)
{
    return h->max;
}

double histogram_mean(const struct histogram *h)
{
    return h->count == 0 ? 0 : (double)h->sum / (double)h->count;
}

int64_t histogram_percentile(const struct histogram *h, double p)
{
    if (h->count == 0)
        return 0;
    /* A shade below, so that 95 % of 100 is rank 95 and not 96 by the rounding of doubles. */
    double exact = p / 100.0 * (double)h->count;
    double rank = ceil(exact - exact * 1e-12);
    uint64_t wanted = rank < 1 ? 1 : (uint64_t)rank;
    uint64_t seen = 0;
    for (size_t i = 0; i < STEPS; i++) {
        seen += h->steps[i];
        if (seen >= wanted) {
            int64_t value = step_highest(i);
            return value > h->max ? h->max : value;
        }
    }
    return h->max;
}

void histogram_each(const struct histogram *h,
                    void (*step)(void *self, int64_t value_us, uint64_t count), void *self)
{
    for (size_t i = 0; i < STEPS; i++)
        if (h->steps[i] != 0)
            step(self, step_highest(i), h->steps[i]);
}
