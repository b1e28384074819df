/* lib/core/log.c - one event, one line, redacted before it is escaped. */
#include "core/log.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/strbuf.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LOG_MESSAGE_MAX ((size_t)1 << 20)
#define LOG_LINE_MAX    ((size_t)16 << 20)
#define LOG_CONTEXT_MAX 16

static FILE *log_sink; /* NULL: stderr */
static enum log_level log_threshold = LOG_NOTICE;
static bool log_as_json;

static struct {
    const char *key;
    char *value;
} log_contexts[LOG_CONTEXT_MAX];
static size_t log_context_count;

static const char *const log_level_names[] = {"error", "warn",  "notice", "info",
                                              "sql",   "debug", "trace"};
#define LOG_LEVEL_COUNT (sizeof log_level_names / sizeof log_level_names[0])

void log_setup(FILE *sink, enum log_level level, bool json)
{
    log_sink = sink;
    log_threshold = level;
    log_as_json = json;
}

bool log_enabled(enum log_level level)
{
    return level <= log_threshold;
}

static void log_context_remove(size_t i)
{
    free(log_contexts[i].value);
    log_context_count--;
    memmove(&log_contexts[i], &log_contexts[i + 1],
            (log_context_count - i) * sizeof log_contexts[0]);
}

void log_context(const char *key, const char *value)
{
    for (size_t i = 0; i < log_context_count; i++) {
        if (strcmp(log_contexts[i].key, key) != 0) {
            continue;
        }
        if (value == NULL) {
            log_context_remove(i);
        } else {
            char *copy = mem_strdup(value); /* value may be the old one */
            free(log_contexts[i].value);
            log_contexts[i].value = copy;
        }
        return;
    }
    if (value != NULL && log_context_count < LOG_CONTEXT_MAX) {
        log_contexts[log_context_count].key = key;
        log_contexts[log_context_count++].value = mem_strdup(value);
    }
}

/* ---- escaping ------------------------------------------------------------------------------ */

/* Length of the well-formed UTF-8 sequence at s (Unicode, table 3-7), 0 when there is none. */
static size_t log_utf8_length(const unsigned char *s, size_t n)
{
    if (s[0] < 0x80) {
        return 1;
    }
    size_t need = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || need > n) {
        return 0;
    }
    unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;
    if (s[1] < low || s[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < need; i++) {
        if ((s[i] & 0xC0) != 0x80) {
            return 0;
        }
    }
    return need;
}

static const char *log_short_escape(unsigned char c)
{
    switch (c) {
    case '\n': return "\\n";
    case '\r': return "\\r";
    case '\t': return "\\t";
    case '"': return "\\\"";
    case '\\': return "\\\\";
    default: return NULL;
    }
}

/* Control characters, DEL and the C1 block would let a value move the cursor of a terminal. */
static bool log_is_control(const unsigned char *s, size_t len)
{
    return (len == 1 && (s[0] < 0x20 || s[0] == 0x7F)) || (len == 2 && s[0] == 0xC2 && s[1] < 0xA0);
}

static void log_add_json_string(struct strbuf *line, const char *text, size_t n)
{
    const unsigned char *s = (const unsigned char *)text;
    strbuf_addch(line, '"');
    for (size_t i = 0; i < n;) {
        size_t len = log_utf8_length(s + i, n - i);
        const char *escape = log_short_escape(s[i]);
        if (len == 0) {
            strbuf_adds(line, "\\ufffd");
            len = 1;
        } else if (escape != NULL) {
            strbuf_adds(line, escape);
        } else if (log_is_control(s + i, len)) {
            strbuf_addf(line, "\\u%04x", (unsigned)s[i + len - 1]);
        } else {
            strbuf_add(line, s + i, len);
        }
        i += len;
    }
    strbuf_addch(line, '"');
}

/* Quotes and backslashes are escaped only where the text stands in quotes itself. */
static void log_add_text(struct strbuf *line, const char *text, size_t n, bool quoted)
{
    const unsigned char *s = (const unsigned char *)text;
    for (size_t i = 0; i < n;) {
        size_t len = log_utf8_length(s + i, n - i);
        bool special = s[i] == '"' || s[i] == '\\';
        const char *escape = special && !quoted ? NULL : log_short_escape(s[i]);
        if (len == 0) {
            strbuf_addf(line, "\\x%02x", (unsigned)s[i]);
            len = 1;
        } else if (escape != NULL) {
            strbuf_adds(line, escape);
        } else if (log_is_control(s + i, len)) {
            strbuf_addf(line, "\\x%02x", (unsigned)s[i + len - 1]);
        } else {
            strbuf_add(line, s + i, len);
        }
        i += len;
    }
}

