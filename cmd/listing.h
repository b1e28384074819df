/* cmd/listing.h - a resource of the platform as rows of output. */
#ifndef DINER_CMD_LISTING_H
#define DINER_CMD_LISTING_H

#include "cli/table.h"
#include "format/jsonx.h"
#include "net/connector.h"

/* Columns are members of the records by name; at most 32 of them. */
int listing_print(struct cli *cli, const char *resource, const struct connector_param *params,
                  size_t nparams, int64_t limit, const struct table_column *columns,
                  const char *empty, struct error *err);
/* The same of what may be shown as it was, marked in columns of its own, while the platform cannot
 * be reached (the setting platform.cache). */
int listing_show(struct cli *cli, const char *resource, const struct connector_param *params,
                 size_t nparams, int64_t limit, const struct table_column *columns,
                 const char *empty, struct error *err);
/* A scalar as text, in the arena; NULL for null, lists and objects. */
const char *listing_text(struct cli *cli, const struct jsonx *node);
/* A list of records of an answer, likewise. */
int listing_print_rows(struct cli *cli, const struct jsonx *rows,
                       const struct table_column *columns, const char *empty, struct error *err);
int listing_print_one(struct cli *cli, const struct jsonx *record,
                      const struct table_column *columns, struct error *err);
/* A record as fields and values, or as the JSON document that it is; what is a list or an object
 * only as JSON. */
int listing_print_fields(struct cli *cli, const struct jsonx *record, struct error *err);
/* "today", "yesterday", "N days ago" (business days: their start), a date or a time as RFC 3339, in
 * the arena; NULL stays NULL. ERR_USAGE when it is none of these. */
int listing_when(struct cli *cli, const char *text, const char **ret, struct error *err);
/* One call to the platform; *ret is the whole answer, freed with jsonx_free. */
int listing_call(struct cli *cli, const char *resource, const struct connector_param *params,
                 size_t nparams, const struct strbuf *body, struct jsonx **ret, struct error *err);

#endif
