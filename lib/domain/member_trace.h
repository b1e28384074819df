/* lib/domain/member_trace.h - what tells one person, and taking it out of tables.
 *
 * A phone is found however it is written (+86, blanks and hyphens between its groups), ids as they
 * are; none within a longer number or word. What is shorter than TRACE_CHARS_MIN could be anything,
 * so it is taken out only where it is a whole value; a name only of rows that also have a number, a
 * phone or an id of the person. JSON stays JSON: in place of a number comes 0. */
#ifndef DINER_DOMAIN_MEMBER_TRACE_H
#define DINER_DOMAIN_MEMBER_TRACE_H

#include "core/strbuf.h"
#include "domain/context.h"

#define TRACE_CHARS_MIN 7

struct member_traces {
    const char *token; /* what stands in place of it; of letters, digits and '-' */
    const char *ids;   /* members, as an array of their ids */
    struct strbuf telling, names, numbers, quoted, bare; /* patterns */
    struct strbuf whole, whole_names;                    /* arrays of whole values */
    struct strbuf member_nos, crm_ids;                   /* arrays */
};
void member_traces_init(struct member_traces *t);
void member_traces_release(struct member_traces *t);
#define AUTO_TRACES __attribute__((cleanup(member_traces_release)))
/* kind: phone, unionid, openid, ref; name, masked; number; crm. Others are left out. */
void member_traces_add(struct member_traces *t, const char *kind, const char *value);

/* How many rows of a table were changed. */
typedef int member_traces_count(void *self, const char *table, int64_t rows, struct error *err);
/* Takes it out of all texts of the schemas app, channel_local, diner, ods and mart that the
 * database has. Looks at every row of them. */
int member_traces_replace(struct db_conn *conn, const struct member_traces *t,
                          member_traces_count *count, void *self, struct error *err);
/* Deletes what the CRM's sync landed of the person, and notes which of the CRM's records are not to
 * come back. */
int member_traces_forget_crm(struct db_conn *conn, const struct member_traces *t,
                             member_traces_count *count, void *self, struct error *err);

#endif
