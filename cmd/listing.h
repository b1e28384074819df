/* cmd/listing.h - a resource of the platform as rows of output. */
#ifndef DINER_CMD_LISTING_H
#define DINER_CMD_LISTING_H

#include "cli/table.h"
#include "net/connector.h"

/* Columns are members of the records by name; at most 32 of them. */
int listing_print(struct cli *cli, const char *resource, const struct connector_param *params,
                  size_t nparams, int64_t limit, const struct table_column *columns,
                  const char *empty, struct error *err);

#endif
