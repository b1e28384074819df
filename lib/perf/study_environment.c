/* lib/perf/study_environment.c - where and of what a study is: this machine, the configuration. */
#include "core/clock.h"
#include "core/strbuf.h"
#include "net/url.h"
#include "perf/study_load.h"

#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *cpu_name(struct arena *arena)
{
    char line[512];
    FILE *f = fopen("/proc/cpuinfo", "re");
    const char *name = NULL;
    while (f != NULL && name == NULL && fgets(line, sizeof line, f) != NULL) {
        const char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) == 0 && colon != NULL) {
            line[strcspn(line, "\n")] = '\0';
            name = arena_strdup(arena, colon + 2);
        }
    }
    if (f != NULL)
        (void)fclose(f);
    return name;
}

void perf_study_environment(const struct perf_config *c, const char *base, struct arena *arena,
                            struct perf_study *study)
{
    struct perf_environment *e = &study->environment;
    AUTO_STRBUF struct strbuf shown = {0};
    struct utsname name;
    strbuf_init(&shown, 4096);
    if (base != NULL)
        url_shown(base, &shown);
    if (uname(&name) == 0)
        e->host_os = arena_printf(arena, "%s %s %s", name.sysname, name.release, name.machine);
    e->cpu = cpu_name(arena);
    e->cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
    e->memory_bytes = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE);
    e->diner = DINER_VERSION;
    if (base != NULL)
        e->target = arena_strdup(arena, shown.data);
    if (e->started_us == 0)
        e->started_us = clock_wall_us();
    e->title = c->title;
    e->owner = c->owner;
    e->related = c->related;
    e->currency = c->currency;
    e->cost_per_month = c->cost_per_month;
    e->requests_per_day = (double)c->requests_per_day;
}

static const struct perf_endpoint *endpoint_known(const struct perf_study *s, const char *name)
{
    for (size_t i = 0; i < s->nendpoints; i++)
        if (strcmp(s->endpoints[i].name, name) == 0)
            return &s->endpoints[i];
    return NULL;
}

/* A file's query is a template; that of an address from the command line may hold a secret. */
static const char *path_shown(const struct perf_endpoint_config *e, struct arena *arena)
{
    return e->place != NULL ? e->path : arena_strndup(arena, e->path, strcspn(e->path, "?#"));
}

void perf_study_endpoints(const struct perf_config *c, struct arena *arena,
                          struct perf_study *study)
{
    struct perf_endpoint *all = arena_array(arena, c->endpoints.count + 1, sizeof *all);
    double weights = 0;
    for (size_t i = 0; i < c->endpoints.count; i++)
        weights += (double)perf_config_endpoint(c, i)->weight;
    for (size_t i = 0; i < c->endpoints.count; i++) {
        const struct perf_endpoint_config *e = perf_config_endpoint(c, i);
        const char *name = perf_endpoint_name(e, arena);
        const struct perf_endpoint *known = endpoint_known(study, name);
        if (known != NULL)
            all[i] = *known;
        else
            perf_endpoint_init(&all[i]);
        all[i].name = name;
        all[i].method = e->method;
        all[i].path = path_shown(e, arena);
        all[i].size_parameter = e->size_parameter;
        all[i].weight = (double)e->weight / weights;
    }
    study->endpoints = all;
    study->nendpoints = c->endpoints.count;
}
