/* lib/format/library.h - shared libraries that only some work needs, loaded when it is done: a
 * linked library would cost every start its relocations. Once loaded they stay. */
#ifndef DINER_FORMAT_LIBRARY_H
#define DINER_FORMAT_LIBRARY_H

#include "core/error.h"
#include <stddef.h>

struct library_symbol {
    const char *name;
    size_t offset; /* of its pointer in the table */
};
struct library {
    const char *const *sonames;           /* tried in order, NULL-terminated */
    const char *package;                  /* for the hint */
    const struct library_symbol *symbols; /* ends with name NULL */
};
/* Fills the table of function pointers. ERR_CONFIG when the library is not there, or lacks one. */
int library_load(const struct library *l, void *table, struct error *err);

#endif
