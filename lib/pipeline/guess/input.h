/* lib/pipeline/guess/input.h - the file that a guess looks into: itself, or what is packed in it,
 * unpacked into a nameless file so that it can be read several times. */
#ifndef DINER_PIPELINE_GUESS_INPUT_H
#define DINER_PIPELINE_GUESS_INPUT_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"

struct guess_input {
    const char *path;                 /* where its bytes are */
    const char *file;                 /* what the pipeline reads, packed or not */
    const char *name;                 /* of the text, by whose ending JSON is known */
    const char *label;                /* for the comment: "bill.zip, 明细.csv" */
    const char *member, *member_note; /* of a zip: the glob, and what to say of it; NULL: none */
    int fd;                           /* of the nameless file, or -1 */
};
/* member: glob of one in a zip, or NULL: the only one, or the largest. ERR_DATA when it is packed
 * and damaged, or a workbook; ERR_USAGE when member fits none, or several. Texts in the arena. */
int guess_input_open(const char *path, const char *member, struct arena *arena,
                     struct guess_input *ret, struct error *err);
void guess_input_close(struct guess_input *in);
/* The lines `file:` and `member:`. */
void guess_input_print(const struct guess_input *in, struct strbuf *out);

#endif
