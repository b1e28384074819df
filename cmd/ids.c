#include "cmd/ids.h"

#include <string.h>

#define ID_MAX_DIGITS 18 /* of a bigint, whatever the digits */

int ids_check(const struct field_strings *ids, const char *list, struct error *err)
{
    for (size_t i = 0; i < ids->count; i++) {
        size_t n = strlen(ids->items[i]);
        if (n > 0 && n <= ID_MAX_DIGITS && strspn(ids->items[i], "0123456789") == n)
            continue;
        error_set(err, ERR_USAGE, "'%s' is no id", ids->items[i]);
        return error_hint(err, "the ids are those of '%s'", list);
    }
    return 0;
}

int ids_array(struct cli *cli, const struct field_strings *ids, const char *list, const char **ret,
              struct error *err)
{
    struct strbuf array;
    *ret = NULL;
    TRY(ids_check(ids, list, err));
    if (ids->count == 0)
        return 0;
    strbuf_init(&array, 0);
    for (size_t i = 0; i < ids->count; i++)
        strbuf_addf(&array, "%c%s", i == 0 ? '{' : ',', ids->items[i]);
    strbuf_addch(&array, '}');
    *ret = arena_strdup(cli->arena, array.data);
    strbuf_release(&array);
    return 0;
}
