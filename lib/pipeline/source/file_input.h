/* lib/pipeline/source/file_input.h - the inputs of a file source: the files that a name or glob
 * stands for, what is packed in them, and that nobody writes to them while they are read. */
#ifndef DINER_PIPELINE_SOURCE_FILE_INPUT_H
#define DINER_PIPELINE_SOURCE_FILE_INPUT_H

#include "format/byte_source.h"
#include "pipeline/stream.h"

/* What is to be read: a descriptor, or a source of bytes. Its reader takes it over. */
struct file_feed {
    int fd; /* unless source is set */
    struct byte_source *source;
};

/* A file that is open already. */
struct file_given {
    int fd;           /* -1: there is none, and nothing to read */
    const char *name; /* what messages and the rows' origin call it */
};

struct file_input_options {
    const char *file;               /* path or glob, ${...} filled in; "-" is standard input */
    const struct file_given *given; /* in place of `file`; its descriptor is taken over */
    const char *directory;
    bool only_last;
    bool optional;
    const char *member; /* glob for the members of a zip, or NULL */
    int64_t settle_ms;
    /* Of a zip with several members, none named: whether this one is meant; NULL: cannot say. */
    int (*is_meant)(void *self, struct file_feed *feed, const char *name, bool *ret,
                    struct error *err);
    void *self;
};

struct file_inputs;
/* ERR_NOT_FOUND when there is none. */
int file_inputs_new(const struct file_input_options *options, struct arena *arena,
                    struct file_inputs **ret, struct error *err);
void file_inputs_free(struct file_inputs *in);
/* Opens the next: *ret_name is "PATH" or "PATH:MEMBER". The one before was read to its end and is
 * closed already: it fails when the file was written to meanwhile. */
int file_inputs_next(struct file_inputs *in, struct file_feed *ret, const char **ret_name,
                     bool *ret_end, struct error *err);
/* What the open one is known by, whatever the directory of the run: links resolved. */
const char *file_inputs_identity(const struct file_inputs *in);
uint64_t file_inputs_size(const struct file_inputs *in); /* of the open file, packed */
/* Bytes of files done with, and of all. */
void file_inputs_progress(const struct file_inputs *in, uint64_t *ret_done, uint64_t *ret_total);

#endif
