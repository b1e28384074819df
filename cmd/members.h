/* cmd/members.h - what the commands about members share (members.c and members_*.c). */
#ifndef DINER_CMD_MEMBERS_H
#define DINER_CMD_MEMBERS_H

#include "cli/command.h"

extern const struct command command_members_merge, command_members_unmerge, command_members_export,
    command_members_erase;
extern const struct command command_members_points, command_members_tiers; /* members_points.c */

#define MEMBER_NO_FIELD(name, at)                                                                  \
    {                                                                                              \
        name, FIELD_STRING, at, "member number", .arg = "MEMBER",                                  \
                                                 .flags = FIELD_POSITIONAL | FIELD_REQUIRED        \
    }

#endif
