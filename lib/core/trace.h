/* lib/core/trace.h - the W3C trace context of this process: what a request, a log line and a run
 * have in common. Source: https://www.w3.org/TR/trace-context/ */
#ifndef DINER_CORE_TRACE_H
#define DINER_CORE_TRACE_H

#include <stdbool.h>

#define TRACE_PARENT_MAX 56
#define TRACE_ID_MAX     33

/* version-traceid-parentid-flags, lower-case hex; an id of zeros is invalid. Gives the trace id and
 * whether the caller recorded the trace (the sampled flag). False, and nothing, when malformed. */
bool trace_parse(const char *parent, char ret_id[TRACE_ID_MAX], bool *ret_sampled);

/* Continues the trace of TRACEPARENT when it is set and well-formed, else begins a new one. */
void trace_begin(void);
/* 32 hex digits, or NULL before trace_begin. */
const char *trace_id(void);
/* The id of the caller's span in TRACEPARENT, or "". */
void trace_caller(char ret[17]);
/* "00-<trace id>-<a new span id>-01", or "" before trace_begin. */
void trace_parent(char ret[TRACE_PARENT_MAX]);

#endif
