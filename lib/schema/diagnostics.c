/* Problems of a file, collected with their places. */
#include "core/message.h"
#include "core/strbuf.h"
#include "schema/bind.h"
#include <stdio.h>
#include <string.h>

void diagnostics_init(struct diagnostics *d, struct arena *arena)
{
    *d = (struct diagnostics){.arena = arena};
}

static struct diagnostic *diagnostics_push(struct diagnostics *d, const struct ynode *node,
                                           const char *hint)
{
    if (d->count == d->capacity) {
        size_t capacity = d->capacity ? 2 * d->capacity : 8;
        struct diagnostic *items = arena_array(d->arena, capacity, sizeof(*items));
        if (d->count > 0)
            memcpy(items, d->items, d->count * sizeof(*items));
        d->items = items;
        d->capacity = capacity;
    }
    struct diagnostic *one = &d->items[d->count++];
    *one = (struct diagnostic){.hint = hint && hint[0] ? arena_strdup(d->arena, message_text(hint))
                                                       : NULL};
    if (node) {
        one->file = node->file;
        one->line = node->line;
        one->column = node->column;
    }
    return one;
}

static const char *diagnostics_text(struct diagnostics *d, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));

static const char *diagnostics_text(struct diagnostics *d, const char *format, va_list args)
{
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, ERROR_MESSAGE_MAX);
    strbuf_addv(&text, message_text(format), args);
    if (text.overflow) {
        strbuf_clear(&text);
        strbuf_adds(&text, message_text("a problem whose text is too long to show"));
    }
    return arena_strndup(d->arena, text.data, text.len);
}

/* What many bind, as `defaults` are by every stream, is told once. */
static bool is_told(const struct diagnostics *d, const struct diagnostic *one)
{
    for (const struct diagnostic *other = d->items; other < one; other++)
        if (other->line == one->line && other->column == one->column && one->line > 0 &&
            !other->is_warning && strcmp(other->message, one->message) == 0)
            return true;
    return false;
}

void diagnostics_add(struct diagnostics *d, const struct ynode *node, const char *hint,
                     const char *format, ...)
{
    va_list args;
    struct diagnostic *one = diagnostics_push(d, node, hint);

    va_start(args, format);
    one->message = diagnostics_text(d, format, args);
    va_end(args);
    if (is_told(d, one))
        d->count--;
    else
        d->errors++;
}

void diagnostics_warn(struct diagnostics *d, const struct ynode *node, const char *hint,
                      const char *format, ...)
{
    va_list args;
    struct diagnostic *one = diagnostics_push(d, node, hint);

    va_start(args, format);
    one->message = diagnostics_text(d, format, args);
    va_end(args);
    one->is_warning = true;
}

void diagnostics_add_error(struct diagnostics *d, const struct ynode *node, const struct error *err)
{
    const char *file = node ? node->file : NULL;
    bool has_place =
        file && strncmp(err->message, file, strlen(file)) == 0 && err->message[strlen(file)] == ':';

    diagnostics_add(d, has_place ? NULL : node, err->hint[0] ? err->hint : NULL, "%s",
                    err->message);
}

void diagnostics_add_flaws(struct diagnostics *d, const struct ynode_flaw *flaws)
{
    for (const struct ynode_flaw *f = flaws; f; f = f->next)
        diagnostics_add(d, NULL, f->hint[0] ? f->hint : NULL, "%s", f->message);
}

int diagnostics_result(const struct diagnostics *d, enum error_code code, struct error *err)
{
    const struct diagnostic *first = NULL;
    char place[300] = "", more[64] = "";

    for (size_t i = 0; i < d->count && !first; i++)
        if (!d->items[i].is_warning)
            first = &d->items[i];
    if (!first)
        return 0;
    if (first->file && first->line > 0)
        (void)snprintf(place, sizeof(place), "%.256s:%d:%d: ", first->file, first->line,
                       first->column);
    else if (first->file)
        (void)snprintf(place, sizeof(place), "%.256s: ", first->file);
    if (d->errors > 1)
        (void)snprintf(more, sizeof(more), message_text(" (and %zu more)"), d->errors - 1);
    error_set(err, code, "%s%s%s", place, first->message, more);
    if (first->hint)
        error_hint(err, "%s", first->hint);
    return (int)code;
}
