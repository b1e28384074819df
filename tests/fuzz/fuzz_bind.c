/* YAML bound by the settings' table, printed and bound again: both must agree. */
#include "schema/config.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_round_trip(const struct field *f, struct settings *s, struct arena *arena)
{
    struct error err = ERROR_INIT;
    struct settings again = {0};
    const char *text = bind_print(f, s, arena);

    /* What is secret, joined by commas or absent does not come back. */
    if (!text || (f->flags & FIELD_SECRET) || f->type >= FIELD_STRINGS)
        return;
    if (bind_text(f, text, &again, arena, &err) != 0)
        abort();
    const char *second = bind_print(f, &again, arena);
    if (!second || strcmp(text, second) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct diagnostics d;
    struct error err = ERROR_INIT;
    struct settings s;
    struct ynode *root;

    diagnostics_init(&d, arena);
    if (ynode_parse((const char *)data, size, "f", arena, &root, &err) == 0) {
        bind_yaml(&settings_fields, root, &s, arena, &d);
        (void)diagnostics_result(&d, ERR_SPEC, &err);
        for (const struct field *f = settings_fields.fields; f->name; f++)
            check_round_trip(f, &s, arena);
    }
    arena_free(arena);
    return 0;
}
