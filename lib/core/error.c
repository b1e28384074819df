/* lib/core/error.c - filling, reading and ranking errors. */
#include "core/error.h"
#include "core/message.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

struct error_info {
    enum error_class class;
    int exit_status;
    const char *name;
    const char *text;
};

static const struct error_info error_infos[] = {
    [ERR_OK] = {ERROR_CLASS_NONE, 0, "ERR_OK", "success"},
#define X(code, class, exit_status, text) [code] = {class, exit_status, #code, text},
#include "core/error_codes.def"
#undef X
};

static const struct error_info *error_info_of(enum error_code code)
{
    size_t count = sizeof error_infos / sizeof error_infos[0];
    /* A code nobody declared is itself a defect, and is reported as one. */
    return &error_infos[(size_t)code < count ? (size_t)code : (size_t)ERR_BUG];
}

/* Drops an incomplete UTF-8 sequence at the end of text that was cut after `len` bytes. */
static void error_trim_code_point(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 4) {
        unsigned char byte = (unsigned char)text[--start];
        if ((byte & 0xC0) == 0x80) {
            continue;
        }
        size_t need = byte >= 0xF0 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC0 ? 2 : 1;
        if (start + need > len) {
            text[start] = '\0';
        }
        return;
    }
}

__attribute__((format(printf, 3, 0))) static void error_format(char *text, size_t size,
                                                               const char *format, va_list args)
{
    int n = vsnprintf(text, size, message_text(format), args);
    if (n < 0) {
        text[0] = '\0';
    } else if ((size_t)n >= size) {
        error_trim_code_point(text, size - 1);
    }
}

int error_setv(struct error *err, enum error_code code, const char *format, va_list args)
{
    if (err == NULL) {
        return (int)code;
    }
    char message[ERROR_MESSAGE_MAX]; /* the arguments may point into *err */
    error_format(message, sizeof message, format, args);
    error_clear(err);
    err->code = code;
    memcpy(err->message, message, strlen(message) + 1);
    return (int)code;
}

int error_set(struct error *err, enum error_code code, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    error_setv(err, code, format, args);
    va_end(args);
    return (int)code;
}

int error_set_errno(struct error *err, enum error_code code, int errno_value, const char *format,
                    ...)
{
    char message[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    error_format(message, sizeof message, format, args);
    va_end(args);
    /* Not strerror: the text must not change with the locale. */
    const char *reason = strerrordesc_np(errno_value);
    if (reason != NULL) {
        error_set(err, code, "%s: %s", message, message_text(reason));
    } else {
        error_set(err, code, "%s: errno %d", message, errno_value);
    }
    if (errno_value == ENOSPC) {
        error_hint(err, "free some space on that file system and run again");
    } else if (errno_value == EDQUOT) {
        error_hint(err, "the disk quota is used up: free some space or raise it, and run again");
    }
    return (int)code;
}

int error_hint(struct error *err, const char *format, ...)
{
    if (err == NULL) {
        return ERR_OK;
    }
    char hint[ERROR_HINT_MAX];
    va_list args;
    va_start(args, format);
    error_format(hint, sizeof hint, format, args);
    va_end(args);
    memcpy(err->hint, hint, strlen(hint) + 1);
    return (int)err->code;
}

int error_context(struct error *err, const char *format, ...)
{
    if (err == NULL) {
        return ERR_OK;
    }
    char context[ERROR_MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    error_format(context, sizeof context, format, args);
    va_end(args);

    char message[ERROR_MESSAGE_MAX];
    int n = snprintf(message, sizeof message, "%s: %s", context, err->message);
    if (n >= (int)sizeof message) {
        error_trim_code_point(message, sizeof message - 1);
    }
    memcpy(err->message, message, strlen(message) + 1);
    return (int)err->code;
}

void error_clear(struct error *err)
{
    err->code = ERR_OK;
    err->sqlstate[0] = '\0';
    err->http_status = 0;
    err->retry_after_ms = 0;
    err->message[0] = '\0';
    err->hint[0] = '\0';
}

enum error_class error_class_of(enum error_code code)
{
    return error_info_of(code)->class;
}

const char *error_code_name(enum error_code code)
{
    return error_info_of(code)->name;
}

const char *error_code_text(enum error_code code)
{
    return error_info_of(code)->text;
}

int error_exit_status(enum error_code code)
{
    return error_info_of(code)->exit_status;
}

bool error_is_retryable(const struct error *err)
{
    enum error_class class = error_class_of(err->code);
    return class == ERROR_CLASS_TRANSIENT || class == ERROR_CLASS_RATE_LIMITED;
}

/* 2 and 8 never come from a part of a job in practice; they stand beside their nearest kin. */
static int error_severity(enum error_code code)
{
    static const int worst_first[] = {130, 70, 6, 4, 5, 3, 2, 1, 8, 9, 7, 0};
    const int count = (int)(sizeof worst_first / sizeof worst_first[0]);
    int status = error_exit_status(code);
    for (int i = 0; i < count; i++) {
        if (worst_first[i] == status) {
            return count - i;
        }
    }
    return count;
}

enum error_code error_worse(enum error_code a, enum error_code b)
{
    return error_severity(b) > error_severity(a) ? b : a;
}

int error_fold(struct error *all, const struct error *one)
{
    if (all->code == ERR_OK) {
        *all = *one;
        return (int)all->code;
    }
    struct error folded = error_worse(all->code, one->code) == all->code ? *all : *one;
    int n =
        snprintf(folded.message, sizeof folded.message, "%s; and %s", all->message, one->message);
    if (n >= (int)sizeof folded.message) {
        error_trim_code_point(folded.message, sizeof folded.message - 1);
    }
    *all = folded;
    return (int)all->code;
}
