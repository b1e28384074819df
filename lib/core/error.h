/* lib/core/error.h - the one error type of the project.
 *
 * Fallible functions return an enum error_code as int (ERR_OK is 0) and take a `struct error *` as
 * their last parameter, which they fill before returning non-zero. Retry, reject and exit status
 * switch on the class or code, never on text. Messages: lower case, no full stop, subject in
 * 'quotes', what failed first; advice goes into the hint. Not thread safe, no allocation.
 */
#ifndef DINER_CORE_ERROR_H
#define DINER_CORE_ERROR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum error_class {
    ERROR_CLASS_NONE = 0,
    ERROR_CLASS_USAGE,
    ERROR_CLASS_CONFIG,
    ERROR_CLASS_AUTH,
    ERROR_CLASS_NOT_FOUND,
    ERROR_CLASS_CONFLICT,
    ERROR_CLASS_TRANSIENT,    /* the same request may succeed later */
    ERROR_CLASS_RATE_LIMITED, /* as transient, see retry_after_ms */
    ERROR_CLASS_DATA,         /* the input is wrong: reject or report, never retry */
    ERROR_CLASS_CANCELLED,
    ERROR_CLASS_INTERNAL,
    ERROR_CLASS_BUG,
};

enum error_code {
    ERR_OK = 0,
#define X(code, class, exit_status, text) code,
#include "core/error_codes.def"
#undef X
};

#define ERROR_MESSAGE_MAX 1024
#define ERROR_HINT_MAX    512

struct error {
    enum error_code code;
    char sqlstate[6];       /* "" when not from PostgreSQL */
    int http_status;        /* 0 when not from HTTP */
    int64_t retry_after_ms; /* what a remote asked us to wait; 0 when it said nothing */
    char message[ERROR_MESSAGE_MAX];
    char hint[ERROR_HINT_MAX];
};

/* Empty error, for initialisation: struct error err = ERROR_INIT; */
#define ERROR_INIT                                                                                 \
    {                                                                                              \
        0                                                                                          \
    }

/* Fills *err anew (sqlstate, status and hint are cleared) and returns `code`. Over-long text is
 * cut at a code point. */
int error_set(struct error *err, enum error_code code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
int error_setv(struct error *err, enum error_code code, const char *format, va_list args)
    __attribute__((format(printf, 3, 0)));

/* As error_set, followed by ": " and strerror(errno_value). ENOSPC and EDQUOT get a hint. */
int error_set_errno(struct error *err, enum error_code code, int errno_value, const char *format,
                    ...) __attribute__((format(printf, 4, 5)));

/* Sets the advice of an error already filled; returns err->code. */
int error_hint(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Puts "<context>: " before the message; returns err->code. For example
 * error_context(err, "while syncing store '%s'", id). */
int error_context(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

void error_clear(struct error *err);

enum error_class error_class_of(enum error_code code);
const char *error_code_name(enum error_code code); /* "ERR_AUTH", ... */
const char *error_code_text(enum error_code code); /* the sentence of error_codes.def */
int error_exit_status(enum error_code code);       /* 0 for ERR_OK */

/* True for the classes transient and rate_limited. */
bool error_is_retryable(const struct error *err);

/* Of two codes the one a job reports (design rule: 130 > 70 > 6 > 4 > 5 > 3 > 1 > 9 > 7 > 0). */
enum error_code error_worse(enum error_code a, enum error_code b);

/* Of parts that fail apart from each other: the messages in their order, the code of the worst and
 * its advice. Returns all->code. */
int error_fold(struct error *all, const struct error *one);

/* Returns the code of a failing call at once. */
#define TRY(call)                                                                                  \
    do {                                                                                           \
        int try_code_ = (call);                                                                    \
        if (try_code_ != 0)                                                                        \
            return try_code_;                                                                      \
    } while (0)

#endif
