/* lib/db/encode_internal.h - the encoders of single kinds; inside lib/db only. Each appends one
 * field, or returns the reason of the refusal and appends nothing. */
#ifndef DINER_DB_ENCODE_INTERNAL_H
#define DINER_DB_ENCODE_INTERNAL_H

#include "db/types.h"

const char *encode_numeric(const struct db_type *t, struct span text, struct strbuf *out);
const char *encode_text(const struct db_type *t, struct span text, unsigned flags,
                        struct strbuf *out);
const char *encode_jsonb(struct span text, unsigned flags, struct strbuf *out);
/* NULL or why the text cannot be one of the type. */
const char *check_text(const struct db_type *t, struct span text, unsigned flags);
/* NULL when the text (valid UTF-8 already) is JSON that jsonb keeps as it is. */
const char *jsoncheck(struct span text);

#endif
