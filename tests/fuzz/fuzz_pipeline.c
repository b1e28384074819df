/* The text of a pipeline file: whatever it is, it is refused with a place or bound, and what was
 * bound can be looked at. */
#include "pipeline/graph.h"
#include "pipeline/resolve.h"
#include "pipeline/spec.h"
#include "pipeline/stream.h"
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

static struct config *config;
static char directory[64], path[96];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void remove_files(void)
{
    (void)unlink(path);
    (void)rmdir(directory);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): libFuzzer's signature */
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    struct error err = ERROR_INIT;
    (void)argc;
    (void)argv;
    snprintf(directory, sizeof directory, "/dev/shm/diner-fuzz-XXXXXX");
    require(mkdtemp(directory) != NULL);
    snprintf(path, sizeof path, "%s/p.yaml", directory);
    setenv("DINER_PIPELINE_PATH", directory, 1);
    require(config_load("/dev/null", &config, &err) == 0);
    return atexit(remove_files);
}

static void write_input(const uint8_t *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

/* A stream that passed has all that the engine takes for granted. */
static void look_at(const struct pipeline *p)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 0);
    for (size_t i = 0; i < p->streams.count; i++) {
        const struct stream_spec *s = p->ordered[i];
        require(s->name != NULL && s->source != NULL && s->target != NULL);
        require(s->source_spec != NULL && s->target_spec != NULL);
        require(s->ncolumns > 0 || s->columns_node != NULL || s->source->gives_columns);
        for (size_t k = 0; k < s->ncolumns; k++)
            require(s->columns[k].name != NULL && s->columns[k].from != NULL);
        for (size_t k = 0; k < s->key.count && s->columns_node != NULL; k++)
            require(stream_column(s, s->key.items[k]) >= 0);
    }
    for (size_t i = 0; i < p->steps.count; i++)
        require(((const struct job_step *)p->steps.items + i)->run != NULL);
    const struct resolved *items;
    size_t count;
    pipeline_resolve(p, config, &items, &count);
    resolved_print(items, count, &out);
    graph_print(p, GRAPH_TEXT, &out);
    graph_print(p, GRAPH_DOT, &out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pipeline *p = NULL;
    struct diagnostics *d = NULL;
    struct error err = ERROR_INIT;
    struct pipeline_options options = {.now_us = INT64_C(1795295700000000), .is_look = true};
    write_input(data, size);
    int code = pipeline_load("p", config, &options, &p, &d, &err);
    require((code != 0) == (d->errors > 0));
    for (size_t i = 0; i < d->count; i++)
        require(d->items[i].message[0] != '\0');
    if (code == 0)
        look_at(p);
    pipeline_free(p);
    return 0;
}
