/* lib/schema/interpolate.h - ${NAME}, ${NAME:-default} and ${scope.name} in scalar values.
 *
 * Put in after parsing, into values only, so a value can never change the structure. `$${` is a
 * literal `${`. UPPER_CASE names are the environment; lower-case ones belong to the caller. */
#ifndef DINER_SCHEMA_INTERPOLATE_H
#define DINER_SCHEMA_INTERPOLATE_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "schema/bind.h"

enum interpolate_result { INTERPOLATE_VALUE, INTERPOLATE_UNDEFINED, INTERPOLATE_LATER };
/* Details: the default serves when the variable is unset or empty, runs to the next `}` and holds
 * no further ${. What was put in is not looked at again. Where a part is left for LATER the
 * escapes of that text stay too, so that the later pass sees them (for a literal `${` in a text
 * without such a part write `$$${`).
 *
 * Called for a lower-case name; sets *ret_value (borrowed) for VALUE. LATER leaves the text. */
typedef enum interpolate_result (*interpolate_resolver)(void *self, const char *name,
                                                        const char **ret_value);
/* Environment lookup is built in (getenv). In place over the whole tree; problems with line and
 * column of the scalar. resolver NULL: every lower-case name is LATER, and a later pass is sure to
 * come: all escapes stay, and `${` in what was put in becomes one. bind_yaml is that pass for
 * values that hold no ${...}. */
void interpolate_tree(struct ynode *root, interpolate_resolver resolver, void *self,
                      struct arena *arena, struct diagnostics *d);
/* One text; ERR_SPEC for an undefined name or a malformed ${. */
int interpolate_text(const char *text, interpolate_resolver resolver, void *self,
                     struct strbuf *out, struct error *err);
/* Calls `name` for each ${name} found (without default); for lint and for binding SQL. */
int interpolate_names(const char *text, void (*name)(void *self, const char *name, size_t offset),
                      void *self, struct error *err);

/* What a text without ${...} means: its escapes ended. */
const char *interpolate_plain(const char *text, struct arena *arena);

#endif
