/* lib/perf/document.h - what a report is rendered from, and the renderers. Everything is decided
 * before (compare, gate, diagnose): a renderer only prints, and the same document gives HTML,
 * Markdown, JSON, JUnit, OpenMetrics and alert rules.
 *
 * Texts from outside (names, SQL, titles, reasons) are escaped in each form. What was not measured
 * says so. Renderers append to `out`; give it a maximum, and check its `overflow`. */
#ifndef DINER_PERF_DOCUMENT_H
#define DINER_PERF_DOCUMENT_H

#include "perf/study_gate.h"

enum perf_language { PERF_ENGLISH, PERF_CHINESE };

struct perf_document {
    const struct perf_study *before; /* NULL: no baseline */
    const struct perf_study *after;
    const struct study_comparison *comparison; /* NULL without before */
    const struct study_gate *gate;
    enum perf_language language;
    bool strict;             /* an inconclusive check fails the gate */
    bool interrupted;        /* what was measured until then; nothing is judged */
    const char *before_name; /* file of the baseline, or NULL */
    const char *command;     /* to measure again, or NULL */
    double effort_cost;      /* of the work, in environment.currency; 0: not given */
    int64_t rendered_us;     /* wall clock; 0: not shown */
};

/* One self-contained page: no request goes out, complete without script. */
void perf_render_html(const struct perf_document *d, struct strbuf *out);
/* For a pull request: at most PERF_MARKDOWN_MAX characters; what was left out is said at the end.
 */
#define PERF_MARKDOWN_MAX 65000
void perf_render_markdown(const struct perf_document *d, struct strbuf *out);
/* docs/reference/perf-report.schema.json is its schema. */
#define PERF_REPORT_VERSION 2
void perf_render_json(const struct perf_document *d, struct strbuf *out);
/* One case for each check. */
void perf_render_junit(const struct perf_document *d, struct strbuf *out);
void perf_render_openmetrics(const struct perf_document *d, struct strbuf *out);
/* Prometheus alerting rules, with bucket edges that the measured curve asks for; and the test of
 * them, for `promtool test rules`. rules_file: their name as the test refers to it. */
void perf_render_alerts(const struct perf_document *d, struct strbuf *out);
void perf_render_alerts_test(const struct perf_document *d, const char *rules_file,
                             struct strbuf *out);

#endif
