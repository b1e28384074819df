/* lib/schema/bind_parse.h - the scalar readers behind bind_text. Private to lib/schema.
 * Each is false, with its result untouched, when the text is not of the form. */
#ifndef DINER_SCHEMA_BIND_PARSE_H
#define DINER_SCHEMA_BIND_PARSE_H

#include "schema/field.h"

bool bind_parse_int(const char *text, int64_t *ret);
bool bind_parse_bool(const char *text, bool *ret);
bool bind_parse_rate(const char *text, struct field_rate *ret);
bool bind_parse_fraction(const char *text, int64_t *ret_millionths);
/* What a type looks like, for messages: "a duration such as 30s, 10m or 24h". */
const char *bind_expected(enum field_type type);

#endif
