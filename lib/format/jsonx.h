/* lib/format/jsonx.h - small JSON documents (jansson), and writing JSON.
 *
 * Reading refuses duplicate keys and documents over 16 MiB. Reals lose their text here: records
 * with money go through jpull.h. */
#ifndef DINER_FORMAT_JSONX_H
#define DINER_FORMAT_JSONX_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include <stdbool.h>
#include <stdint.h>

struct jsonx; /* an owned document, or a borrowed node of one */

int jsonx_parse(const char *text, size_t n, const char *name, struct jsonx **ret,
                struct error *err); /* ERR_DATA with name:line:column */
/* For what a library of this process wrote, not for input: up to 2,048 levels deep, where
 * jsonx_parse stops at JPULL_DEPTH_MAX. */
int jsonx_parse_deep(const char *text, size_t n, const char *name, struct jsonx **ret,
                     struct error *err);
void jsonx_free(struct jsonx *doc); /* only what these two gave; NULL-safe */

enum jsonx_kind {
    JSONX_NONE,
    JSONX_NULL,
    JSONX_BOOL,
    JSONX_INTEGER,
    JSONX_REAL,
    JSONX_STRING,
    JSONX_ARRAY,
    JSONX_OBJECT
};
/* Nodes are borrowed from the document. NULL node arguments give NONE / NULL / 0. */
const struct jsonx *jsonx_get(const struct jsonx *object, const char *key);
const struct jsonx *jsonx_at(const struct jsonx *array, size_t i);
const struct jsonx *jsonx_pointer(const struct jsonx *doc, const char *rfc6901);
enum jsonx_kind jsonx_kind_of(const struct jsonx *node);
size_t jsonx_count(const struct jsonx *node);                /* members or elements */
const char *jsonx_key(const struct jsonx *object, size_t i); /* i-th key, document order */
const struct jsonx *jsonx_value(const struct jsonx *object, size_t i);
const char *jsonx_text(const struct jsonx *node);           /* strings; else NULL */
bool jsonx_integer(const struct jsonx *node, int64_t *ret); /* integers only */
bool jsonx_real(const struct jsonx *node, double *ret); /* integers and reals; never for money */
bool jsonx_is_true(const struct jsonx *node);
bool jsonx_dump(const struct jsonx *node, struct strbuf *out); /* compact, order kept */

/* Writing: appends to out, commas placed by the writer's own state.
 *   struct jwriter w; jwriter_init(&w, &buf);
 *   jwriter_object(&w); jwriter_key(&w, "a"); jwriter_int(&w, 1); jwriter_end(&w); */
struct jwriter {
    struct strbuf *out;
    int depth;
    int indent; /* 0: compact */
    bool comma[64];
    bool array[64];
    bool after_key;
};
void jwriter_init(struct jwriter *w, struct strbuf *out);
void jwriter_init_pretty(struct jwriter *w, struct strbuf *out); /* two spaces */
void jwriter_object(struct jwriter *w);
void jwriter_array(struct jwriter *w);
void jwriter_end(struct jwriter *w); /* closes the innermost object or array */
void jwriter_key(struct jwriter *w, const char *key);
void jwriter_string(struct jwriter *w, const char *s); /* NULL writes null */
void jwriter_span(struct jwriter *w, struct span s);   /* a string; invalid UTF-8 becomes U+FFFD */
void jwriter_int(struct jwriter *w, int64_t value);
void jwriter_double(struct jwriter *w, double value); /* shortest that reads back; not for money */
void jwriter_bool(struct jwriter *w, bool value);
void jwriter_null(struct jwriter *w);
void jwriter_raw(struct jwriter *w, struct span json); /* already JSON: a number's text, a value */
/* Key and value in one call. */
void jwriter_kstring(struct jwriter *w, const char *key, const char *s);
void jwriter_kint(struct jwriter *w, const char *key, int64_t value);
void jwriter_kbool(struct jwriter *w, const char *key, bool value);
void jwriter_kraw(struct jwriter *w, const char *key, const char *json);
/* Appends s as a JSON string with its quotes. */
bool jsonx_quote(struct strbuf *out, struct span s);

#endif
