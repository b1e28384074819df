/* cmd/perf_report.h - the options of perf-report, and the run that makes a study of them. */
#ifndef DINER_CMD_PERF_REPORT_H
#define DINER_CMD_PERF_REPORT_H

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

/* What the options say of the load of a URL. No request is sent. */
int perf_config_of_args(struct cli *cli, const struct perf_args *a, struct perf_config *c,
                        struct error *err);
/* Measures, diagnoses, compares, judges, and writes what is asked for; takes a struct perf_args. */
int perf_run(struct cli *cli, const void *args, struct error *err);

#endif
