/* cmd/connector.h - what the commands about connectors share (connector.c, connector_call.c). */
#ifndef DINER_CMD_CONNECTOR_H
#define DINER_CMD_CONNECTOR_H

#include "cli/command.h"
#include "net/connector_look.h"

extern const struct command command_connector_call, command_connector_sign;

/* "name=value" options as parameters of a resource; texts of the arena. ERR_USAGE. */
int connector_params(struct cli *cli, const struct field_strings *given,
                     struct connector_param **ret, struct error *err);

#define CONNECTOR_NAME_FIELD(at)                                                                   \
    {                                                                                              \
        "connector", FIELD_STRING, at, "name of the connector",                                    \
            .arg = "NAME", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "connector"     \
    }
#define CONNECTOR_PARAM_FIELD(at)                                                                  \
    {                                                                                              \
        "param", FIELD_STRINGS, at, "value of a ${name} of the resource",                          \
            .short_name = 'p', .arg = "NAME=VALUE", .flags = FIELD_REPEAT                          \
    }

#endif
