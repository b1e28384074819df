/* lib/schema/field.h - the one declaration: a command option, a setting, a connector or pipeline
 * key is declared once as a `struct field` and everything else walks over it: parsing,
 * validation with line:column and "did you mean", --help, man pages, completions, the reference
 * and the JSON schema.
 */
#ifndef DINER_SCHEMA_FIELD_H
#define DINER_SCHEMA_FIELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ynode;
struct field_set;

/* The C type at `offset` for each field type. */
enum field_type {
    FIELD_STRING = 1,  /* const char *, NULL when absent */
    FIELD_BOOL,        /* bool: true/false/yes/no/on/off */
    FIELD_INT,         /* int64_t, within min..max when max > min; 1_000 accepted */
    FIELD_DURATION,    /* int64_t ms: "500ms" "30s" "10m" "24h" "7d"; min..max in ms */
    FIELD_SIZE,        /* int64_t bytes: "64KiB" "10MB" "1GiB" or plain bytes */
    FIELD_RATE,        /* struct field_rate: "20/s" "100/m" "1000/h" */
    FIELD_FRACTION,    /* int64_t millionths: "0.1%" is 1000, "0.25" is 250000 */
    FIELD_CHOICE,      /* int: index into choices */
    FIELD_DATE,        /* const char *, checked later by the owner of the business zone */
    FIELD_TIME_OF_DAY, /* int32_t seconds: "04:00" */
    FIELD_STRINGS,     /* struct field_strings: a list, or one scalar */
    FIELD_STRING_MAP,  /* struct field_string_map: name: scalar */
    FIELD_NODE,        /* const struct ynode *: bound by its owner */
    FIELD_OBJECT,      /* struct at offset, described by sub */
    FIELD_OBJECT_PTR,  /* pointer to such a struct, NULL when absent */
    FIELD_OBJECTS,     /* struct field_objects: a list of sub */
    FIELD_OBJECT_MAP,  /* struct field_objects with names: name: sub */
};

#define FIELD_WHOLE 1000000 /* a share of 100 % in millionths */

struct field_rate {
    int64_t count;
    int64_t per_ms; /* 0: no limit declared */
};
struct field_strings {
    const char **items;
    size_t count;
};
struct field_string_map {
    const char **keys;
    const char **values; /* NULL for a YAML null */
    size_t count;
};
struct field_objects {
    void *items;                /* array of sub->struct_size */
    const char **names;         /* OBJECT_MAP only */
    const struct ynode **nodes; /* where each stood */
    size_t count;
};

enum field_flag {
    FIELD_REQUIRED = 1 << 0,
    FIELD_SECRET = 1 << 1,     /* never shown; refused on a command line */
    FIELD_HIDDEN = 1 << 2,     /* works, not documented */
    FIELD_DEPRECATED = 1 << 3, /* works with a warning; `renamed_to` says the new name */
    FIELD_POSITIONAL = 1 << 4, /* a command's argument, in table order */
    FIELD_REPEAT = 1 << 5,     /* option may be given several times (FIELD_STRINGS, STRING_MAP) */
    FIELD_LATE = 1 << 6,       /* value may hold ${...} filled in while running */
    FIELD_NAMED = 1 << 7,      /* FIELD_NODE with `sub`: a map of name to that */
};

struct field {
    const char *name; /* YAML key or --long-option: "max_rejects", "dry-run" */
    enum field_type type;
    size_t offset;
    const char *help; /* one line, no full stop */
    char short_name;
    unsigned flags;
    const char *arg;            /* "FILE", "N"; by type when NULL */
    const char *def;            /* as the user would write it; NULL: zero value */
    const char *env;            /* environment variable */
    const char *config;         /* setting (dotted key of diner.yaml) that gives the default */
    const char *const *choices; /* NULL-terminated */
    int64_t min, max;
    const struct field_set *sub;
    const char *renamed_to;
    const char *complete; /* completion: "file", "dir", "pipeline", "store", "setting" */
    const char *since;    /* version that brought it */
    /* FIELD_NODE: the i-th table that may describe it, NULL at the end. `sub` instead: the one. */
    const struct field_set *(*variant)(size_t i);
};

struct field_set {
    const char *name; /* "stream", for messages and the reference */
    const char *help; /* one sentence for the reference */
    size_t struct_size;
    const struct field *fields; /* ends with name NULL */
    const char *scalar;         /* key a bare scalar stands for ("type" of a column), or NULL */
    const char *open_keys;      /* non-NULL: unknown keys are allowed, and what they mean */
};

/* The field of that name, or NULL. */
const struct field *field_find(const struct field_set *set, const char *name);
/* Bytes of the C type at a field's offset. */
size_t field_type_size(const struct field *f);

/* Self-check of a table (names unique and well-formed, defaults parse, choices present, help
 * present, offsets inside), nested sets included. Returns NULL or a description of the first
 * defect in a static buffer. */
const char *field_set_check(const struct field_set *set);

#endif
