/* cmd/docs.h - what `diner __docs` writes that is more than a walk over one table. */
#ifndef DINER_CMD_DOCS_H
#define DINER_CMD_DOCS_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* A declarative configuration of Kong 3 for the platform's API, by the OpenAPI file. */
int docs_kong(struct arena *arena, struct strbuf *out, struct error *err);

#endif
