/* lib/core/strbuf.c - a growing byte buffer with a hard maximum. */
#include "core/strbuf.h"
#include "core/mem.h"
#include <stdio.h>
#include <stdlib.h>

#define STRBUF_FIRST_BYTES ((size_t)64)

void strbuf_init(struct strbuf *sb, size_t max_bytes)
{
    sb->data = mem_alloc(STRBUF_FIRST_BYTES);
    sb->capacity = STRBUF_FIRST_BYTES;
    sb->len = 0;
    sb->max = max_bytes > 0 ? max_bytes : STRBUF_DEFAULT_MAX;
    sb->overflow = false;
}

void strbuf_release(struct strbuf *sb)
{
    free(sb->data);
    *sb = (struct strbuf){0};
}

void strbuf_clear(struct strbuf *sb)
{
    sb->len = 0;
    sb->overflow = false;
    if (sb->data != NULL) {
        sb->data[0] = '\0';
    }
}

char *strbuf_detach(struct strbuf *sb, size_t *ret_len)
{
    char *data = sb->data != NULL ? sb->data : mem_strdup("");
    if (ret_len != NULL) {
        *ret_len = sb->len;
    }
    strbuf_init(sb, sb->max);
    return data;
}

static void strbuf_enlarge(struct strbuf *sb, size_t needed)
{
    size_t capacity = sb->capacity < STRBUF_FIRST_BYTES ? STRBUF_FIRST_BYTES : sb->capacity;
    while (capacity < needed) {
        capacity = capacity > needed / 2 ? capacity * 2 : needed;
    }
    /* Never more than the maximum and its NUL: a cap is a promise about memory too. */
    if (capacity > sb->max + 1) {
        capacity = sb->max + 1;
    }
    bool was_empty = sb->data == NULL;
    sb->data = mem_realloc(sb->data, capacity);
    sb->capacity = capacity;
    if (was_empty) {
        sb->data[0] = '\0';
    }
}

bool strbuf_reserve(struct strbuf *sb, size_t n)
{
    if (sb->max == 0) { /* a zeroed struct behaves like a freshly initialised one */
        sb->max = STRBUF_DEFAULT_MAX;
    }
    if (sb->overflow || n > sb->max - sb->len) {
        sb->overflow = true;
        return false;
    }
    if (sb->len + n + 1 > sb->capacity) {
        strbuf_enlarge(sb, sb->len + n + 1);
    }
    return true;
}

bool strbuf_add(struct strbuf *sb, const void *bytes, size_t n)
{
    if (!strbuf_reserve(sb, n)) {
        return false;
    }
    if (n > 0) {
        memcpy(sb->data + sb->len, bytes, n);
    }
    sb->len += n;
    sb->data[sb->len] = '\0';
    return true;
}

bool strbuf_adds(struct strbuf *sb, const char *s)
{
    return strbuf_add(sb, s, strlen(s));
}

bool strbuf_addch(struct strbuf *sb, char c)
{
    return strbuf_add(sb, &c, 1);
}

bool strbuf_addf(struct strbuf *sb, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    bool ok = strbuf_addv(sb, format, args);
    va_end(args);
    return ok;
}

bool strbuf_addv(struct strbuf *sb, const char *format, va_list args)
{
    if (!strbuf_reserve(sb, 0)) {
        return false;
    }
    va_list again;
    va_copy(again, args);
    size_t room = sb->capacity - sb->len;
    int n = vsnprintf(sb->data + sb->len, room, format, args);
    bool ok = n >= 0;
    if (ok && (size_t)n >= room) {
        ok = strbuf_reserve(sb, (size_t)n);
        if (ok) {
            vsnprintf(sb->data + sb->len, (size_t)n + 1, format, again);
        }
    } else if (ok && (size_t)n > sb->max - sb->len) {
        sb->overflow = true;
        ok = false;
    }
    va_end(again);
    if (ok) {
        sb->len += (size_t)n;
    }
    sb->data[sb->len] = '\0';
    return ok;
}

void strbuf_truncate(struct strbuf *sb, size_t len)
{
    if (len <= sb->len && sb->data != NULL) {
        sb->len = len;
        sb->data[len] = '\0';
    }
}
