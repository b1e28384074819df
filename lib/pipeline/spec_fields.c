/* The grammar of pipeline and job files: one table a mapping. */
#include "pipeline/spec_private.h"

#define AT(type, member) offsetof(struct type, member)

const char *const stream_mode_names[] = {"append", "merge", "replace", NULL};

static const char *const param_types[] = {"text", "date", "int", NULL};
static const struct field param_fields[] = {
    {"type", FIELD_CHOICE, AT(param_spec, type), "what values are accepted", .def = "text",
     .choices = param_types},
    {"default", FIELD_STRING, AT(param_spec, def), "value when --param does not give one"},
    {"help", FIELD_STRING, AT(param_spec, help), "what it is for"},
    {0}};
static const struct field_set param_set = {
    .name = "param",
    .help = "A value that the command line may change (`--param name=value`)",
    .struct_size = sizeof(struct param_spec),
    .fields = param_fields,
    .scalar = "default"};

static const char *const column_units[] = {"none", "cents", NULL};
static const struct field column_keys[] = {
    {"type", FIELD_STRING, AT(column_spec, type_text),
     "SQL type: text, varchar(n), bool, int2, int4, int8, numeric(p,s), float8, date, timestamp, "
     "timestamptz, uuid, jsonb, bytea",
     .flags = FIELD_REQUIRED},
    {"from", FIELD_STRING, AT(column_spec, from),
     "header name, JSON pointer or member; $line, $file, $1 (field by number) or $NAME of "
     "`preamble`; default: the column's own name"},
    {"aliases", FIELD_STRINGS, AT(column_spec, aliases), "further names of the header"},
    {"format", FIELD_STRINGS, AT(column_spec, formats),
     "accepted date and time formats, in order: %Y-%m-%d..., iso, epoch_s, epoch_ms, excel"},
    {"timezone", FIELD_STRING, AT(column_spec, timezone),
     "zone of times that state none, for example Asia/Shanghai"},
    {"unit", FIELD_CHOICE, AT(column_spec, unit), "cents: the source counts minor units",
     .def = "none", .choices = column_units},
    {"required", FIELD_BOOL, AT(column_spec, required), "null is a reject"},
    {"null", FIELD_STRINGS, AT(column_spec, null), "words that mean null in this column"},
    {0}};
const struct field_set column_fields = {.name = "column",
                                        .help = "One column of the target",
                                        .struct_size = sizeof(struct column_spec),
                                        .fields = column_keys,
                                        .scalar = "type"};

static const char *const check_actions[] = {"reject", "report", "abort", NULL};
static const struct field check_fields[] = {
    {"expr", FIELD_STRING, AT(check_spec, expr), "SQL expression that is true for a good row",
     .flags = FIELD_LATE},
    {"sql", FIELD_STRING, AT(check_spec, sql),
     "query giving one boolean; ${staged} is the table of staged rows", .flags = FIELD_LATE},
    {"on_fail", FIELD_CHOICE, AT(check_spec, on_fail),
     "reject the row, report it as a finding and load it, or abort the stream", .def = "abort",
     .choices = check_actions},
    {"name", FIELD_STRING, AT(check_spec, name), "name in reports; default: the expression"},
    {0}};
static const struct field_set check_set = {.name = "check",
                                           .help = "A rule on the staged rows, in SQL",
                                           .struct_size = sizeof(struct check_spec),
                                           .fields = check_fields};

static const struct field transform_fields[] = {
    {"filter", FIELD_STRING, AT(transform_spec, filter),
     "SQL expression: rows where it is false are skipped, where it is null rejected",
     .flags = FIELD_LATE},
    {"set", FIELD_STRING_MAP, AT(transform_spec, set), "column: SQL expression",
     .flags = FIELD_LATE},
    {0}};
static const struct field_set transform_set = {.name = "transform",
                                               .help = "A step over the staged rows, in SQL",
                                               .struct_size = sizeof(struct transform_spec),
                                               .fields = transform_fields};

static const struct field incremental_fields[] = {
    {"cursor", FIELD_STRING, AT(incremental_spec, cursor), "column that only grows",
     .flags = FIELD_REQUIRED},
    {"start", FIELD_STRING, AT(incremental_spec, start), "where the first run begins",
     .flags = FIELD_REQUIRED},
    {"lag", FIELD_DURATION, AT(incremental_spec, lag_ms),
     "how far back each run reads again: commits later than this are missed", .def = "10m"},
    {0}};
static const struct field_set incremental_set = {
    .name = "incremental",
    .help = "Read only what changed: from the stored cursor less `lag`, >=, up to now",
    .struct_size = sizeof(struct incremental_spec),
    .fields = incremental_fields};

static const struct field guard_fields[] = {
    {"min_rows", FIELD_INT, AT(guard_spec, min_rows), "fewer rows fail the stream",
     .max = INT64_MAX},
    {"max_shrink", FIELD_FRACTION, AT(guard_spec, max_shrink),
     "a target that would lose more than this share fails the stream", .def = NULL},
    {0}};
static const struct field_set guard_set = {.name = "guard",
                                           .help = "Stops an empty or shrunken source",
                                           .struct_size = sizeof(struct guard_spec),
                                           .fields = guard_fields};

static const struct field on_error_fields[] = {
    {"max_rejects", FIELD_INT, AT(on_error_spec, max_rejects), "more rejects fail the stream",
     .def = "-1", .min = -1, .max = 10000000},
    {"max_reject_rate", FIELD_FRACTION, AT(on_error_spec, max_reject_rate),
     "a larger share of rejects fails the stream (looked at from the first reject past 10)"},
    {0}};
