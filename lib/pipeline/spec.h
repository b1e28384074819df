/* lib/pipeline/spec.h - a pipeline file, read, checked and bound.
 *
 * A pipeline is a set of streams that move together; a stream is one source to one target. A job
 * file lists pipelines to run in order. Everything here is a plain description: nothing is opened.
 * The grammar is the field tables of spec_fields.c. Memory: the spec's own arena. */
#ifndef DINER_PIPELINE_SPEC_H
#define DINER_PIPELINE_SPEC_H

#include "core/datetime.h"
#include "db/types.h"
#include "schema/bind.h"
#include "schema/config.h"

enum stream_mode { MODE_APPEND, MODE_MERGE, MODE_REPLACE };
extern const char *const stream_mode_names[]; /* NULL-terminated, in the order of the enum */

enum check_action { CHECK_REJECT, CHECK_REPORT, CHECK_ABORT };

struct param_spec { /* params: NAME: { type, default } */
    int type;       /* text, date, int */
    const char *def;
    const char *help;
};

struct column_spec { /* columns: NAME: TYPE or the long form */
    const char *name;
    const char *type_text;
    const char *from; /* header name, JSON pointer or member, $line $file $NAME; default: name */
    struct field_strings aliases; /* further header names */
    struct field_strings formats; /* dates and times */
    const char *timezone;         /* of times without an offset */
    int unit;                     /* none, cents */
    bool required;
    struct field_strings null; /* words that mean null, over the source's */
    /* bound */
    struct db_type type;
    const struct zone *zone;
    const struct ynode *node;
};

struct check_spec {
    const char *expr; /* true for a good row */
    const char *sql;  /* one boolean over ${staged} or anything else */
    int on_fail;
    const char *name;
};

struct incremental_spec {
    const char *cursor; /* column */
    const char *start;
    int64_t lag_ms;
};

struct guard_spec {
    int64_t min_rows;
    int64_t max_shrink; /* millionths; -1: the setting */
};

struct on_error_spec {
    int64_t max_rejects;     /* -1: the setting */
    int64_t max_reject_rate; /* millionths, -1: the setting */
};

struct transform_spec {
    const char *filter;
    struct field_string_map set;
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
    /* bound */
    struct column_spec *columns;
    size_t ncolumns;
    const struct source_ops *source;
    const struct target_ops *target;
    void *source_spec, *target_spec; /* structs of the plugin's field set */
    const struct ynode *node;
    size_t order; /* position after sorting by needs */
};

struct on_failure_spec {
    const char *webhook; /* URL: the summary is posted as JSON */
    const char *command; /* run by /bin/sh with the summary on standard input */
    int64_t timeout_ms;
};

struct job_step {
    const char *run;            /* pipeline name */
    struct field_strings needs; /* earlier steps that must have succeeded, else this is skipped */
    struct field_string_map params;
    const struct ynode *node;
};

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
    struct on_failure_spec *on_failure;
    const struct ynode *root;
    struct bizday bizday;
};

extern const struct field_set pipeline_fields, column_fields;

/* Finds NAME in settings.pipeline_path, or takes a path ending in .yaml. ERR_SPEC has the first
 * problem; all of them are in *ret_diagnostics when that is not NULL (owned by the arena of the
 * returned pipeline, which is returned even with problems if diagnostics are wanted). */
struct pipeline_options {               /* NULL: to look at it */
    const struct field_strings *params; /* "k=v" of --param */
    const char *only;                   /* --only STREAM, or NULL */
    int64_t now_us;
    bool is_look; /* to look at, not to run: a param may lack its value */
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
const char *pipeline_param(const struct pipeline *p, const char *name);
/* Reads a text that is either SQL itself or the name of a .sql file beside the pipeline. */
int pipeline_sql(const struct pipeline *p, const struct ynode *place, const char *text,
                 const char **ret_sql, struct error *err);
/* The file as it was understood: defaults merged, environment put in, secrets masked. */
void pipeline_print(const struct pipeline *p, struct strbuf *out);

#endif
