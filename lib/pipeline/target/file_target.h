/* lib/pipeline/target/file_target.h - the file target: its keys, its rows (file.c), and the set of
 * files that a run writes (file_set.c). */
#ifndef DINER_PIPELINE_TARGET_FILE_TARGET_H
#define DINER_PIPELINE_TARGET_FILE_TARGET_H

#include "core/hashmap.h"
#include "format/csvio.h"
#include "pipeline/column.h"
#include "pipeline/target/file_part.h"

enum file_target_format { TARGET_CSV, TARGET_JSONL, TARGET_XLSX };
enum file_target_compress { COMPRESS_NONE, COMPRESS_GZIP };

struct split_spec {
    int64_t rows, bytes;
    struct field_strings by;
};
struct file_target_spec {
    const char *file;
    int format, compress, checksum;
    const char *encoding, *delimiter, *null_text;
    bool bom, crlf, quote_all, formula_guard, header;
    struct split_spec split;
};
extern const struct field_set file_target_set;
void file_target_check(const struct pipeline *p, const struct stream_spec *s,
                       struct diagnostics *d);
bool file_target_is_split(const struct file_target_spec *spec);

/* The files of one run. Opened one by one as rows ask for them, put into place together. */
struct file_set;
int file_set_open(const struct stream_context *ctx, struct file_set **ret, struct error *err);
/* The file that the next row goes to. `texts` are the row's values by column, `bytes` the length of
 * the row. The one before may be closed by this. */
int file_set_part(struct file_set *set, const struct span *texts, size_t bytes,
                  struct file_part **ret, struct error *err);
/* Closes all; counts what stays as it is. */
int file_set_finish(struct file_set *set, struct stream_counts *counts, struct error *err);
int file_set_commit(struct file_set *set, struct error *err);
void file_set_free(struct file_set *set);
/* The path, with * where a split puts its own. */
const char *file_set_description(const struct file_set *set);

#endif
