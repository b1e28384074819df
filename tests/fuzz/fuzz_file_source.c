/* Any bytes as a file of fixed width, an SAP list, or text with a header of two rows: an error, or
 * rows whose cells lie within the text, the same rows when read again. The first byte chooses. */
#include "core/clock.h"
#include "pipeline/column.h"
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

#define NPIPELINES 6
static const char *const sources[NPIPELINES] = {
    "format: fixed",
    "format: fixed, positions: bytes, pad: true, encoding: GB18030, skip: \"^-\"",
    "format: fixed, positions: bytes, header: { find: [x], skip_max: 3, until: \"^=\" }, "
    "trailer: { match: \"^T\", sum: { qty: 3-5 } }, "
    "subtotals: { match: \"^S(.)\", by: code, rows: 4-5, sum: { qty: 6- }, on_fail: warn }",
    "format: alv, decimal: comma, header: { find: [a, b], rows: 1 }",
    "header: { find: [\"a b\"], rows: 2, repeats: true }, guard: true, unquote: true",
    "format: tsv, quote: none, header: { row: 2, rows: 3, join: / }, "
    "subtotals: { match: \"^S\", by: code, rows: b, sum: { qty: a } }",
};
static struct config *config;
static struct pipeline *pipelines[NPIPELINES];
static char directory[64], path[96], input[96];

static void require(bool holds)
{
    if (!holds)
        abort();
}

static void remove_files(void)
{
    (void)unlink(path);
    (void)unlink(input);
    (void)rmdir(directory);
}

static void write_file(const char *name, const void *data, size_t size)
{
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    require(fd >= 0 && write(fd, data, size) == (ssize_t)size);
    close(fd);
}

static void load(int i)
{
    char text[2048];
    struct error err = ERROR_INIT;
    bool fixed = strstr(sources[i], "fixed") != NULL;
    struct pipeline_options options = {.now_us = INT64_C(1795295700000000)};
    int n =
        snprintf(text, sizeof text,
                 "version: 1\nname: p\nstreams:\n  s:\n    source: { file: in, %s }\n"
                 "    target: { connection: warehouse, schema: t }\n    columns:\n"
                 "      code: { type: text, %s, strip_zeros: true, code: yes }\n"
                 "      qty: { type: \"numeric(12,3)\", %s, units: { kg: 1, x: 0.5, none: 1 } }\n"
                 "      day: { type: date, %s, null: [1900-01-01], format: [iso, excel] }\n",
                 sources[i], fixed ? "at: 1-2" : "from: a", fixed ? "at: 3-5" : "from: b",
                 fixed ? "at: 6-" : "from: \"a b\"");
    write_file(path, text, (size_t)n);
    int code = pipeline_load("p", config, &options, &pipelines[i], NULL, &err);
    if (code != 0)
        fprintf(stderr, "%s\n", err.message);
    require(code == 0);
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
    snprintf(input, sizeof input, "%s/in", directory);
    setenv("DINER_PIPELINE_PATH", directory, 1);
    require(config_load("/dev/null", &config, &err) == 0);
    for (int i = 0; i < NPIPELINES; i++)
        load(i);
    return atexit(remove_files);
}

static uint64_t add(uint64_t sum, struct span text)
{
    for (size_t i = 0; i < text.len; i++)
        sum = (sum ^ (unsigned char)text.ptr[i]) * 1099511628211U;
    return sum * 1099511628211U;
}

static uint64_t read_all(struct pipeline *p)
{
    uint64_t sum = 1;
    struct error err = ERROR_INIT;
    struct column_habits habits = {0};
    struct stream_spec *s = (struct stream_spec *)p->streams.items;
    struct stream_context ctx = {
        .pipeline = p, .stream = s, .config = config, .arena = arena_new(), .dry_run = true};
    struct source *source = NULL;
    struct source_row row;
    s->source->habits(&ctx, &habits);
    int code = s->source->open(&ctx, &source, &err);
    ctx.reader = column_reader_new(s->columns, s->ncolumns, &habits);
    for (bool end = false; code == 0 && !end;) {
        code = s->source->next(source, &row, &end, &err);
        for (size_t i = 0; code == 0 && !end && i < s->ncolumns; i++) {
            struct span text = SPAN("");
            bool is_null = false;
            const char *reason = column_canonical(ctx.reader, i, &row.cells[i], &text, &is_null);
            sum = add(sum, reason != NULL ? span_of(reason) : is_null ? SPAN("null") : text);
        }
    }
    require(code == 0 || err.message[0] != '\0');
    sum = add(sum, span_of(err.message));
    if (source != NULL)
        s->source->close(source);
    column_reader_free(ctx.reader);
    arena_free(ctx.arena);
    return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct pipeline *p = pipelines[data[0] % NPIPELINES];
    write_file(input, data + 1, size - 1);
    uint64_t first = read_all(p);
    require(first == read_all(p));
    return 0;
}
