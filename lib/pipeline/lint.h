/* lib/pipeline/lint.h - what may be linted: pipelines by name or file, all files of a directory,
 * and the YAML blocks of Markdown pages that are whole pipelines or jobs. */
#ifndef DINER_PIPELINE_LINT_H
#define DINER_PIPELINE_LINT_H

#include "pipeline/spec.h"

struct connector_builtin;
struct lint_connector;
struct lint {
    struct arena *arena;
    const struct config *config;
    const struct connector_builtin *builtins;
    void (*tell)(void *self, const struct diagnostic *d);
    void *self;
    size_t checked, errors;            /* counted up */
    struct lint_connector *connectors; /* looked at so far; NULL at first */
};
/* A name, a .yaml or .yml file, a .md file, or a directory (its files of these kinds, by name).
 * Problems are told, not returned; only what cannot be looked at is an error. */
int lint_path(struct lint *l, const char *what, struct error *err);

#endif
