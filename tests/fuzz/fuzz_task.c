/* Messages that ask for a pipeline: what is read prints to what reads back the same. */
#include "pipeline/task.h"
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void print_and_read(const struct task *t, struct arena *arena)
{
    AUTO_STRBUF struct strbuf out = {0};
    struct error err = ERROR_INIT;
    struct task again;
    strbuf_init(&out, 0);
    require(strchr(t->pipeline, '/') == NULL && strchr(t->pipeline, '.') == NULL);
    require(task_print(t, &out, &err) == 0);
    require(task_parse((struct span){out.data, out.len}, arena, &again, &err) == 0);
    require(strcmp(again.pipeline, t->pipeline) == 0 && again.params.count == t->params.count);
    for (size_t i = 0; i < t->params.count; i++)
        require(strcmp(again.params.items[i], t->params.items[i]) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct error err = ERROR_INIT;
    struct task t;
    if (task_parse((struct span){(const char *)data, size}, arena, &t, &err) == 0)
        print_and_read(&t, arena);
    arena_free(arena);
    return 0;
}
