/* lib/schema/bind.h - text and YAML into structs, by the field tables.
 *
 * All problems of a file are collected, each with file:line:column, what was expected, what was
 * found and a suggestion; nothing stops at the first. Strings are borrowed from the arena. */
#ifndef DINER_SCHEMA_BIND_H
#define DINER_SCHEMA_BIND_H

#include "core/error.h"
#include "core/mem.h"
#include "format/ynode.h"
#include "schema/field.h"

struct diagnostic {
    const char *file;
    int line, column;
    bool is_warning;
    const char *message;
    const char *hint; /* or NULL */
};
struct diagnostics {
    struct arena *arena;
    struct diagnostic *items;
    size_t count, capacity, errors;
};
void diagnostics_init(struct diagnostics *d, struct arena *arena);
/* node may be NULL (no place). hint may be NULL or "". The same of one place is told once. */
void diagnostics_add(struct diagnostics *d, const struct ynode *node, const char *hint,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
void diagnostics_warn(struct diagnostics *d, const struct ynode *node, const char *hint,
                      const char *format, ...) __attribute__((format(printf, 4, 5)));
/* An error from elsewhere whose message already has its place or needs the node's. */
void diagnostics_add_error(struct diagnostics *d, const struct ynode *node,
                           const struct error *err);
/* Those of the file itself, as errors. */
void diagnostics_add_flaws(struct diagnostics *d, const struct ynode_flaw *flaws);
/* 0 when there is no error; else ERR_SPEC (or `code`) with the first one and "and N more". */
int diagnostics_result(const struct diagnostics *d, enum error_code code, struct error *err);

/* One scalar text into the member of out (defaults, env, argv); lists and "key=value" maps are
 * split at commas. ERR_USAGE-free: the message says
 * expected and found; the caller chooses the code and adds what it was for. */
int bind_text(const struct field *f, const char *text, void *out, struct arena *arena,
              struct error *err);
/* As bind_text, but adds to a FIELD_STRINGS or FIELD_STRING_MAP ("key=value") without splitting
 * at commas: an option given several times. Other types are set. */
int bind_append_text(const struct field *f, const char *text, void *out, struct arena *arena,
                     struct error *err);
/* Zeroes the struct and sets the default values of all fields, nested objects too. */
void bind_defaults(const struct field_set *set, void *out, struct arena *arena);
/* Defaults, then the map's keys: unknown keys with suggestion, missing required ones, wrong kinds,
 * ranges and choices become diagnostics. A NULL node binds defaults and checks required. */
void bind_yaml(const struct field_set *set, const struct ynode *map, void *out, struct arena *arena,
               struct diagnostics *d);
/* One field from its value node, as bind_yaml does it for each key of a map. */
void bind_yaml_field(const struct field *f, const struct ynode *node, void *out,
                     struct arena *arena, struct diagnostics *d);
/* The text form of a bound value, as a user would write it; secrets as ****; NULL when absent. */
const char *bind_print(const struct field *f, const void *in, struct arena *arena);
/* Parsers used by the above, for other callers. */
bool bind_parse_duration(const char *text, int64_t *ret_ms);
bool bind_parse_size(const char *text, int64_t *ret_bytes);

#endif
