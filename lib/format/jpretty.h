/* lib/format/jpretty.h - JSON for people: two spaces a level, numbers and texts as they came. */
#ifndef DINER_FORMAT_JPRETTY_H
#define DINER_FORMAT_JPRETTY_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"

/* Appends the document, its lines after the first indented by `level` steps; no line end behind it.
 * ERR_DATA when it is no JSON: then nothing was appended. Control characters that JSON lets stand
 * (DEL, C1) are escaped, so that a terminal does not obey them. */
int jpretty(struct span document, int level, struct strbuf *out, struct error *err);
/* The same on one line. */
int jcompact(struct span document, struct strbuf *out, struct error *err);

#endif
