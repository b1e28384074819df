/* lib/perf/load_tally.c - see load_tally.h. */
#include "perf/load_tally.h"

#include <stdio.h>

static void add_statuses(struct load_tally *t, const struct drive_part *p)
{
    for (size_t i = 0; i < DRIVE_STATUSES && p->statuses[i].count > 0; i++)
        drive_status_add(t->statuses, p->statuses[i].status, p->statuses[i].count);
}

void load_tally_add(struct load_tally *t, const struct loadgen_summary *s,
                    const struct drive_part *parts, size_t nparts)
{
    int64_t late_us = s->lag_p99_us >= 0 ? s->lag_p99_us : s->loop_p99_us;
    uint64_t measured = 0;
    for (size_t i = 0; i < nparts; i++) {
        measured += drive_requests(&parts[i]);
        add_statuses(t, &parts[i]);
    }
    t->sent += s->sent;
    t->warmup += s->sent > measured ? s->sent - measured : 0;
    t->cpu_ns += s->cpu_ns;
    t->elapsed_ns += s->elapsed_ns;
    t->late_us = late_us > t->late_us ? late_us : t->late_us;
    t->interrupted = t->interrupted || s->interrupted;
    t->capped = t->capped || s->capped;
    if (t->first_failure[0] == '\0')
        snprintf(t->first_failure, sizeof t->first_failure, "%s", s->first_failure);
}

static void note_outcomes(const struct load_tally *t, struct arena *arena, struct perf_result *r)
{
    uint64_t limited = r->outcomes[LOADGEN_LIMITED], unsent = r->outcomes[LOADGEN_UNSENT];
    if (limited > 0)
        perf_note(r, arena,
                  "%llu of %llu answers were 429 (too many requests): the server's own rate limit "
                  "shaped this run; they count neither as errors nor as successes",
                  (unsigned long long)limited, (unsigned long long)perf_requests(r));
    for (size_t i = 0; i < DRIVE_STATUSES && t->statuses[i].count > 0; i++)
        perf_note(r, arena, "%llu answers had the status %d",
                  (unsigned long long)t->statuses[i].count, t->statuses[i].status);
    if (unsent > 0)
        perf_note(r, arena,
                  "%llu requests never went out: all %lld connections were busy for the whole "
                  "time limit; they count as timed out",
                  (unsigned long long)unsent, (long long)r->profile.connections);
    if (t->first_failure[0] != '\0')
        perf_note(r, arena, "the first connection that failed said: %s", t->first_failure);
    if (t->capped)
        perf_note(r, arena, "the load ended early, at its limit of requests");
}

void load_tally_finish(const struct load_tally *t, struct arena *arena, struct perf_result *r)
{
    r->sent = t->sent;
    r->warmup_requests = t->warmup;
    r->interrupted = t->interrupted;
    r->capped = t->capped;
    if (t->elapsed_ns > 0) {
        r->cpu = perf_measured((double)t->cpu_ns / (double)t->elapsed_ns);
        r->loop_p99 = perf_measured((double)t->late_us / 1000);
    }
    note_outcomes(t, arena, r);
}
