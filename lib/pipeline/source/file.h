/* lib/pipeline/source/file.h - the file source: its keys, and what its formats share. */
#ifndef DINER_PIPELINE_SOURCE_FILE_H
#define DINER_PIPELINE_SOURCE_FILE_H

#include "format/csvio.h"
#include "format/jpull.h"
#include "format/linesio.h"
#include "pipeline/column.h"
#include "pipeline/source/file_input.h"
#include "pipeline/source/pattern.h"
#include "pipeline/source/subtotal.h"
#include "pipeline/source/where.h"
#include "pipeline/stream.h"
#include "pipeline/undeclared.h"

enum file_format { FILE_CSV, FILE_TSV, FILE_FIXED, FILE_ALV, FILE_JSONL, FILE_JSON };
enum file_changed { CHANGED_REFUSE, CHANGED_RELOAD, CHANGED_IGNORE };

struct header_spec {
    struct field_strings find;
    int64_t skip_max;
    int64_t row, rows;
    const char *join, *until;
    bool none, repeats;
};
struct trailer_spec {
    const char *match;
    struct field_string_map sum; /* column: header name in the trailer's row; of fixed width: at */
};
struct file_source_spec {
    struct for_each_spec *for_each;
    const char *file;
    int files; /* of a glob: all, or the last by name */
    int format;
    const char *encoding, *member;
    struct header_spec header;
    const char *delimiter, *quote, *skip, *stop_at, *records;
    struct field_strings null, strip, fill_down;
    int decimal, positions, changed;
    bool trim, guard, unquote, pad;
    struct field_string_map preamble; /* name: regular expression with one group */
    struct trailer_spec trailer;
    struct subtotal_spec subtotals;
    struct field_objects where;
    bool optional;
    int64_t settle_ms;
};

/* A file that a connector fetches, read as any other. */
struct download_source_spec {
    struct file_source_spec file; /* `file` NULL, but for a test that gives one */
    const char *connector, *resource;
    struct field_string_map params;
};

/* How each column is found. */
/* ORIGIN_NONE: only a transform fills it. */
enum cell_origin { ORIGIN_FIELD, ORIGIN_LINE, ORIGIN_FILE, ORIGIN_PREAMBLE, ORIGIN_NONE };
struct cell_place {
    enum cell_origin origin;
    size_t index; /* field, or preamble entry */
};

struct fixed_reader;
struct json_reader;
struct source {
    const struct stream_context *ctx;
    const struct file_source_spec *spec;
    struct stream_spec *stream;
    struct file_inputs *inputs;
    const char *path; /* of the open one, as messages name it */
    uint64_t bytes;   /* of those that were read, as their text came */
    struct csvio_reader *csv;
    struct linesio *lines;
    struct fixed_reader *fixed;
    struct json_reader *json;
    struct jpull_projection *projection;
    struct strbuf scratch;
    struct jpull_value *values;
    struct cell *cells;
    struct cell_place *places;
    char **captured; /* preamble values of this file */
    struct pattern *preamble;
    struct pattern skip, stop_at, trailer, until;
    struct where *where;
    bool looks_at_text;    /* any of the first three, or repeated headers: off the fast path */
    bool stopped;          /* in the open file, by stop_at */
    uint64_t trailer_line; /* in the open file; 0: not yet */
    size_t filled_min;     /* cells with something in them of its rows, where it has a trailer */
    bool is_counted;       /* the open file is not left out */
    bool is_listed_later;  /* in the ledger, when its hash is known */
    bool reads_on;         /* a file of this run was not in the ledger */
    char **filled;         /* last value of fill_down columns */
    uint64_t *fill_lost;   /* line of a record above that could not be read; 0: none */
    size_t *fill_columns;
    size_t nfill;
    char fill_fault[200];
    struct source_summary summary;
    size_t *sum_fields;          /* field of each trailer sum */
    struct subtotals *subtotals; /* or NULL */
    struct cell_place subtotal_value;
    size_t subtotal_rows, subtotal_sums[SUBTOTAL_SUMS_MAX]; /* fields */
    size_t findings_capacity;
    size_t header_fields;
    bool is_in_order;   /* the fields of the open file are the columns, one for one */
    char raw_delimiter; /* of the open file, when nothing is changed in them either; or 0 */
    struct undeclared *undeclared; /* or NULL: nobody asks */
    size_t *undeclared_fields, nundeclared;
    const char **undeclared_names;
    struct field_strings header_raw; /* the header's records as text, to know their repetition */
    char line_text[24];
    struct arena *line_arena; /* what one line of jsonl needs */
    struct stream_context line_ctx;
};

