/* lib/platform/openapi.h - the platform's own contract (openapi.yaml), for what is generated from
 * it. */
#ifndef DINER_PLATFORM_OPENAPI_H
#define DINER_PLATFORM_OPENAPI_H

#include "format/jsonx.h"
#include "format/ynode.h"

struct openapi {
    const struct ynode *root;
    struct arena *arena;
};
/* Of the document that is part of the program; all is of the arena. */
int openapi_open(struct arena *arena, struct openapi *ret, struct error *err);
/* What a {$ref: ...} stands for, or the node itself. NULL stays NULL. */
const struct ynode *openapi_follow(const struct openapi *api, const struct ynode *node);
/* "orders": the first word behind /api/v1, or "system". */
const char *openapi_module(const struct openapi *api, const char *path);

/* The methods an address may have, in the order in which documents list them; ends with NULL. */
extern const char *const openapi_methods[];

/* One value that fits a schema: its `example` where it has one, else one made from its type.
 * name: of the member it is for. is_request: only what must be sent. */
void openapi_example(const struct openapi *api, const struct ynode *schema, const char *name,
                     bool is_request, struct jwriter *w);
/* The same of a text, for an address: without quotes. */
void openapi_example_text(const struct openapi *api, const struct ynode *schema, const char *name,
                          struct strbuf *out);

#endif
