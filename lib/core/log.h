/* lib/core/log.h - the one log sink. lib/ logs at debug and below only, the engine and the server
 * through here at info. One event is one line on stderr, as text on a terminal or as JSON.
 * Keys of every event: ts level msg and the context keys set (run_id trace_id cmd pipeline stream
 * step); further ones by LOG_INT/LOG_STR. Everything printed is redacted (secret.h). No row data
 * above debug. */
#ifndef DINER_CORE_LOG_H
#define DINER_CORE_LOG_H

#include "core/error.h"
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum log_level { LOG_ERROR, LOG_WARN, LOG_NOTICE, LOG_INFO, LOG_SQL, LOG_DEBUG, LOG_TRACE };

void log_setup(FILE *sink, enum log_level level, bool json); /* default: stderr, notice, text */
bool log_enabled(enum log_level level);

/* Context added to each later event; NULL value removes. key must be a literal; value copied. */
void log_context(const char *key, const char *value);

struct log_field {
    const char *key;  /* NULL ends the list */
    const char *text; /* NULL: number is the value */
    int64_t number;
};
#define LOG_INT(k, v) ((struct log_field){.key = (k), .number = (int64_t)(v)})
#define LOG_STR(k, v) ((struct log_field){.key = (k), .text = (v) ? (v) : ""})
void log_event(enum log_level level, const struct log_field *fields, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* The field list of an event: log_event(LOG_INFO, LOG_FIELDS(LOG_INT("rows", n)), "loaded"); */
#define LOG_FIELDS(...) ((const struct log_field[]){__VA_ARGS__, {.key = NULL}})
#define log_error(...)  log_event(LOG_ERROR, NULL, __VA_ARGS__)
#define log_warn(...)   log_event(LOG_WARN, NULL, __VA_ARGS__)
#define log_notice(...) log_event(LOG_NOTICE, NULL, __VA_ARGS__)
#define log_info(...)   log_event(LOG_INFO, NULL, __VA_ARGS__)
#define log_sql(...)    log_event(LOG_SQL, NULL, __VA_ARGS__)
#define log_debug(...)  log_event(LOG_DEBUG, NULL, __VA_ARGS__)
#define log_trace(...)  log_event(LOG_TRACE, NULL, __VA_ARGS__)

#endif
