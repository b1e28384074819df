/* lib/db/ddl_lexer.h - SQL as words, for lib/db/ddl.c. */
#ifndef DINER_DB_DDL_LEXER_H
#define DINER_DB_DDL_LEXER_H

#include "core/mem.h"
#include <stdbool.h>

/* A word or number, a string with its quotes ('...', $$...$$, "..."), or one other character. */
struct ddl_token {
    const char *start;
    size_t len;
};
/* The words of one statement, without its semicolon. */
struct ddl_words {
    struct ddl_token *items; /* the caller's to free */
    size_t count, capacity;
    int line; /* of the first, from 1 */
};

/* Reads the next statement from *p on, which moves behind it. false: there is none. Whatever does
 * not end (a string, a comment) ends with the text. */
bool ddl_words_next(const char **p, const char *end, int *line, struct ddl_words *ret);
/* Is the i-th word this one (any case)? false behind the end. */
bool ddl_word_is(const struct ddl_words *w, size_t i, const char *word);
bool ddl_token_is(const struct ddl_token *t, const char *word);

#endif
