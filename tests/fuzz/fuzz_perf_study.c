/* Saved studies: no input crashes, and what is accepted is written so that it reads the same. */
#include "perf/study_json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct perf_study again(const struct strbuf *text, struct arena *arena)
{
    struct perf_study s;
    struct error err = ERROR_INIT;
    if (perf_study_parse((struct span){text->data, text->len}, "again", arena, &s, &err) != 0)
        abort();
    return s;
}

static void write_twice(struct perf_study *s, struct arena *arena)
{
    struct strbuf first, second;
    struct error err = ERROR_INIT;
    strbuf_init(&first, PERF_STUDY_MAX_BYTES);
    strbuf_init(&second, PERF_STUDY_MAX_BYTES);
    if (perf_study_write(s, &first, &err) == 0) {
        struct perf_study read = again(&first, arena);
        if (perf_study_write(&read, &second, &err) != 0 || second.len != first.len ||
            memcmp(first.data, second.data, first.len) != 0)
            abort();
        perf_study_release(&read);
    }
    strbuf_release(&first);
    strbuf_release(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct perf_study s;
    struct error err = ERROR_INIT;
    char *text = mem_alloc(size + 1);
    memcpy(text, data, size);
    if (perf_study_parse((struct span){text, size}, "fuzz", arena, &s, &err) == 0) {
        write_twice(&s, arena);
        perf_study_release(&s);
    } else if (err.message[0] == '\0') {
        abort();
    }
    free(text);
    arena_free(arena);
    return 0;
}
