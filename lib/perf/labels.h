/* lib/perf/labels.h - every word a report is made of, in one table, for another language to stand
 * beside. Private to lib/perf. */
#ifndef DINER_PERF_LABELS_H
#define DINER_PERF_LABELS_H

#define PERF_LABELS(X)                                                                             \
    X(TITLE, "Performance report")                                                                 \
    X(VERDICT, "Verdict")                                                                          \
    X(PASSED, "all targets that were measured are met")                                            \
    X(NOTHING_CHECKED, "nothing was checked: no target was measured")                              \
    X(FAILED, "failed")                                                                            \
    X(INTERRUPTED, "interrupted: this is what was measured until then, nothing is judged")         \
    X(METRIC, "Metric")                                                                            \
    X(BEFORE, "Before")                                                                            \
    X(TARGET, "Target")                                                                            \
    X(AFTER, "After")                                                                              \
    X(IMPROVEMENT, "Improvement")                                                                  \
    X(API_P95, "API response time (P95)")                                                          \
    X(API_MEAN, "API response time (mean)")                                                        \
    X(DATABASE_TIME, "Database query time (mean per request)")                                     \
    X(QPS, "QPS")                                                                                  \
    X(ERROR_RATE, "Error rate")                                                                    \
    X(BASELINE, "Comparison with the baseline")                                                    \
    X(NOT_MEASURED, "not measured")                                                                \
    X(NO_BASELINE, "no baseline")                                                                  \
    X(NO_TARGET, "no target")                                                                      \
    X(NOT_COMPARED, "not compared")                                                                \
    X(SAME, "same")                                                                                \
    X(IMPROVED, "improved")                                                                        \
    X(WORSE, "worse")                                                                              \
    X(CLEARLY_WORSE, "clearly worse")                                                              \
    X(UNCHANGED, "no change")                                                                      \
    X(HIGHER, "higher")                                                                            \
    X(LOWER, "lower")                                                                              \
    X(NOT_TESTED, "not tested")                                                                    \
    X(NOT_ESTABLISHED, "not established")                                                          \
    X(TARGETS, "Targets")                                                                          \
    X(MET, "met")                                                                                  \
    X(MISSED, "missed")                                                                            \
    X(CHECK, "Check")                                                                              \
    X(LIMIT, "Limit")                                                                              \
    X(MEASURED, "Measured")                                                                        \
    X(STATE, "Result")                                                                             \
    X(COMPARISON, "Comparison")                                                                    \
    X(SLICES, "Slices")                                                                            \
    X(SHIFT, "Shift of the slices (95 % interval)")                                                \
    X(NEEDED, "Needed change")                                                                     \
    X(LOAD, "Load")                                                                                \
    X(RESPONSE_TIMES, "Response times")                                                            \
    X(PERCENTILE, "Percentile")                                                                    \
    X(RESPONSE, "Response time")                                                                   \
    X(SERVICE, "Service time")                                                                     \
    X(MEAN, "mean")                                                                                \
    X(MAXIMUM, "maximum")                                                                          \
    X(DATABASE, "Database")                                                                        \
    X(NOT_MEASURED_TITLE, "Not measured")                                                          \
    X(NOTES, "Notes")

enum perf_label {
#define X(name, text) LABEL_##name,
    PERF_LABELS(X)
#undef X
        LABEL_COUNT
};
const char *perf_label(enum perf_label label);

#endif
