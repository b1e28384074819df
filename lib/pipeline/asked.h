/* lib/pipeline/asked.h - what a run was asked for, as diner.run keeps it: to be gone on with by
 * `runs resume`, or shared out among workers. */
#ifndef DINER_PIPELINE_ASKED_H
#define DINER_PIPELINE_ASKED_H

#include "pipeline/run_private.h"

#define ASKED_DIGEST_MAX 65

struct asked {
    const char *file, *name; /* of the pipeline: where it was found, and how it was asked for */
    const char *status;
    int64_t parent_id;
    struct field_strings params; /* "name=value", all of them resolved */
    const char *definition;      /* asked_digest of its file; NULL: not a distributed run */
};

void asked_params_print(const struct pipeline *p, struct strbuf *out);
int asked_options_print(const struct run *run, struct strbuf *out, struct error *err);
/* Everything in the arena; fills also what of *options was given by the user, and the times that
 * its windows are reckoned from. ERR_NOT_FOUND when there is no such run. */
int asked_read(struct db_conn *db, int64_t run_id, struct arena *arena, struct run_options *options,
               struct asked *ret, struct error *err);
/* Tells one text of a pipeline's file from another. */
int asked_digest(const struct pipeline *p, char ret[ASKED_DIGEST_MAX], struct error *err);

#endif
