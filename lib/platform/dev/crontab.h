/* lib/platform/dev/crontab.h - the lines of diner in a crontab: one marked block, all else is left
 * exactly as it is. Pure text; nothing is run here. */
#ifndef DINER_PLATFORM_DEV_CRONTAB_H
#define DINER_PLATFORM_DEV_CRONTAB_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"

#define CRONTAB_BEGIN "# BEGIN diner"
#define CRONTAB_END   "# END diner"

/* The block with its two marker lines, ptr NULL when there is none. ERR_CONFLICT when a marker
 * stands alone or twice: then nobody knows which lines are ours. */
int crontab_find(const char *text, struct span *ret_block, struct error *err);
/* Appends text with the block replaced by `lines` (complete lines, without markers) where it stood,
 * else put at the end; lines NULL takes the block out. */
int crontab_replace(const char *text, const char *lines, struct strbuf *out, struct error *err);
/* Appends a command as it must stand in a crontab: % is \%. */
void crontab_escape(const char *command, struct strbuf *out);

#endif
