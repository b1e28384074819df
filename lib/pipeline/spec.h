/* lib/pipeline/spec.h - a pipeline file, read, checked and bound.
 *
 * A pipeline is a set of streams that move together; a stream is one source to one target. A job
 * file lists pipelines to run in order. Everything here is a plain description: nothing is opened.
 * The grammar is the field tables of spec_fields.c. Memory: the spec's own arena. */
#ifndef DINER_PIPELINE_SPEC_H
#define DINER_PIPELINE_SPEC_H

#include "core/datetime.h"
#include "core/decimal.h"
#include "db/types.h"
#include "schema/bind.h"
#include "schema/config.h"

enum stream_mode { MODE_APPEND, MODE_MERGE, MODE_REPLACE, MODE_SCD2, MODE_DELETE_INSERT };
extern const char *const stream_mode_names[]; /* NULL-terminated, in the order of the enum */

/* What becomes of rows that a full snapshot no longer has. */
enum stream_deletes { DELETES_DEFAULT, DELETES_KEEP, DELETES_SOFT, DELETES_HARD };

enum check_action { CHECK_REJECT, CHECK_WARN, CHECK_ABORT };

struct param_spec { /* params: NAME: { type, default } */
    int type;       /* text, date, int */
    const char *def;
    const char *help;
};

/* Whether a text is an identifier, which scientific notation would have damaged: those of the key
 * are. */
enum column_code { CODE_AUTO, CODE_YES, CODE_NO };

struct column_spec { /* columns: NAME: TYPE or the long form */
    const char *name;
    const char *type_text;
    const char *from; /* header name, JSON pointer or member, $line $file $NAME; default: name */
    struct field_strings aliases; /* further header names */
    struct field_strings formats; /* dates and times */
    const char *timezone;         /* of times without an offset */
    int unit;                     /* none, cents */
    bool required;
    const char *at;                /* place in a line of fixed width: 1-12 */
    bool strip_zeros;              /* of codes that are digits only */
    int code;                      /* auto, yes, no: enum column_code */
    struct field_string_map units; /* unit in the text: factor */
    struct field_strings null;     /* words that mean null, over the source's */
    const char *def;               /* text that stands for null */
    int mask;                      /* enum mask_kind */
    const char *hash;              /* keyed hash: reference of the key */
    /* bound */
    bool is_computed; /* a `set` or `lookup` fills it: the source need not have it */
    struct db_type type;
    const struct zone *zone;
    struct decimal *unit_factors; /* of units */
    char *hash_key;               /* resolved by column_keys_resolve; wiped with the pipeline */
    const struct ynode *node;
};

struct check_spec {
    const char *expr;            /* true for a good row */
    const char *sql;             /* one boolean over ${staged} or anything else */
    struct field_strings unique; /* columns whose values together come once among the staged */
    struct {
        int64_t min, max; /* of staged rows; -1: no limit */
    } * rows;
    struct {
        const char *column; /* a date or time */
        int64_t within_ms;  /* its newest value is no older, seen from the run's start */
    } * fresh;
    int64_t drop; /* millionths: fewer rows than the last run of this stream by more; 0: not looked
                     at */
    int on_fail;
    const char *name;
};

struct incremental_spec {
    const char *cursor; /* column */
    const char *start, *lag;
    bool is_number;          /* so is the cursor, as `start` says; else it is a time */
    int64_t lag_ms;          /* of a time, bound */
    struct decimal lag_back; /* of a number, bound */
    int64_t window_ms;       /* 0: one window from the cursor to now */
    const char *timezone;    /* of windows of whole days; NULL: the setting's */
    int32_t business_day_s;  /* where a day begins; -1: the setting's */
    bool has_business_day;   /* windows are business days, not spans of time */
    const struct zone *zone; /* bound */
};

