/* cmd/run_record.h - what a `diner run` leaves behind beside the rows: a JSON file, and a file for
 * Prometheus' textfile collector. */
#ifndef DINER_CMD_RUN_RECORD_H
#define DINER_CMD_RUN_RECORD_H

#include "pipeline/run.h"

struct run_record;
/* Paths may be NULL; without either the record is NULL, which all functions accept. Borrowed. */
struct run_record *run_record_new(const char *json_file, const char *metrics_file);
/* One pipeline or job; err: why it failed, looked at only when report->code says so. */
void run_record_add(struct run_record *r, const char *pipeline, const struct run_report *report,
                    enum run_kind kind, int64_t elapsed_ms, const struct error *err);
/* Writes the files, each whole or not at all, and frees. Samples of other pipelines in the metrics
 * file are kept, and so is the time of a pipeline's last success. */
int run_record_end(struct run_record *r, struct error *err);

/* The families of metrics of the second, as `# HELP` and `# TYPE` lines. */
void run_record_families(struct strbuf *out);

#endif
