/* lib/core/trace_span.h - what took how long, for whoever collects traces: a command, a statement,
 * a request, each within the one around it.
 *
 * Off until trace_spans_keep; then up to so many are kept until they are taken, and those beyond
 * are counted. Any thread; a span belongs to the one that began it, and what that thread begins
 * while the span is entered is its child. All functions but trace_span_begin do nothing to a span
 * that was begun while this was off. Names and attributes hold no row data: statements with their
 * parameters' numbers, URLs without query, SQLSTATEs.
 * Source of kinds and attribute names: https://opentelemetry.io/docs/specs/semconv/ */
#ifndef DINER_CORE_TRACE_SPAN_H
#define DINER_CORE_TRACE_SPAN_H

#include "core/trace.h"
#include <stddef.h>
#include <stdint.h>

#define TRACE_SPAN_ID_MAX         17
#define TRACE_SPAN_ATTRIBUTES_MAX 4

enum trace_span_kind {
    TRACE_SPAN_INTERNAL = 1,
    TRACE_SPAN_SERVER,
    TRACE_SPAN_CLIENT
}; /* as OTLP numbers them */

struct trace_span_attribute {
    const char *key;
    char *text; /* owned; NULL: number */
    int64_t number;
};
struct trace_span {
    char trace_id[TRACE_ID_MAX], id[TRACE_SPAN_ID_MAX],
        parent[TRACE_SPAN_ID_MAX]; /* id "": not recorded */
    enum trace_span_kind kind;
    char name[96];
    char failure[96]; /* "": it went well */
    int64_t start_us, end_us;
    int64_t started_ns;
    struct trace_span_attribute attributes[TRACE_SPAN_ATTRIBUTES_MAX];
    size_t nattributes;
    struct trace_span *outer;
};

void trace_spans_keep(size_t max); /* 0: off, the default */
bool trace_spans_any(void);        /* since they were taken last */
/* Who sends them away: called by trace_spans_flush, on its thread, whose own doings are not
 * recorded meanwhile. NULL: nobody, the default. */
void trace_spans_sender(void (*send)(void));
/* At the end of a process, also of one that was forked, and now and then in one that stays. */
void trace_spans_flush(void);
/* Just forked: what was kept until then is the parent's to send. */
void trace_spans_forked(void);
/* What was kept so far, in the order of their ends, and how many were not; the caller frees it with
 * trace_spans_free. */
struct trace_span *trace_spans_take(size_t *ret_count, uint64_t *ret_dropped);
void trace_spans_free(struct trace_span *spans, size_t count);

/* Within the span that this thread has entered, else within the process's trace. */
void trace_span_begin(struct trace_span *s, enum trace_span_kind kind, const char *name);
/* Within the caller's span that a traceparent names; without a good one it begins a trace. */
void trace_span_begin_remote(struct trace_span *s, const char *traceparent, const char *name);
void trace_span_enter(struct trace_span *s);
/* key: a literal. Beyond TRACE_SPAN_ATTRIBUTES_MAX they are left out. */
void trace_span_text(struct trace_span *s, const char *key, const char *text, size_t length);
void trace_span_number(struct trace_span *s, const char *key, int64_t number);
void trace_span_fail(struct trace_span *s, const char *why);
/* Leaves it, if it was entered, and keeps it. Again it does nothing. */
void trace_span_end(struct trace_span *s);

/* What a request sent within the span carries: its traceparent, else one of the process's. */
void trace_span_traceparent(const struct trace_span *s, char ret[TRACE_PARENT_MAX]);

#endif
