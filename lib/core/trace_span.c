#include "core/trace_span.h"

#include "core/clock.h"
#include "core/mem.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct trace_span *kept;
static size_t count;
static uint64_t dropped;
static atomic_size_t maximum; /* 0: off */

static void (*sender)(void);

static _Thread_local struct trace_span *entered;
static _Thread_local bool is_muted;

void trace_spans_keep(size_t max)
{
    pthread_mutex_lock(&lock);
    if (kept == NULL && max > 0)
        kept = mem_alloc(max * sizeof *kept);
    atomic_store(&maximum, max);
    pthread_mutex_unlock(&lock);
}

bool trace_spans_any(void)
{
    pthread_mutex_lock(&lock);
    bool any = count > 0 || dropped > 0;
    pthread_mutex_unlock(&lock);
    return any;
}

void trace_spans_sender(void (*send)(void))
{
    sender = send;
}

void trace_spans_flush(void)
{
    if (sender == NULL)
        return;
    is_muted = true;
    sender();
    is_muted = false;
}

void trace_spans_forked(void)
{
    count = 0;
    dropped = 0;
}

struct trace_span *trace_spans_take(size_t *ret_count, uint64_t *ret_dropped)
{
    pthread_mutex_lock(&lock);
    struct trace_span *all = kept;
    size_t max = atomic_load(&maximum);
    *ret_count = count;
    *ret_dropped = dropped;
    kept = max > 0 ? mem_alloc(max * sizeof *kept) : NULL;
    count = 0;
    dropped = 0;
    pthread_mutex_unlock(&lock);
    return all;
}

void trace_spans_free(struct trace_span *spans, size_t n)
{
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < spans[i].nattributes; k++)
            free(spans[i].attributes[k].text);
    free(spans);
}

static bool is_recorded(const struct trace_span *s)
{
    return s->id[0] != '\0';
}

static bool is_on(void)
{
    return !is_muted && atomic_load(&maximum) > 0;
}

static void new_id(char *ret, size_t digits)
{
    for (size_t i = 0; i < digits; i += 16)
        snprintf(ret + i, 17, "%016llx", (unsigned long long)(clock_random_u64() | 1));
}

static void start(struct trace_span *s, enum trace_span_kind kind, const char *name)
{
    s->kind = kind;
    s->start_us = clock_wall_us();
    s->started_ns = clock_monotonic_ns();
    snprintf(s->name, sizeof s->name, "%s", name);
    new_id(s->id, 16);
}

void trace_span_begin(struct trace_span *s, enum trace_span_kind kind, const char *name)
{
    *s = (struct trace_span){0};
    if (!is_on())
        return;
    if (entered != NULL) {
        memcpy(s->trace_id, entered->trace_id, sizeof s->trace_id);
        memcpy(s->parent, entered->id, sizeof s->parent);
    } else if (trace_id() != NULL) {
        memcpy(s->trace_id, trace_id(), sizeof s->trace_id);
        trace_caller(s->parent);
    } else {
        new_id(s->trace_id, 32);
    }
    start(s, kind, name);
}

void trace_span_begin_remote(struct trace_span *s, const char *traceparent, const char *name)
{
    bool is_sampled;
    *s = (struct trace_span){0};
    if (!is_on())
        return;
    if (trace_parse(traceparent, s->trace_id, &is_sampled))
        snprintf(s->parent, sizeof s->parent, "%.16s", traceparent + 36);
    else
        new_id(s->trace_id, 32);
    start(s, TRACE_SPAN_SERVER, name);
}

void trace_span_enter(struct trace_span *s)
{
    if (!is_recorded(s) || entered == s)
        return;
    s->outer = entered;
    entered = s;
}

static void trace_span_leave(struct trace_span *s)
{
    if (entered == s)
        entered = s->outer;
}

static struct trace_span_attribute *add_attribute(struct trace_span *s, const char *key)
{
    if (!is_recorded(s) || s->nattributes == TRACE_SPAN_ATTRIBUTES_MAX)
        return NULL;
    struct trace_span_attribute *a = &s->attributes[s->nattributes++];
    a->key = key;
    return a;
}

void trace_span_text(struct trace_span *s, const char *key, const char *text, size_t length)
{
    struct trace_span_attribute *a = add_attribute(s, key);
    if (a != NULL)
        a->text = mem_strndup(text, length);
}

void trace_span_number(struct trace_span *s, const char *key, int64_t number)
{
    struct trace_span_attribute *a = add_attribute(s, key);
    if (a != NULL)
        a->number = number;
}

void trace_span_fail(struct trace_span *s, const char *why)
{
    if (is_recorded(s))
        snprintf(s->failure, sizeof s->failure, "%s", why);
}

void trace_span_end(struct trace_span *s)
{
    if (!is_recorded(s))
        return;
    trace_span_leave(s);
    s->end_us = s->start_us + (clock_monotonic_ns() - s->started_ns) / 1000;
    pthread_mutex_lock(&lock);
    bool has_room = count < atomic_load(&maximum);
    if (has_room)
        kept[count++] = *s;
    else
        dropped++;
    pthread_mutex_unlock(&lock);
    for (size_t i = 0; i < s->nattributes && !has_room; i++)
        free(s->attributes[i].text);
    s->nattributes = 0;
    s->id[0] = '\0';
}

void trace_span_traceparent(const struct trace_span *s, char ret[TRACE_PARENT_MAX])
{
    if (is_recorded(s))
        snprintf(ret, TRACE_PARENT_MAX, "00-%s-%s-01", s->trace_id, s->id);
    else
        trace_parent(ret);
}
