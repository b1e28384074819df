/* lib/pipeline/source/file.h - the file source: its keys, and what its formats share. */
#ifndef DINER_PIPELINE_SOURCE_FILE_H
#define DINER_PIPELINE_SOURCE_FILE_H

#include "format/csvio.h"
#include "format/jpull.h"
#include "format/linesio.h"
#include "pipeline/column.h"
#include "pipeline/source/pattern.h"
#include "pipeline/source/where.h"
#include "pipeline/stream.h"

enum file_format { FILE_CSV, FILE_TSV, FILE_JSONL };

struct header_spec {
    struct field_strings find;
    int64_t skip_max;
    bool none;
};
struct trailer_spec {
    const char *match;
    struct field_string_map sum; /* column: header name in the trailer's row */
};
struct file_source_spec {
    struct for_each_spec *for_each;
    const char *file;
    int files; /* of a glob: all, or the last by name */
    int format;
    const char *encoding;
    struct header_spec header;
    const char *delimiter, *quote, *skip, *stop_at;
    struct field_strings null, strip, fill_down;
    int decimal;
    bool trim, guard;
    struct field_string_map preamble; /* name: regular expression with one group */
    struct trailer_spec trailer;
    struct field_objects where;
    bool optional;
};

/* How each column is found. */
enum cell_origin { ORIGIN_FIELD, ORIGIN_LINE, ORIGIN_FILE, ORIGIN_PREAMBLE };
struct cell_place {
    enum cell_origin origin;
    size_t index; /* field, or preamble entry */
};

struct source {
    const struct stream_context *ctx;
    const struct file_source_spec *spec;
    struct stream_spec *stream;
    char **paths;
    size_t npaths, next_path;
    const char *path; /* the open one */
    struct csvio_reader *csv;
    struct linesio *lines;
    struct jpull_projection *projection;
    struct strbuf scratch;
    struct jpull_value *values;
    struct cell *cells;
    struct cell_place *places;
    char **captured; /* preamble values of this file */
    struct pattern *preamble;
    struct pattern skip, stop_at, trailer;
    struct where *where;
    bool stopped, trailer_seen; /* in the open file */
    char **filled;              /* last value of fill_down columns */
    size_t *fill_columns;
    size_t nfill;
    struct source_summary summary;
    size_t *sum_fields; /* field of each trailer sum */
    size_t header_fields;
    char line_text[24];
    struct arena *line_arena; /* what one line of jsonl needs */
    struct stream_context line_ctx;
    uint64_t done_before, done_total;
};

int file_csv_open(struct source *s, struct error *err);
int file_csv_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);
int file_jsonl_open(struct source *s, struct error *err);
int file_jsonl_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);

#endif
