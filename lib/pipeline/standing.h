/* lib/pipeline/standing.h - children that earlier runs committed, of a stream that cannot load them
 * twice. The rest of standing.c is in run_private.h. */
#ifndef DINER_PIPELINE_STANDING_H
#define DINER_PIPELINE_STANDING_H

#include "pipeline/slice.h"

/* A stream of mode append with for_each goes on with a load that did not end: adds to run->standing
 * what was committed since the stream last ended, of the same pipeline, shard, params and window,
 * and warns once. *ret_count: how many of the children that this run is to do earlier runs did. */
int standing_of_load(struct run *run, const struct stream_spec *s, const struct slices *slices,
                     size_t *ret_count, struct error *err);

#endif