/* Whether what is read may turn out wrong at the end: all of it is then read again. */
bool file_may_read_again(const struct source *s);
/* Opens lines, whatever they are taken for afterwards. */
int file_lines_open(struct source *s, struct file_feed *feed, size_t line_max_bytes,
                    struct error *err);

int file_csv_open(struct source *s, struct file_feed *feed, struct error *err);
int file_csv_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);
/* Whether a text has the header that is looked for; closes the feed. */
int file_csv_has_header(void *self, struct file_feed *feed, const char *name, bool *ret,
                        struct error *err);
int file_jsonl_open(struct source *s, struct file_feed *feed, struct error *err);
int file_jsonl_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);
/* Compiles the columns' pointers, once. */
int file_json_prepare(struct source *s, struct error *err);
/* One record of JSON in cells, or a fault. */
void file_json_cells(struct source *s, struct span record, struct source_row *ret);
int file_json_open(struct source *s, struct file_feed *feed, struct error *err);
int file_json_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);
void file_json_close(struct source *s);
int file_fixed_open(struct source *s, struct file_feed *feed, struct error *err);
int file_fixed_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);
void file_fixed_close(struct source *s);

/* "1-12", "13" or "20-" (to the end): from 1. False when it is no range. */
bool file_range_parse(const char *text, size_t *ret_first, size_t *ret_last);

/* What all text formats do with a record before its cells are looked at: SKIPPED by a declared
 * rule (and counted), the TRAILER, a SUBTOTAL, a row, or BELOW the trailer without being declared.
 * `first` is its first text. */
enum record_use { RECORD_ROW, RECORD_SKIPPED, RECORD_TRAILER, RECORD_SUBTOTAL, RECORD_BELOW };
enum record_use file_record_use(struct source *s, struct span first, uint64_t line);
/* The cells are those of a row. */
void file_note_filled(struct source *s);
/* The cells are those of a record BELOW: skipped as a note, or ERR_DATA as it would be a row.
 * fault: why it cannot be one, or NULL. */
int file_check_below(struct source *s, const char *fault, uint64_t line, struct error *err);
void file_capture_preamble(struct source *s, struct span line);
int file_check_preamble(const struct source *s, struct error *err);
/* Adds a stated total. */
int file_add_sum(struct source *s, size_t i, struct span text, uint64_t line, struct error *err);
/* Which fields of the header no column is read from: freeze fails here. Their values in a record.
 */
int file_undeclared_begin(struct source *s, const struct csvio_record *header, struct error *err);
struct span file_undeclared_row(struct source *s, const struct csvio_record *record);
/* The cell of $line, $file, $NAME; false when the place is a field. */
bool file_special_cell(struct source *s, size_t i, uint64_t line, struct cell *ret);
/* ERR_NOT_FOUND when `from` names nothing of the kind. */
int file_place_special(struct source *s, const char *from, struct cell_place *ret);

/* The source itself, also of a file that is open already (given, taken over; or NULL). The spec of
 * the stream begins with a struct file_source_spec. */
int file_source_open(const struct stream_context *ctx, const struct file_given *given,
                     struct source **ret, struct error *err);
int file_source_next(struct source *s, struct source_row *ret, bool *ret_end, struct error *err);
int file_source_finish(struct source *s, struct source_summary *ret, struct error *err);
void file_source_habits(const struct stream_context *ctx, struct column_habits *ret);
size_t file_source_sums(const struct stream_context *ctx, const char **ret_columns);
void file_source_progress(struct source *s, uint64_t *ret_done, uint64_t *ret_total);
void file_source_close(struct source *s);

extern const struct field_set file_source_set;
extern const struct field_set download_source_set; /* struct download_source_spec */
void file_check(const struct pipeline *p, const struct stream_spec *s, struct diagnostics *d);

#endif
