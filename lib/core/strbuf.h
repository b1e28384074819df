/* lib/core/strbuf.h - a growing byte buffer with a hard maximum.
 *
 * Invariants: data is never NULL after init and data[len] is NUL. Going over max sets `overflow`,
 * keeps what was there and ignores further additions, so a writer may add freely and check once.
 */
#ifndef DINER_CORE_STRBUF_H
#define DINER_CORE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct strbuf {
    char *data;
    size_t len;
    size_t capacity;
    size_t max;
    bool overflow;
};

#define STRBUF_DEFAULT_MAX ((size_t)64 << 20)

void strbuf_init(struct strbuf *sb, size_t max_bytes);   /* max 0: STRBUF_DEFAULT_MAX */
void strbuf_release(struct strbuf *sb);                  /* back to a zeroed struct; safe twice */
void strbuf_clear(struct strbuf *sb);                    /* empty, keeps memory, clears overflow */
char *strbuf_detach(struct strbuf *sb, size_t *ret_len); /* moved out, caller frees; sb re-inited */

/* Room for n more bytes at data + len; false on overflow. Then write and add to len yourself. */
bool strbuf_reserve(struct strbuf *sb, size_t n);
bool strbuf_add(struct strbuf *sb, const void *bytes, size_t n);
bool strbuf_adds(struct strbuf *sb, const char *s);
bool strbuf_addch(struct strbuf *sb, char c);
bool strbuf_addf(struct strbuf *sb, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool strbuf_addv(struct strbuf *sb, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
void strbuf_truncate(struct strbuf *sb, size_t len); /* len <= sb->len */

#define AUTO_STRBUF __attribute__((cleanup(strbuf_release)))

#endif
