/* lib/core/mem.h - allocation that cannot fail, and the arena.
 *
 * Every size that comes from input is capped by its reader before it gets here, so running out of
 * memory means the machine is out of memory: the process writes one line and aborts, which is the
 * same to our data as kill -9, and that every guarantee survives. Nobody checks for NULL.
 * An arena hands out memory that is freed as a whole: one per command, one per batch.
 */
#ifndef DINER_CORE_MEM_H
#define DINER_CORE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t bytes);              /* zeroed; free with free() */
void *mem_realloc(void *p, size_t bytes);   /* grown part not zeroed */
void *mem_array(size_t count, size_t each); /* zeroed, product overflow checked */
void *mem_grow(void *p, size_t *capacity, size_t needed, size_t each); /* amortised doubling */
char *mem_strdup(const char *s);                                       /* NULL gives NULL */
char *mem_strndup(const char *s, size_t n);

/* Bytes not owned: a pointer into somebody else's memory, not NUL-terminated. */
struct span {
    const char *ptr;
    size_t len;
};
#define SPAN(literal) ((struct span){(literal), sizeof(literal) - 1})
struct span span_of(const char *s); /* NULL gives {NULL, 0} */
int span_equal(struct span a, struct span b);

struct arena;
struct arena *arena_new(void);
void arena_free(struct arena *a);  /* NULL-safe */
void arena_clear(struct arena *a); /* all memory handed out becomes invalid, blocks are kept */
void *arena_alloc(struct arena *a, size_t bytes); /* zeroed, aligned for any type */
void *arena_array(struct arena *a, size_t count, size_t each);
char *arena_strdup(struct arena *a, const char *s); /* NULL gives NULL */
char *arena_strndup(struct arena *a, const char *s, size_t n);
char *arena_printf(struct arena *a, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Cleanup attributes: autofree(char) *p = ...; */
void mem_cleanup_free(void *pp);
#define AUTOFREE __attribute__((cleanup(mem_cleanup_free)))

#endif
