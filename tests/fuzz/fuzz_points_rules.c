/* Tiers of any bytes, one a line as NAME=TEXT: what is taken is as many names, starts and rates as
 * there are tiers, and nothing that PostgreSQL would read otherwise. */
#include "core/mem.h"
#include "domain/points_rules.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check_array(const char *array, size_t tiers, const char *letters)
{
    size_t items = 0, length = strlen(array);
    if (length < 2 || length >= TIER_SPEC_SIZE || array[0] != '{' || array[length - 1] != '}')
        abort();
    for (size_t i = 1; i < length - 1; i++) {
        items += array[i] == ',';
        if (array[i] != ',' && strchr(letters, array[i]) == NULL)
            abort();
    }
    if (items + (length > 2) != tiers)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    char *text = mem_strndup((const char *)bytes, n), *rest = text, *line;
    const char *names[TIERS_MAX + 1], *values[TIERS_MAX + 1];
    struct settings settings = {.timezone = "UTC",
                                .points_per_yuan = "1",
                                .points_tiers = {.keys = names, .values = values}};
    struct points_rules rules;
    struct error err = ERROR_INIT;
    size_t count = 0;

    while (count <= TIERS_MAX && (line = strsep(&rest, "\n")) != NULL) {
        char *equals = strchr(line, '=');
        names[count] = line;
        values[count] = equals != NULL ? equals + 1 : NULL;
        if (equals != NULL)
            *equals = '\0';
        count++;
    }
    settings.points_tiers.count = count;
    int code = points_rules_read(&settings, &rules, &err);
    if ((code == 0) != (err.code == 0))
        abort();
    if (code == 0) {
        check_array(rules.names, rules.tiers, "abcdefghijklmnopqrstuvwxyz0123456789_");
        check_array(rules.starts, rules.tiers, "0123456789");
        check_array(rules.rates, rules.tiers, "0123456789.");
    }
    free(text);
    return 0;
}
