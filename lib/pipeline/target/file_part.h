/* lib/pipeline/target/file_part.h - one output file of a file target: written aside, packed,
 * hashed, put into place when all is committed. */
#ifndef DINER_PIPELINE_TARGET_FILE_PART_H
#define DINER_PIPELINE_TARGET_FILE_PART_H

#include "core/strbuf.h"
#include "format/xlsx.h"

struct file_part_options {
    const char *path;
    bool is_look;      /* a plan or dry run: nothing is written */
    bool packs;        /* gzip */
    const char *sheet; /* of a workbook, else NULL */
    size_t flush_bytes;
};

struct file_part {
    char *path;
    struct strbuf rows; /* encoded; file_part_flush when it is long */
    struct xlsx_writer *xlsx;
    int64_t count;  /* rows */
    uint64_t bytes; /* of text, before packing, flushed or not */
    char sha256[65];
    bool is_begun;  /* has its header */
    bool is_same;   /* the file that is there has these bytes already */
    bool is_closed; /* no more rows */
    struct file_part_writer *writer;
};
int file_part_open(const struct file_part_options *options, struct file_part **ret,
                   struct error *err);
int file_part_flush(struct file_part *p, struct error *err); /* when there is enough */
/* The last byte is written and synced; sha256 and is_same are known. */
int file_part_close(struct file_part *p, struct error *err);
int file_part_commit(struct file_part *p, struct error *err); /* renames */
void file_part_free(struct file_part *p);                     /* NULL-safe; what is left goes */

#endif
