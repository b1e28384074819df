/* lib/schema/suggest.h - "did you mean": Damerau-Levenshtein over known names. */
#ifndef DINER_SCHEMA_SUGGEST_H
#define DINER_SCHEMA_SUGGEST_H
#include <stddef.h>
/* The nearest of n names when near enough (distance <= 1 + length/4), else NULL. */
const char *suggest_nearest(const char *word, const char *const *names, size_t n);
#endif
