/* cmd/shell.h - words for /bin/sh. */
#ifndef DINER_CMD_SHELL_H
#define DINER_CMD_SHELL_H

#include "core/mem.h"

/* 'text', its quotes made safe; plain when it needs none. In the arena. */
const char *shell_quoted(struct arena *arena, const char *text);

#endif
