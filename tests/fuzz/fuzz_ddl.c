/* Tables read from SQL: every name and type is there, whatever the text is; reading the same text
 * again adds no table twice. */
#include "db/ddl.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void check_rules(const struct ddl_rules *rules)
{
    for (size_t i = 0; i < rules->count; i++)
        require(rules->items[i].name != NULL && rules->items[i].text != NULL);
}

static void check(const struct ddl_schema *s)
{
    for (size_t i = 0; i < s->count; i++) {
        const struct ddl_table *t = &s->tables[i];
        require(ddl_table(s, t->name) == t);
        for (size_t c = 0; c < t->count; c++)
            require(*t->columns[c].name != '\0' && t->columns[c].type != NULL);
        check_rules(&t->constraints);
        check_rules(&t->indexes);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct ddl_schema schema = {.arena = arena_new()};
    for (int i = 0; i < 2; i++) {
        if (ddl_read(&schema, (const char *)data, size, &err) != 0)
            require(err.message[0] != '\0');
        check(&schema);
        error_clear(&err);
    }
    arena_free(schema.arena);
    return 0;
}
