#include "format/library.h"
#include <dlfcn.h>
#include <string.h>

int library_load(const struct library *l, void *table, struct error *err)
{
    void *handle = NULL;
    for (size_t i = 0; l->sonames[i] && !handle; i++)
        handle = dlopen(l->sonames[i], RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        error_set(err, ERR_CONFIG, "the library '%s' cannot be loaded", l->sonames[0]);
        return error_hint(err, "install the package %s", l->package);
    }
    for (const struct library_symbol *s = l->symbols; s->name; s++) {
        void *function = dlsym(handle, s->name);
        if (!function) {
            dlclose(handle);
            return error_set(err, ERR_CONFIG, "the library '%s' has no function '%s'",
                             l->sonames[0], s->name);
        }
        /* POSIX has data and function pointers of one shape (dlsym). */
        memcpy((char *)table + s->offset, &function, sizeof(function));
    }
    return 0;
}
