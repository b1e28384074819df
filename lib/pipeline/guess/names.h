/* lib/pipeline/guess/names.h - names and texts of a guessed file: identifiers out of headers, what
 * a name says about its column, YAML scalars, shapes of values. */
#ifndef DINER_PIPELINE_GUESS_NAMES_H
#define DINER_PIPELINE_GUESS_NAMES_H

#include "core/mem.h"
#include "core/strbuf.h"

#include <stdbool.h>

/* What a header says of its column. */
enum name_hint {
    NAME_CODE = 1 << 0,     /* an identifier: text, whatever it looks like */
    NAME_MONEY = 1 << 1,    /* an amount */
    NAME_QUANTITY = 1 << 2, /* a quantity: fractions of a unit are likely */
    NAME_TIME = 1 << 3,     /* a date or time */
    NAME_PERSONAL = 1 << 4, /* about a person */
    NAME_LABEL = 1 << 5,    /* a name of something, no identifier */
};
unsigned name_hints(const char *header);

/* A lower-case identifier for a header, in English where the word is a usual one of ERPs:
 * "仓库编码" is warehouse_code, "Unit of Measure" unit_of_measure; other scripts stay. Never empty,
 * never beginning with '_', at most 60 bytes. */
const char *name_column(struct arena *arena, const char *header, size_t number);
/* [a-z][a-z0-9_]* for pipelines, streams and tables, from a path, a URL or a table. */
const char *name_stem(struct arena *arena, const char *path);

/* Appends text as a YAML scalar that reads back as itself, in block or flow style. */
void name_yaml(struct strbuf *out, const char *text);
/* The same of a text whose ${...} are meant. */
void name_yaml_template(struct strbuf *out, const char *text);
/* The shape of a value: digits 9, letters a and A, other scripts 字, at most 24 characters. */
void name_shape(struct strbuf *out, struct span value);
/* A literal inside an extended regular expression. */
void name_regex(struct strbuf *out, struct span literal);

#endif
