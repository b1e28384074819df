/* lib/pipeline/guess/fixed.h - a pipeline from lines whose columns stand at the same places. */
#ifndef DINER_PIPELINE_GUESS_FIXED_H
#define DINER_PIPELINE_GUESS_FIXED_H

#include "pipeline/guess/draft.h"
#include "pipeline/guess/layout.h"

/* *ret_is_fixed stays false, and nothing is written, when the lines do not look so. layout tells
 * the encoding. */
int guess_fixed(struct draft *d, const struct layout *layout, bool *ret_is_fixed,
                struct strbuf *out, struct error *err);

#endif
