/* lib/perf/study_inputs.c - see study_inputs.h. */
#include "perf/study_inputs.h"

#include "core/fileio.h"
#include "perf/inputs.h"
#include "perf/study_json.h"

#include <string.h>

/* "http://host:port/path" after its authority. */
static const char *path_of(const char *url)
{
    const char *authority = strstr(url, "://");
    const char *path = authority == NULL ? url : authority + 3 + strcspn(authority + 3, "/");
    return *path == '\0' ? "/" : path;
}

void perf_study_of_result(const struct perf_result *r, struct arena *arena, struct perf_study *ret)
{
    perf_study_init(ret);
    struct perf_endpoint *e = arena_alloc(arena, sizeof *e);
    perf_endpoint_init(e);
    e->method = r->profile.method != NULL ? r->profile.method : "GET";
    e->path = r->profile.url != NULL ? path_of(r->profile.url) : "";
    e->name = r->profile.url != NULL ? arena_printf(arena, "%s %s", e->method, e->path)
                                     : r->profile.source;
    e->weight = 1;
    e->result = arena_alloc(arena, sizeof *e->result);
    *e->result = *r;
    ret->endpoints = e;
    ret->nendpoints = 1;
    ret->environment.target = r->profile.url;
    ret->environment.started_us = r->profile.started_us;
    if (r->database.method == PERF_DATABASE_NONE)
        perf_study_lacks(ret, arena, "the database", "the file has no figures of it",
                         "文件中没有数据库指标");
}

int perf_study_read_any(const char *path, struct arena *arena, struct perf_study *ret,
                        struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct perf_result result;
    const char *name = strcmp(path, "-") == 0 ? "standard input" : path;
    strbuf_init(&text, PERF_INPUT_MAX_BYTES);
    TRY(file_read(path, PERF_INPUT_MAX_BYTES, &text, err));
    struct span bytes = {text.data, text.len};
    if (perf_study_is(bytes))
        return perf_study_parse(bytes, name, arena, ret, err);
    TRY(perf_input_parse(bytes, name, arena, &result, err));
    perf_study_of_result(&result, arena, ret);
    return 0;
}
