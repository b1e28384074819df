/* Loads a shared library at the first call of one of its functions; see lazy.awk. As the loader of
 * the system would, it says what is missing and ends the program. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

extern void *lazy_slots[];
extern const char *const lazy_names[]; /* ends with NULL */
extern const char *const lazy_sonames[];
extern const unsigned char lazy_library_of[];

void *lazy_resolve(unsigned function);

static _Noreturn void fail(void)
{
    (void)fprintf(stderr, "diner: %s\n", dlerror());
    _Exit(127);
}

/* All functions of the library at once: one of them may first be called in a signal handler. */
void *lazy_resolve(unsigned function)
{
    unsigned char library = lazy_library_of[function];
    void *handle = dlopen(lazy_sonames[library], RTLD_LAZY | RTLD_LOCAL);
    if (handle == NULL)
        fail();
    for (unsigned i = 0; lazy_names[i] != NULL; i++) {
        if (lazy_library_of[i] != library)
            continue;
        void *found = dlsym(handle, lazy_names[i]);
        if (found == NULL)
            fail();
        lazy_slots[i] = found;
    }
    return lazy_slots[function];
}
