/* lib/net/formula.h - texts of auth and sign: literal text with named values and functions of them.
 *
 *   ${name}          a value by name; UPPER_CASE is the environment
 *   ${name:-text}    the same, or this when it is unset or empty
 *   ${function:text} of a text, which may hold further ${...}: base64, url (RFC 3986), upper,
 * lower, md5, sha1, sha256 (lower-case hex), json (a JSON string); those of the owner
 *   $${              a literal ${
 *
 * What was put in is not looked at again. In a JSON body a scalar that is ${raw:...} as a whole
 * stands there without quotes, a number for example. */
#ifndef DINER_NET_FORMULA_H
#define DINER_NET_FORMULA_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "format/ynode.h"
#include <stdbool.h>

struct formula_scope {
    /* Appends the value of a name, or of the owner's function `name` of `argument` (NULL: it is a
     * plain name). *ret_found stays false when there is no such name. */
    int (*value)(void *self, const char *name, const struct span *argument, struct strbuf *out,
                 bool *ret_found, struct error *err);
    void *self;
    bool is_masked; /* values may be ****: what would hide that, base64 and digests, is **** too */
};

/* Appends the text with its values. ERR_SPEC for what is malformed or unknown, ERR_LIMIT when out
 * is full; then out is as it was. */
int formula_render(const char *text, const struct formula_scope *scope, struct strbuf *out,
                   struct error *err);
/* A YAML tree as JSON: plain numbers, true, false and null as such, all else as strings. */
int formula_json(const struct ynode *node, const struct formula_scope *scope, struct strbuf *out,
                 struct error *err);
/* One text as a JSON string, or as it is when it is ${raw:...} as a whole. */
int formula_json_text(const char *text, const struct formula_scope *scope, struct strbuf *out,
                      struct error *err);
/* Checks a text without values: syntax, functions, and that each name is known. */
struct formula_names {
    bool (*known)(void *self, const char *name, bool is_function);
    void *self;
};
int formula_check(const char *text, const struct formula_names *names, struct error *err);
/* Whether the text uses the name; false for what is malformed. */
bool formula_uses(const char *text, const char *name);

#endif
