#include "schema/suggest.h"
#include <ctype.h>
#include <string.h>

#define SUGGEST_WORD_MAX 64

/* Optimal string alignment: insert, delete, replace, swap of neighbours; case does not count. */
static size_t suggest_distance(const char *a, size_t na, const char *b, size_t nb)
{
    size_t row[3][SUGGEST_WORD_MAX + 1];
    size_t *before = row[0], *above = row[1], *here = row[2];

    for (size_t j = 0; j <= nb; j++)
        above[j] = j;
    for (size_t i = 1; i <= na; i++) {
        here[0] = i;
        for (size_t j = 1; j <= nb; j++) {
            int ca = tolower((unsigned char)a[i - 1]), cb = tolower((unsigned char)b[j - 1]);
            size_t best = above[j - 1] + (ca != cb);
            if (above[j] + 1 < best)
                best = above[j] + 1;
            if (here[j - 1] + 1 < best)
                best = here[j - 1] + 1;
            if (i > 1 && j > 1 && ca == tolower((unsigned char)b[j - 2]) &&
                cb == tolower((unsigned char)a[i - 2]) && before[j - 2] + 1 < best)
                best = before[j - 2] + 1;
            here[j] = best;
        }
        size_t *oldest = before;
        before = above;
        above = here;
        here = oldest;
    }
    return above[nb];
}

const char *suggest_nearest(const char *word, const char *const *names, size_t n)
{
    size_t length = strlen(word), best = 2 + length / 4;
    const char *nearest = NULL;

    if (length == 0 || length > SUGGEST_WORD_MAX)
        return NULL;
    for (size_t i = 0; i < n; i++) {
        size_t name_length = strlen(names[i]);
        if (name_length > SUGGEST_WORD_MAX)
            continue;
        size_t distance = suggest_distance(word, length, names[i], name_length);
        /* A word replaced as a whole is no misspelling of it. */
        if (distance < best && distance < length) {
            best = distance;
            nearest = names[i];
        }
    }
    return nearest;
}
