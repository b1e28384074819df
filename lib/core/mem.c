/* lib/core/mem.c - allocation that cannot fail, spans, the arena. */
#include "core/mem.h"
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Under AddressSanitizer the unused part of an arena is poisoned, so that running over the end of
 * an object or using it after arena_clear is seen, as it would be with malloc. */
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(p, n)   ((void)(p), (void)(n))
#define ASAN_UNPOISON_MEMORY_REGION(p, n) ((void)(p), (void)(n))
#endif

static _Noreturn void mem_exhausted(void)
{
    static const char line[] = "diner: out of memory\n";
    ssize_t ignored = write(STDERR_FILENO, line, sizeof line - 1);
    (void)ignored;
    abort();
}

static size_t mem_product(size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes)) {
        mem_exhausted();
    }
    return bytes;
}

void *mem_alloc(size_t bytes)
{
    void *p = calloc(1, bytes > 0 ? bytes : 1);
    if (p == NULL) {
        mem_exhausted();
    }
    return p;
}

void *mem_realloc(void *p, size_t bytes)
{
    void *grown = realloc(p, bytes > 0 ? bytes : 1);
    if (grown == NULL) {
        mem_exhausted();
    }
    return grown;
}

void *mem_array(size_t count, size_t each)
{
    return mem_alloc(mem_product(count, each));
}

void *mem_grow(void *p, size_t *capacity, size_t needed, size_t each)
{
    if (needed <= *capacity && p != NULL) {
        return p;
    }
    size_t target = *capacity < 8 ? 8 : *capacity;
    while (target < needed) {
        target = mem_product(target, 2);
    }
    char *grown = mem_realloc(p, mem_product(target, each));
    /* Zeroed as by mem_array, so that an entry is the same however its array came to be. */
    size_t old = p != NULL ? *capacity : 0;
    memset(grown + old * each, 0, (target - old) * each);
    *capacity = target;
    return grown;
}

char *mem_strdup(const char *s)
{
    return s != NULL ? mem_strndup(s, strlen(s)) : NULL;
}

/* n + 1 bytes are allocated even when a NUL comes earlier: the caller may go by its own n. */
char *mem_strndup(const char *s, size_t n)
{
    if (s == NULL) {
        return NULL;
    }
    char *copy = mem_alloc(n + 1);
    memcpy(copy, s, strnlen(s, n));
    return copy;
}

void mem_cleanup_free(void *pp)
{
    void *p;
    memcpy(&p, pp, sizeof p);
    free(p);
}

struct span span_of(const char *s)
{
    return (struct span){s, s != NULL ? strlen(s) : 0};
}

int span_equal(struct span a, struct span b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* ---- arena --------------------------------------------------------------------------------- */

#define ARENA_ALIGN           ((size_t)16)
#define ARENA_FIRST_BYTES     ((size_t)4 << 10)
#define ARENA_MAX_BLOCK_BYTES ((size_t)256 << 10)

struct arena_block {
    struct arena_block *next;
    size_t size;
    size_t used;
    _Alignas(16) unsigned char bytes[];
};

/* Blocks form one list; those after `current` are empty, left from before the last clear. */
struct arena {
    struct arena_block *first;
    struct arena_block *current;
    size_t next_size;
};

static struct arena_block *arena_block_new(size_t size)
{
    struct arena_block *block = mem_realloc(NULL, sizeof *block + size);
    block->next = NULL;
    block->size = size;
    block->used = 0;
    ASAN_POISON_MEMORY_REGION(block->bytes, size);
    return block;
}

struct arena *arena_new(void)
{
    struct arena *a = mem_alloc(sizeof *a);
    a->first = a->current = arena_block_new(ARENA_FIRST_BYTES);
    a->next_size = ARENA_FIRST_BYTES * 2;
    return a;
}

void arena_free(struct arena *a)
{
    if (a == NULL) {
        return;
    }
    struct arena_block *block = a->first;
    while (block != NULL) {
        struct arena_block *next = block->next;
        ASAN_UNPOISON_MEMORY_REGION(block->bytes, block->size);
        free(block);
        block = next;
    }
    free(a);
}

void arena_clear(struct arena *a)
{
    for (struct arena_block *block = a->first; block != NULL; block = block->next) {
        block->used = 0;
        ASAN_POISON_MEMORY_REGION(block->bytes, block->size);
    }
    a->current = a->first;
}

/* Moves on to a kept block with room, or adds one behind the current. */
static struct arena_block *arena_next_block(struct arena *a, size_t bytes)
{
    struct arena_block *block = a->current;
    while (block->next != NULL) {
        block = block->next;
        if (block->size >= bytes) {
            a->current = block;
            return block;
        }
    }
    size_t size = a->next_size > bytes ? a->next_size : bytes;
    if (a->next_size < ARENA_MAX_BLOCK_BYTES) {
        a->next_size *= 2;
    }
    block->next = arena_block_new(size);
    a->current = block->next;
    return a->current;
}

void *arena_alloc(struct arena *a, size_t bytes)
{
    if (bytes > SIZE_MAX / 2) {
        mem_exhausted();
    }
    size_t rounded = (bytes + ARENA_ALIGN - 1) & ~(ARENA_ALIGN - 1);
    if (rounded == 0) {
        rounded = ARENA_ALIGN;
    }
    struct arena_block *block = a->current;
    if (block->size - block->used < rounded) {
        block = arena_next_block(a, rounded);
    }
    unsigned char *p = block->bytes + block->used;
    block->used += rounded;
    ASAN_UNPOISON_MEMORY_REGION(p, bytes);
    memset(p, 0, bytes);
    return p;
}

void *arena_array(struct arena *a, size_t count, size_t each)
{
    return arena_alloc(a, mem_product(count, each));
}

char *arena_strdup(struct arena *a, const char *s)
{
    return s != NULL ? arena_strndup(a, s, strlen(s)) : NULL;
}

char *arena_strndup(struct arena *a, const char *s, size_t n)
{
    if (s == NULL) {
        return NULL;
    }
    char *copy = arena_alloc(a, n + 1);
    memcpy(copy, s, strnlen(s, n));
    return copy;
}

char *arena_printf(struct arena *a, const char *format, ...)
{
    va_list args;
    va_list again;
    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    size_t size = n >= 0 ? (size_t)n + 1 : 1;
    char *text = arena_alloc(a, size);
    if (n >= 0) {
        vsnprintf(text, size, format, again);
    }
    va_end(again);
    return text;
}