/* source: { for_each: ... }: the source is read once for each row of another stream's table. */
struct for_each_spec {
    const char *stream;           /* of this pipeline, loaded before into PostgreSQL */
    const char *query;            /* or SQL on the run's connection */
    struct field_string_map bind; /* name for ${item.NAME} and connector parameters: column */
    bool isolate;                 /* one child failing does not stop the others */
    const char *timezone, *business_day; /* columns of the parent with the child's own */
};

/* Against figures that the source states elsewhere. */
struct reconcile_spec {
    const char *rows;            /* pointer in a page; with `against`: a column of it */
    struct field_string_map sum; /* column: pointer, or column of `against` */
    const char *against;         /* SQL, or a .sql file: one row a group */
    struct field_strings by;     /* columns of the group, of both sides */
};

enum contract { CONTRACT_EVOLVE, CONTRACT_FREEZE, CONTRACT_DISCARD_ROW, CONTRACT_DISCARD_VALUE };
struct schema_spec {
    int columns;    /* a declared column that the target lacks */
    int types;      /* a column whose type in the target differs */
    int undeclared; /* what the source has and no column is read from */
};

struct scd2_spec {
    const char *valid_from, *valid_to, *current; /* column names */
    struct field_strings track; /* columns whose change makes a version; none: all */
};

struct hook_spec {
    const char *sql, *connection;
    const char *http;
    const char *exec; /* by /bin/sh, the run's summary on standard input */
    int64_t timeout_ms;
};
struct hooks_spec {
    struct field_objects before, after, on_failure, on_partial; /* struct hook_spec */
};

struct guard_spec {
    int64_t min_rows;
    int64_t max_shrink; /* millionths; -1: the setting */
};

struct on_error_spec {
    int64_t max_rejects;     /* -1: the setting */
    int64_t max_reject_rate; /* millionths, -1: the setting */
};

/* "ours = theirs", or one name for both. */
struct pair {
    const char *ours, *theirs;
};
struct pair spec_pair(struct arena *arena, const char *text);

enum lookup_miss { MISS_REJECT, MISS_NULL, MISS_ABORT };
struct lookup_spec {
    const char *table, *query; /* schema.table, or SQL */
    struct field_strings on;   /* columns of the same name on both sides, or "ours = theirs" */
    struct field_strings take; /* columns of the same name, or "ours = theirs" */
    int miss;
};
struct transform_spec {
    const char *filter;
    struct field_string_map set;
    struct lookup_spec *lookup;
};

struct stream_spec {
    const char *name;
    struct field_strings needs;
    const struct ynode *source_node, *target_node;
    struct field_string_map vars; /* name: SQL giving one value, asked before the source opens */
    struct field_strings key;
    int mode;
    struct incremental_spec *incremental;
    struct guard_spec guard;
    struct on_error_spec on_error;
    const struct ynode *columns_node;
    struct field_objects transforms; /* struct transform_spec */
    struct field_objects checks;     /* struct check_spec */
    int deletes;                     /* enum stream_deletes */
    struct field_strings
        partition_by; /* delete_insert: each value that comes replaces all it had */
    struct scd2_spec scd2;
    struct schema_spec schema;
    struct reconcile_spec *reconcile;
    int change_detection; /* 0 auto, 1 off */
    struct hooks_spec hooks;
    /* bound */
    struct for_each_spec *for_each; /* of the source, or NULL */
    struct column_spec *columns;
    size_t ncolumns;
    /* What a source has beyond them and knows the types of (undeclared.h): set by its open. */
    const struct column_spec *others;
    size_t nothers;
    const struct source_ops *source;
    const struct target_ops *target;
    void *source_spec, *target_spec; /* structs of the plugin's field set */
    const struct ynode *node;
    size_t order; /* position after sorting by needs */
};

static inline const struct transform_spec *transform_at(const struct stream_spec *s, size_t i)
{
    return (const struct transform_spec *)s->transforms.items + i;
}
/* Whether a `set` or `lookup` changes the column. */
bool spec_is_set(const struct stream_spec *s, struct arena *arena, const char *column);
static inline const struct check_spec *check_at(const struct stream_spec *s, size_t i)
{
    return (const struct check_spec *)s->checks.items + i;
}

