/* cmd/ids.h - the ids of records as a command takes them: ID... */
#ifndef DINER_CMD_IDS_H
#define DINER_CMD_IDS_H

#include "cli/command.h"
#include "schema/field.h"

/* ERR_USAGE at one that is no whole number; list names the command that shows them. */
int ids_check(const struct field_strings *ids, const char *list, struct error *err);
/* Checked, as PostgreSQL writes arrays ("{1,2}"), in the arena; NULL: none were named. */
int ids_array(struct cli *cli, const struct field_strings *ids, const char *list, const char **ret,
              struct error *err);

#endif
