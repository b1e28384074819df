/* cmd/perf_render.h - the forms a report is written in, as options that commands share. */
#ifndef DINER_CMD_PERF_RENDER_H
#define DINER_CMD_PERF_RENDER_H

#include "perf.h"
#include "perf/document.h"

enum perf_form {
    PERF_FORM_HTML,
    PERF_FORM_MARKDOWN,
    PERF_FORM_JSON,
    PERF_FORM_JUNIT,
    PERF_FORM_OPENMETRICS,
    PERF_FORM_ALERTS,
    PERF_FORM_ALERTS_TEST,
    PERF_FORMS
};
struct perf_outputs {
    const char *files[PERF_FORMS]; /* NULL: not wanted; "-": standard output */
    int language;                  /* enum perf_language */
    int64_t effort_cost;
};
extern const char *const perf_languages[];

#define PERF_OUTPUT_FILE(type, m, form) .offset = offsetof(type, m.files[form])
/* The options of `m`, a struct perf_outputs inside struct `type`. */
#define PERF_OUTPUT_FIELDS(type, m)                                                                \
    {"html",                                                                                       \
     FIELD_STRING,                                                                                 \
     PERF_OUTPUT_FILE(type, m, PERF_FORM_HTML),                                                    \
     "one page for people, complete without network and script",                                   \
     .arg = "FILE",                                                                                \
     .complete = "file"},                                                                          \
        {"markdown",                                                                               \
         FIELD_STRING,                                                                             \
         PERF_OUTPUT_FILE(type, m, PERF_FORM_MARKDOWN),                                            \
         "for a pull request: at most 65,000 characters",                                          \
         .arg = "FILE",                                                                            \
         .complete = "file"},                                                                      \
        {"json",                                                                                   \
         FIELD_STRING,                                                                             \
         PERF_OUTPUT_FILE(type, m, PERF_FORM_JSON),                                                \
         "for programs; its schema is docs/reference/perf-report.schema.json",                     \
         .arg = "FILE",                                                                            \
         .complete = "file"},                                                                      \
        {"junit",                                                                                  \
         FIELD_STRING,                                                                             \
         PERF_OUTPUT_FILE(type, m, PERF_FORM_JUNIT),                                               \
         "one test case for each check",                                                           \
         .arg = "FILE",                                                                            \
         .complete = "file"},                                                                      \
        {"openmetrics",                                                                            \
         FIELD_STRING,                                                                             \
         PERF_OUTPUT_FILE(type, m, PERF_FORM_OPENMETRICS),                                         \
         "the figures for Prometheus",                                                             \
         .arg = "FILE",                                                                            \
         .complete = "file"},                                                                      \
        {"alerts",                                                                                 \
         FIELD_STRING,                                                                             \
         PERF_OUTPUT_FILE(type, m, PERF_FORM_ALERTS),                                              \
         "alert rules derived from the measured curve",                                            \
         .arg = "FILE",                                                                            \
         .complete = "file"},                                                                      \
        {"alerts-test",                                                                            \
         FIELD_STRING,                                                                             \
         PERF_OUTPUT_FILE(type, m, PERF_FORM_ALERTS_TEST),                                         \
         "their test, for promtool test rules",                                                    \
         .arg = "FILE",                                                                            \
         .complete = "file"},                                                                      \
        {"lang", FIELD_CHOICE, .offset = offsetof(type, m.language),                               \
         "language of the report; default: that of the messages, by the locale",                   \
         .choices = perf_languages},                                                               \
    {                                                                                              \
        "effort-cost", FIELD_INT, .offset = offsetof(type, m.effort_cost),                         \
                                  "cost of the work, for the months until it pays back",           \
                                  .arg = "AMOUNT", .min = 0, .max = 1000000000000                  \
    }

/* Writes each form that is wanted; none: Markdown (JSON under -o json) to standard output. d has
 * what the judgement does not tell: strict, interrupted, before_name, command; the rest is filled
 * in. */
int perf_write_judgement(struct cli *cli, const struct perf_judgement *j, struct perf_document *d,
                         const struct perf_outputs *outputs, struct error *err);

#endif
