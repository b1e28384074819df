/* lib/perf/study.c - see study.h. */
#include "perf/study.h"

#include <string.h>

#define MISSING_MAX 64

void perf_study_init(struct perf_study *s)
{
    *s = (struct perf_study){.mixed_explained = -1, .server.stats_age_s = -1};
}

void perf_endpoint_init(struct perf_endpoint *e)
{
    *e = (struct perf_endpoint){.body_bytes = -1};
}

static void release_result(struct perf_result *r)
{
    if (r != NULL)
        perf_result_release(r);
}

void perf_study_release(struct perf_study *s)
{
    for (size_t i = 0; i < s->nendpoints; i++)
        release_result(s->endpoints[i].result);
    release_result(s->mixed);
}

void perf_study_lacks(struct perf_study *s, struct arena *arena, const char *what,
                      const char *why_en, const char *why_zh)
{
    for (size_t i = 0; i < s->nmissing; i++)
        if (strcmp(s->missing[i].what, what) == 0)
            return;
    if (s->nmissing == MISSING_MAX)
        return;
    struct perf_missing *grown = arena_array(arena, s->nmissing + 1, sizeof *grown);
    if (s->nmissing > 0)
        memcpy(grown, s->missing, s->nmissing * sizeof *grown);
    grown[s->nmissing++] = (struct perf_missing){
        arena_strdup(arena, what), arena_strdup(arena, why_en), arena_strdup(arena, why_zh)};
    s->missing = grown;
}
