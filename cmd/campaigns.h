/* cmd/campaigns.h - what the commands about campaigns share (campaigns.c, campaigns_create.c,
 * campaigns_apply.c). */
#ifndef DINER_CMD_CAMPAIGNS_H
#define DINER_CMD_CAMPAIGNS_H

#include "cli/command.h"
#include "format/jsonx.h"

extern const struct command command_campaigns_create, command_campaigns_apply;

#define CAMPAIGN_BODY_MAX ((size_t)1 << 20)

/* A document as JSON, when JSON is asked for: true. */
bool campaign_print_json(struct cli *cli, const struct jsonx *document);
/* A campaign as fields, or as JSON. */
int campaign_print(struct cli *cli, const struct jsonx *campaign, struct error *err);

#endif
