/* ${...} in texts: names, defaults, escapes; twice, as pipelines do with what is left for later. */
#include "schema/interpolate.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum interpolate_result resolve(void *self, const char *name, const char **ret_value)
{
    (void)self;
    *ret_value = "${A:-b}";
    return name[0] == 'a'   ? INTERPOLATE_VALUE
           : name[0] == 'b' ? INTERPOLATE_UNDEFINED
                            : INTERPOLATE_LATER;
}

static void count(void *self, const char *name, size_t offset)
{
    const char *text = self;

    if (strncmp(text + offset, "${", 2) != 0 || strncmp(text + offset + 2, name, strlen(name)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct error err = ERROR_INIT;
    struct strbuf first, second;
    char *text = malloc(size + 1);

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    strbuf_init(&first, 1 << 20);
    strbuf_init(&second, 1 << 20);
    (void)interpolate_names(text, count, text, &err);
    if (interpolate_text(text, resolve, NULL, &first, &err) == 0)
        (void)interpolate_text(first.data, resolve, NULL, &second, &err);
    strbuf_release(&first);
    strbuf_release(&second);
    free(text);
    return 0;
}
