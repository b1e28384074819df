/* lib/perf/report_text.h - every word a report is made of, in both languages, in one table.
 * {0} to {5} stand for the arguments. Private to lib/perf. */
#ifndef DINER_PERF_REPORT_TEXT_H
#define DINER_PERF_REPORT_TEXT_H

#include "perf/document.h"

#include "perf/report_text.def"

enum report_text {
    TEXT_NONE,
#define X(name, english, chinese) TEXT_##name,
    REPORT_TEXTS(X)
#undef X
        TEXT_COUNT
};
const char *text_of(const struct perf_document *d, enum report_text text);
/* The one of the two that the document is in. */
const char *text_pick(const struct perf_document *d, const char *english, const char *chinese);
/* The text with its arguments, up to 6, the last followed by NULL: appended, or in the arena. */
#define text_add(d, out, text, ...)                                                                \
    text_add_filled((d), (out), (text), (const char *const[]){__VA_ARGS__})
#define text_fill(d, arena, text, ...)                                                             \
    text_filled((d), (arena), (text), (const char *const[]){__VA_ARGS__})
void text_add_filled(const struct perf_document *d, struct strbuf *out, enum report_text text,
                     const char *const *arguments);
const char *text_filled(const struct perf_document *d, struct arena *arena, enum report_text text,
                        const char *const *arguments);
/* Reasons and notes that the measuring parts give in English, where they are known, in the
 * language; with what they put in. */
const char *text_reason(const struct perf_document *d, struct arena *arena, const char *why);

/* Labels of the model's enums. */
enum report_text text_figure(enum figure_kind kind);
enum report_text text_severity(enum perf_severity s);
enum report_text text_proof(enum perf_proof p);
enum report_text text_check(enum check_state s);
enum report_text text_change(enum change_verdict v);

#endif