struct job_step {
    const char *run;            /* pipeline name */
    struct field_strings needs; /* earlier steps that must have succeeded, else this is skipped */
    struct field_string_map params;
    const struct ynode *node;
};

/* tests: what a stream makes of given input, without the world outside. */
struct test_given {
    const char *file, *text; /* of a file source: a path beside the pipeline, or the text itself */
    const char *body;        /* of an API source: the JSON of its only answer, or a path */
    const char *answers;     /* of an API source: a tape */
    const char *sql;         /* statements run first, in the transaction that is rolled back */
};
struct test_reject {
    int64_t line; /* 0: any */
    const char *column, *reason;
};
struct test_expect {
    const struct ynode *rows;     /* a list of column: value; NULL: not looked at */
    int64_t row_count;            /* -1: not looked at */
    const struct ynode *rejected; /* a number, or a list of struct test_reject */
    int64_t skipped;              /* -1: not looked at */
    const char *error;            /* part of the message with which the stream fails */
    struct field_strings sql;     /* queries that give true; ${staged} is the rows */
};
struct test_spec {
    const char *name, *stream;
    struct test_given given;
    struct field_string_map params;
    const char *now;
    struct test_expect expect;
};
extern const struct field_set test_reject_fields;

struct pipeline {
    struct arena *arena;
    const char *file, *directory; /* queries and files are relative to the directory */
    const char *name;
    int64_t version;
    const char *description;
    struct field_objects params;  /* struct param_spec, named */
    const char **param_values;    /* resolved, by params index */
    struct field_objects streams; /* struct stream_spec, named; in file order */
    struct stream_spec **ordered; /* by needs */
    struct field_objects steps;   /* struct job_step: a job file has these and no streams */
    struct hooks_spec hooks;
    struct field_objects tests; /* struct test_spec */
    const struct ynode *root;
    struct bizday bizday;
};

extern const struct field_set pipeline_fields, column_fields, for_each_fields;

/* Finds NAME in settings.pipeline_path, or takes a path ending in .yaml. ERR_SPEC has the first
 * problem; all of them are in *ret_diagnostics when that is not NULL (owned by the arena of the
 * returned pipeline, which is returned even with problems if diagnostics are wanted). */
struct pipeline_options {               /* NULL: to look at it */
    const struct field_strings *params; /* "k=v" of --param */
    const char *only;                   /* --only STREAM, or NULL */
    int64_t now_us;
    bool is_look;     /* to look at, not to run: a param may lack its value */
    const char *text; /* the file's text itself; `name` is then its path in messages */
};
int pipeline_load(const char *name, const struct config *config,
                  const struct pipeline_options *options, struct pipeline **ret,
                  struct diagnostics **ret_diagnostics, struct error *err);
void pipeline_free(struct pipeline *p);
/* The file behind a name; ERR_NOT_FOUND lists the directories and the nearest name. In arena. */
int pipeline_find(const char *name, const struct config *config, struct arena *arena,
                  const char **ret_path, struct error *err);
/* Names of all pipelines in settings.pipeline_path; names and list in the arena. */
size_t pipeline_names(const struct config *config, struct arena *arena, const char ***ret_names);
/* Value of a param, or NULL. */
/* A stream by its name, NULL: the first. ERR_USAGE with a suggestion; of a job that it has none. */
int pipeline_stream(const struct pipeline *p, const char *name, struct stream_spec **ret,
                    struct error *err);
const char *pipeline_param(const struct pipeline *p, const char *name);
/* Reads a text that is either SQL itself or the name of a .sql file beside the pipeline. */
int pipeline_sql(const struct pipeline *p, const struct ynode *place, const char *text,
                 const char **ret_sql, struct error *err);

#endif
