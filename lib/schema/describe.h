/* lib/schema/describe.h - field tables as documents. */
#ifndef DINER_SCHEMA_DESCRIBE_H
#define DINER_SCHEMA_DESCRIBE_H

#include "core/strbuf.h"
#include "schema/field.h"

/* JSON schema (draft 2020-12) of a YAML file described by `set`; nested sets become $defs. */
void describe_json_schema(const struct field_set *set, const char *title, struct strbuf *out);
/* A Markdown table of keys: name, type, default, help; nested sets follow as sections. */
void describe_markdown(const struct field_set *set, int heading_level, struct strbuf *out);
/* "duration", "one of a|b", "list of text"... */
void describe_type(const struct field *f, struct strbuf *out);

#endif
