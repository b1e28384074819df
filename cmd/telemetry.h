/* cmd/telemetry.h - each command as a trace, for a collector that the settings name: the command,
 * in it the requests it sends and the statements it runs. Of `diner serve` each request is one. */
#ifndef DINER_CMD_TELEMETRY_H
#define DINER_CMD_TELEMETRY_H

#include "cli/command.h"

/* Around a command. What cannot be sent is told in the log and changes nothing. */
void telemetry_begin(struct cli *cli);
void telemetry_end(struct cli *cli, int code);

/* Of a command that stays: what it did is sent every few seconds, between these two. */
void telemetry_stay(void);
void telemetry_leave(void);

#endif
