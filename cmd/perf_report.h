/* cmd/perf_report.h - the options of perf-report, and the run that makes a study of them. */
#ifndef DINER_CMD_PERF_REPORT_H
#define DINER_CMD_PERF_REPORT_H

#include "net/loadgen.h"
#include "perf_render.h"

struct perf_args {
    const char *url, *config, *from, *method, *body_file, *db, *baseline, *out_file, *save,
        *ca_file;
    const char *save_before;
    struct field_rate rate;
    struct field_strings headers, targets;
    int64_t connections, duration_ms, warmup_ms, timeout_ms, max_requests;
    int64_t target_p95_ms, target_mean_ms, target_database_ms, target_rps;
    int64_t target_error_rate, min_change; /* millionths */
    bool strict;
    struct perf_outputs outputs;
};

/* What the options say of the load of a URL; the body is read into `body`. Cheap: no request. */
int perf_resolve_load(struct cli *cli, const struct perf_args *a, struct strbuf *body,
                      struct loadgen_options *o, struct error *err);

/* Is it the run that measures by phases? It is when --config, a database alone, or anything is
 * asked for that only a study has: its report's forms, rules in k6's words. Else the single load of
 * a URL (or a saved one), compared by its slices. */
bool perf_wants_study(const struct cli *cli, const struct perf_args *a);
/* Measures, diagnoses, compares, judges, and writes what is asked for. */
int perf_run_study(struct cli *cli, const struct perf_args *a, struct error *err);

#endif