static const struct field_set on_error_set = {.name = "on_error",
                                              .help = "The reject budget; whichever trips first",
                                              .struct_size = sizeof(struct on_error_spec),
                                              .fields = on_error_fields};

static const struct field stream_fields[] = {
    {"source", FIELD_NODE, AT(stream_spec, source_node), "where rows come from",
     .flags = FIELD_REQUIRED | FIELD_LATE},
    {"target", FIELD_NODE, AT(stream_spec, target_node),
     "where rows go; merged over `defaults.target`", .flags = FIELD_LATE},
    {"needs", FIELD_STRINGS, AT(stream_spec, needs), "streams that must be done before"},
    {"vars", FIELD_STRING_MAP, AT(stream_spec, vars),
     "name: SQL asked on the target's connection just before reading; used as ${vars.name}",
     .flags = FIELD_LATE},
    {"key", FIELD_STRINGS, AT(stream_spec, key), "columns that identify a row"},
    {"mode", FIELD_CHOICE, AT(stream_spec, mode),
     "append adds, merge updates what differs by key, replace makes the target equal the source",
     .def = "append", .choices = stream_mode_names},
    {"incremental", FIELD_OBJECT_PTR, AT(stream_spec, incremental), "read only what changed",
     .sub = &incremental_set},
    {"guard", FIELD_OBJECT, AT(stream_spec, guard), "stops an empty or shrunken source",
     .sub = &guard_set},
    {"on_error", FIELD_OBJECT, AT(stream_spec, on_error), "the reject budget",
     .sub = &on_error_set},
    {"columns", FIELD_NODE, AT(stream_spec, columns_node), "column: type, or the long form"},
    {"transform", FIELD_OBJECTS, AT(stream_spec, transforms), "SQL steps over the staged rows",
     .sub = &transform_set},
    {"checks", FIELD_OBJECTS, AT(stream_spec, checks), "rules on the staged rows",
     .sub = &check_set},
    {0}};
static const struct field_set stream_set = {.name = "stream",
                                            .help = "One source to one target",
                                            .struct_size = sizeof(struct stream_spec),
                                            .fields = stream_fields};

static const struct field step_fields[] = {
    {"run", FIELD_STRING, AT(job_step, run), "pipeline to run", .flags = FIELD_REQUIRED},
    {"needs", FIELD_STRINGS, AT(job_step, needs),
     "earlier steps; when one failed or was skipped, this one is skipped"},
    {"params", FIELD_STRING_MAP, AT(job_step, params), "params given to it"},
    {0}};
static const struct field_set step_set = {.name = "step",
                                          .help = "One pipeline of a job, in file order",
                                          .struct_size = sizeof(struct job_step),
                                          .fields = step_fields,
                                          .scalar = "run"};

static const struct field on_failure_fields[] = {
    {"webhook", FIELD_STRING, AT(on_failure_spec, webhook),
     "URL that gets the run's summary as JSON, once", .flags = FIELD_SECRET},
    {"command", FIELD_STRING, AT(on_failure_spec, command),
     "shell command that gets the summary on standard input"},
    {"timeout", FIELD_DURATION, AT(on_failure_spec, timeout_ms), "for either", .def = "30s"},
    {0}};
static const struct field_set on_failure_set = {
    .name = "on_failure",
    .help = "Whom to tell when a run fails; sent directly, so also when the database is down",
    .struct_size = sizeof(struct on_failure_spec),
    .fields = on_failure_fields};

struct defaults_spec {
    const struct ynode *source, *target, *on_error, *guard;
};
static const struct field defaults_fields[] = {
    {"source", FIELD_NODE, AT(defaults_spec, source), "merged under every stream's source"},
    {"target", FIELD_NODE, AT(defaults_spec, target), "merged under every stream's target"},
    {"on_error", FIELD_NODE, AT(defaults_spec, on_error), "merged under every stream's on_error"},
    {"guard", FIELD_NODE, AT(defaults_spec, guard), "merged under every stream's guard"},
    {0}};
static const struct field_set defaults_set = {.name = "defaults",
                                              .help = "Keys that every stream starts from",
                                              .struct_size = sizeof(struct defaults_spec),
                                              .fields = defaults_fields};

struct pipeline_file {
    struct pipeline pipeline;
    struct defaults_spec defaults;
};
static const struct field top_fields[] = {
    {"version", FIELD_INT, AT(pipeline, version), "version of this grammar: 1", .min = 1,
     .max = 1000, .flags = FIELD_REQUIRED},
    {"name", FIELD_STRING, AT(pipeline, name), "lower-case name, as in state and history",
     .flags = FIELD_REQUIRED},
    {"description", FIELD_STRING, AT(pipeline, description), "one line for listings"},
    {"params", FIELD_OBJECT_MAP, AT(pipeline, params), "values the command line may change",
     .sub = &param_set},
    {"defaults", FIELD_OBJECT, offsetof(struct pipeline_file, defaults),
     "keys that every stream starts from", .sub = &defaults_set},
    {"streams", FIELD_OBJECT_MAP, AT(pipeline, streams), "what is moved", .sub = &stream_set},
    {"steps", FIELD_OBJECTS, AT(pipeline, steps), "pipelines of a job, run in order",
     .sub = &step_set},
    {"on_failure", FIELD_OBJECT_PTR, AT(pipeline, on_failure), "whom to tell when a run fails",
     .sub = &on_failure_set},
    {0}};
const struct field_set pipeline_fields = {.name = "pipeline",
                                          .help = "A pipeline (streams) or a job (steps)",
                                          .struct_size = sizeof(struct pipeline_file),
                                          .fields = top_fields};
