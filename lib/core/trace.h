/* lib/core/trace.h - the W3C trace context of this process: what a request, a log line and a run
 * have in common. Source: https://www.w3.org/TR/trace-context/ */
#ifndef DINER_CORE_TRACE_H
#define DINER_CORE_TRACE_H

#define TRACE_PARENT_MAX 56

/* Continues the trace of TRACEPARENT when it is set and well-formed, else begins a new one. */
void trace_begin(void);
/* 32 hex digits, or NULL before trace_begin. */
const char *trace_id(void);
/* "00-<trace id>-<a new span id>-01", or "" before trace_begin. */
void trace_parent(char ret[TRACE_PARENT_MAX]);

#endif
