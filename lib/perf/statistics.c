/* lib/perf/statistics.c - see statistics.h. */
#include "perf/statistics.h"

#include "core/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define EXACT_MAX 40

static int compare_doubles(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static double *sorted_copy(const double *values, size_t n)
{
    double *copy = mem_array(n, sizeof *copy);
    memcpy(copy, values, n * sizeof *copy);
    qsort(copy, n, sizeof *copy, compare_doubles);
    return copy;
}

static double median_of_sorted(const double *sorted, size_t n)
{
    return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double statistics_median(const double *values, size_t n)
{
    AUTOFREE double *sorted = sorted_copy(values, n);
    return median_of_sorted(sorted, n);
}

/* How many of all arrangements of na and nb distinct values give each U: the coefficients of the
 * Gaussian binomial, built factor by factor. Returns na * nb + 1 counts whose sum is in ret_total.
 * Up to 40 values the counts (at most 1.4e11) are exact in a double. */
static double *u_counts(size_t na, size_t nb, double *ret_total)
{
    size_t top = na * nb;
    double *counts = mem_array(top + 1, sizeof *counts);
    counts[0] = 1;
    for (size_t i = 1; i <= na; i++) {
        for (size_t u = top; u >= nb + i; u--) /* times (1 - x^(nb+i)) */
            counts[u] -= counts[u - (nb + i)];
        for (size_t u = i; u <= top; u++) /* divided by (1 - x^i) */
            counts[u] += counts[u - i];
    }
    double total = 0;
    for (size_t u = 0; u <= top; u++)
        total += counts[u];
    *ret_total = total;
    return counts;
}

static double exact_p(size_t na, size_t nb, double u)
{
    double total, tail = 0;
    AUTOFREE double *counts = u_counts(na, nb, &total);
    double low = fmin(u, (double)(na * nb) - u);
    for (size_t i = 0; (double)i <= low; i++)
        tail += counts[i];
    return fmin(1.0, 2 * tail / total);
}

/* Sum of t^3 - t over groups of equal values of the pooled samples. */
static double tie_term(const double *a, size_t na, const double *b, size_t nb)
{
    AUTOFREE double *all = mem_array(na + nb, sizeof *all);
    memcpy(all, a, na * sizeof *all);
    memcpy(all + na, b, nb * sizeof *all);
    qsort(all, na + nb, sizeof *all, compare_doubles);
    double term = 0;
    for (size_t i = 0, j; i < na + nb; i = j) {
        for (j = i + 1; j < na + nb && all[j] <= all[i];)
            j++;
        double t = (double)(j - i);
        term += t * t * t - t;
    }
    return term;
}

static double normal_p(size_t na, size_t nb, double u, double ties)
{
    double n = (double)(na + nb), product = (double)na * (double)nb;
    double variance = product / 12 * ((n + 1) - ties / (n * (n - 1)));
    if (variance <= 0)
        return 1; /* all values equal */
    double distance = fmax(0, fabs(u - product / 2) - 0.5);
    return fmin(1.0, erfc(distance / sqrt(variance) / sqrt(2)));
}

void statistics_mann_whitney(const double *a, size_t na, const double *b, size_t nb,
                             struct mann_whitney *ret)
{
    double u = 0;
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++)
            u += b[j] > a[i] ? 1 : b[j] < a[i] ? 0 : 0.5;
    double ties = tie_term(a, na, b, nb);
    ret->u = u;
    ret->exact = ties <= 0 && na + nb <= EXACT_MAX;
    ret->p = ret->exact ? exact_p(na, nb, u) : normal_p(na, nb, u, ties);
}

/* How many of the sorted differences lie outside the interval at each end. */
static bool interval_rank(size_t na, size_t nb, size_t *ret_rank)
{
    const double alpha = 0.025;
    if (na + nb <= EXACT_MAX) {
        double total, tail = 0;
        AUTOFREE double *counts = u_counts(na, nb, &total);
        size_t rank = 0;
        while (rank <= na * nb / 2 && tail + counts[rank] <= alpha * total)
            tail += counts[rank++];
        *ret_rank = rank;
        return rank > 0;
    }
    double product = (double)na * (double)nb;
    double half = 1.959963984540054 * sqrt(product * (double)(na + nb + 1) / 12);
    double rank = floor(product / 2 - half);
    *ret_rank = rank < 1 ? 0 : (size_t)rank;
    return rank >= 1;
}

void statistics_shift(const double *a, size_t na, const double *b, size_t nb, struct shift *ret)
{
    size_t n = na * nb, rank = 0;
    AUTOFREE double *differences = mem_array(n, sizeof *differences);
    for (size_t i = 0; i < na; i++)
        for (size_t j = 0; j < nb; j++)
            differences[i * nb + j] = b[j] - a[i];
    qsort(differences, n, sizeof *differences, compare_doubles);
    *ret = (struct shift){.estimate = median_of_sorted(differences, n)};
    ret->has_interval = interval_rank(na, nb, &rank);
    if (!ret->has_interval)
        return;
    /* The interval runs from the rank-th smallest to the rank-th largest difference. */
    ret->low = differences[rank - 1];
    ret->high = differences[n - rank];
}

bool statistics_median_interval(const double *values, size_t n, double *ret_low, double *ret_high)
{
    double tail = 0, term = pow(0.5, (double)n); /* P(X <= k), X binomial(n, 1/2) */
    size_t rank = 0;
    if (n < 6 || n > STATISTICS_MAX)
        return false;
    while (rank < n / 2 && tail + term <= 0.025) {
        tail += term;
        term *= (double)(n - rank) / (double)(rank + 1);
        rank++;
    }
    AUTOFREE double *sorted = sorted_copy(values, n);
    *ret_low = sorted[rank - 1];
    *ret_high = sorted[n - rank];
    return true;
}

size_t statistics_needs(double superiority, double alpha, size_t tests)
{
    const double z_alpha = 1.959963984540054, z_power = 0.8416212335729143;
    double wanted = alpha / (double)(tests > 0 ? tests : 1), smallest = 1;
    size_t n = 0;
    while (n < STATISTICS_MAX && smallest >= wanted) { /* 2 / C(2n, n), growing with n */
        n++;
        smallest = n == 1 ? 1 : smallest * (double)n / (double)(2 * (2 * n - 1));
    }
    double distance = fabs(superiority - 0.5);
    double needed =
        distance < 0.01
            ? STATISTICS_MAX
            : ceil((z_alpha + z_power) * (z_alpha + z_power) / (6 * distance * distance));
    return needed > (double)n ? (size_t)fmin(needed, STATISTICS_MAX) : n;
}

double statistics_noise(const double *values, size_t n)
{
    if (n < STATISTICS_MIN)
        return 0;
    AUTOFREE double *half = mem_array(n, sizeof *half);
    double medians[2];
    for (size_t side = 0; side < 2; side++) {
        size_t count = 0;
        for (size_t i = side; i < n; i += 2)
            half[count++] = values[i];
        medians[side] = statistics_median(half, count);
    }
    double whole = fabs(statistics_median(values, n));
    return whole > 0 ? fabs(medians[0] - medians[1]) / whole : 0;
}

void statistics_holm(double *p, size_t n)
{
    AUTOFREE bool *done = mem_array(n + 1, sizeof *done);
    size_t tests = 0;
    for (size_t i = 0; i < n; i++)
        tests += p[i] >= 0;
    double floor_p = 0;
    for (size_t left = tests; left > 0; left--) {
        size_t least = n;
        for (size_t i = 0; i < n; i++)
            if (p[i] >= 0 && !done[i] && (least == n || p[i] < p[least]))
                least = i;
        done[least] = true;
        floor_p = fmax(floor_p, fmin(1.0, p[least] * (double)left));
        p[least] = floor_p;
    }
}

uint64_t statistics_percentile_needs(double p)
{
    /* The upper bound is finite once the largest value lies above the percentile with 97.5 %. */
    return (uint64_t)ceil(log(0.025) / log(p / 100));
}
