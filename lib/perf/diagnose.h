/* lib/perf/diagnose.h - from what a study measured to what is wrong, proved as far as it can be.
 *
 * The rules, each with its thresholds, are in finding.h; docs/perf-diagnosis.md says what proves
 * each and what it cannot see. */
#ifndef DINER_PERF_DIAGNOSE_H
#define DINER_PERF_DIAGNOSE_H

#include "perf/finding.h"

struct perf_diagnose_options {
    struct perf_thresholds thresholds;
    double p95_target_ms;  /* an endpoint above it is slow; 0: none */
    int64_t budget_ms;     /* time for the advice on indexes; what is left out is said */
    size_t statements_max; /* looked at for advice, the most expensive ones first */
};
void perf_diagnose_options_default(struct perf_diagnose_options *ret);

/* Fills study->findings (what was there before is dropped), most severe first, in an order and with
 * ids that are the same for the same study; and adds to study->missing what could not be judged,
 * and why. Strings live in the arena.
 *
 * dsn: the study's database, for what needs it: hypothetical indexes, sequences, views; NULL or an
 * unreachable one: the rules that need none, index advice unverified. The session is read-only with
 * statement_timeout 5 s and lock_timeout 100 ms; nothing is created, no statement of the study is
 * ever run, only planned. Blocks up to about budget_ms.
 *
 * Fails only on a signal (ERR_CANCELLED); what the database refuses becomes a `missing`. */
int perf_diagnose(struct perf_study *study, const char *dsn,
                  const struct perf_diagnose_options *options, struct arena *arena,
                  struct error *err);

#endif