static bool log_needs_quotes(const char *text, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c <= ' ' || c == '"' || c == '\\' || c == '=' || c == 0x7F) {
            return true;
        }
    }
    return n == 0;
}

/* ---- events -------------------------------------------------------------------------------- */

static void log_add_key(struct strbuf *line, const char *key)
{
    if (log_as_json) {
        strbuf_addch(line, ',');
        log_add_json_string(line, key, strlen(key));
        strbuf_addch(line, ':');
    } else {
        strbuf_addf(line, " %s=", key);
    }
}

static void log_add_pair(struct strbuf *line, const char *key, const char *value)
{
    AUTO_STRBUF struct strbuf text = {0};
    strbuf_init(&text, LOG_MESSAGE_MAX);
    strbuf_add(&text, value, strnlen(value, LOG_MESSAGE_MAX));
    secret_redact(&text);
    log_add_key(line, key);
    if (log_as_json) {
        log_add_json_string(line, text.data, text.len);
        return;
    }
    bool quoted = log_needs_quotes(text.data, text.len);
    if (quoted) {
        strbuf_addch(line, '"');
    }
    log_add_text(line, text.data, text.len, quoted);
    if (quoted) {
        strbuf_addch(line, '"');
    }
}

static bool log_fields_have(const struct log_field *fields, const char *key)
{
    for (const struct log_field *f = fields; f != NULL && f->key != NULL; f++) {
        if (strcmp(f->key, key) == 0) {
            return true;
        }
    }
    return false;
}

static void log_add_pairs(struct strbuf *line, const struct log_field *fields)
{
    for (size_t i = 0; i < log_context_count; i++) {
        /* People read these lines: the trace is for machines (JSON), and for who debugs. */
        bool is_noise = strcmp(log_contexts[i].key, "trace_id") == 0 && !log_enabled(LOG_DEBUG);
        if (!is_noise && !log_fields_have(fields, log_contexts[i].key)) { /* each key once */
            log_add_pair(line, log_contexts[i].key, log_contexts[i].value);
        }
    }
    for (const struct log_field *f = fields; f != NULL && f->key != NULL; f++) {
        if (f->text != NULL) {
            log_add_pair(line, f->key, f->text);
        } else {
            log_add_key(line, f->key);
            strbuf_addf(line, "%lld", (long long)f->number);
        }
    }
}

static void log_add_time(struct strbuf *line)
{
    int64_t now_us = clock_wall_us();
    time_t seconds = (time_t)(now_us / 1000000);
    struct tm tm;
    char text[32] = "";
    gmtime_r(&seconds, &tm);
    strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    strbuf_addf(line, "%s.%03dZ", text, (int)(now_us / 1000 % 1000));
}

/* The message cut at LOG_MESSAGE_MAX rather than lost. */
__attribute__((format(printf, 2, 0))) static void log_format(struct strbuf *message,
                                                             const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    format = message_text(format);
    if (!strbuf_addv(message, format, args)) {
        strbuf_clear(message);
        strbuf_reserve(message, LOG_MESSAGE_MAX);
        vsnprintf(message->data, LOG_MESSAGE_MAX, format, again);
        message->len = strlen(message->data);
    }
    va_end(again);
}

static void log_write(enum log_level level, const struct log_field *fields,
                      const struct strbuf *message)
{
    AUTO_STRBUF struct strbuf line = {0};
    strbuf_init(&line, LOG_LINE_MAX);
    if (log_as_json) {
        strbuf_adds(&line, "{\"ts\":\"");
        log_add_time(&line);
        strbuf_addf(&line, "\",\"level\":\"%s\",\"msg\":", log_level_names[level]);
        log_add_json_string(&line, message->data, message->len);
        log_add_pairs(&line, fields);
        strbuf_adds(&line, "}\n");
    } else {
        log_add_time(&line);
        strbuf_addf(&line, " %s ", log_level_names[level]);
        log_add_text(&line, message->data, message->len, false);
        log_add_pairs(&line, fields);
        strbuf_addch(&line, '\n');
    }
    /* One write a line, so that lines of several processes do not mix; a log that cannot be
     * written stops nothing. */
    FILE *sink = log_sink != NULL ? log_sink : stderr;
    (void)fwrite(line.data, 1, line.len, sink);
    (void)fflush(sink);
}

void log_event(enum log_level level, const struct log_field *fields, const char *format, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    int saved_errno = errno;
    AUTO_STRBUF struct strbuf message = {0};
    strbuf_init(&message, LOG_MESSAGE_MAX);
    va_list args;
    va_start(args, format);
    log_format(&message, format, args);
    va_end(args);
    secret_redact(&message);
    log_write(level, fields, &message);
    errno = saved_errno;
}
