/* lib/pipeline/target/snapshot_salt.h - what a row hash stands for besides the values of the row,
 * and whether it can stand for the row at all.
 *
 * The hash is of a row as it was read. What the table has for it is made of that row by the
 * stream's transforms and checks; so equal hashes mean equal rows only while the specification and
 * the contents of look-ups are the same, and only of SQL that looks at nothing but the row:
 * immutable, in the words of PostgreSQL, which is asked. */
#ifndef DINER_PIPELINE_TARGET_SNAPSHOT_SALT_H
#define DINER_PIPELINE_TARGET_SNAPSHOT_SALT_H

#include "pipeline/target/stage.h"

#define SALT_CHARS 65 /* hex and its end */

/* The specification, values of ${...} and the contents of look-ups now. */
int salt_of(const struct stage_target *t, char ret[SALT_CHARS], struct error *err);
bool salt_has_lookups(const struct stream_spec *s);

#endif
