/* The grammar of pipeline and job files: one table a mapping. */
#include "format/mask.h"
#include "pipeline/spec_private.h"
#include "pipeline/stream.h"

#define AT(type, member) offsetof(struct type, member)

const char *const stream_mode_names[] = {"append", "merge",         "replace",
                                         "scd2",   "delete_insert", NULL};

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
static const char *const column_codes[] = {"auto", "yes", "no", NULL};
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
     "accepted date and time formats, in order: %Y-%m-%d..., iso, epoch_s, epoch_ms, excel, "
     "excel_1904, odata_ms (/Date(...)/), parts (an object of year, month, day, hour...)"},
    {"timezone", FIELD_STRING, AT(column_spec, timezone),
     "zone of times that state none, for example Asia/Shanghai"},
    {"unit", FIELD_CHOICE, AT(column_spec, unit), "cents: the source counts minor units",
     .def = "none", .choices = column_units},
    {"required", FIELD_BOOL, AT(column_spec, required), "null is a reject"},
    {"at", FIELD_STRING, AT(column_spec, at),
     "of a file of fixed width: the column's places, 1-12, 13, or 20- (to the end)"},
    {"strip_zeros", FIELD_BOOL, AT(column_spec, strip_zeros),
     "drop the zeros before a code that is all digits (SAP pads them); others stay as they are"},
    {"code", FIELD_CHOICE, AT(column_spec, code),
     "an identifier: text like 4.2E+27, what a spreadsheet leaves of a long one, is a reject; "
     "auto: the columns of the key are",
     .def = "auto", .choices = column_codes},
    {"units", FIELD_STRING_MAP, AT(column_spec, units),
     "units that may follow a number, each with its exact factor, `none` where there is none: "
     "{ 箱: 12, 斤: 0.5, none: 1 }; 2箱3 is then 27"},
    {"null", FIELD_STRINGS, AT(column_spec, null), "words that mean null in this column"},
    {"default", FIELD_STRING, AT(column_spec, def), "value that stands where there is none"},
    {"mask", FIELD_CHOICE, AT(column_spec, mask),
     "keep only a part of personal data: name 段**, cn_phone 180****1999, landline, cn_id, "
     "address, "
     "email, bank_card, plate, all ****",
     .def = "none", .choices = mask_names},
    {"hash", FIELD_STRING, AT(column_spec, hash),
     "keep only its HMAC-SHA-256 under this key (env:NAME, file:PATH, cmd:COMMAND): equal values "
     "stay equal, nobody can read them",
     .flags = FIELD_SECRET},
    {0}};
const struct field_set column_fields = {.name = "column",
                                        .help = "One column of the target",
                                        .struct_size = sizeof(struct column_spec),
                                        .fields = column_keys,
                                        .scalar = "type"};

static const char *const check_actions[] = {"reject", "warn", "abort", NULL};
static const struct field check_rows_fields[] = {
    {"min", FIELD_INT, 0, "fewer fail", .def = "-1", .min = -1, .max = INT64_MAX},
    {"max", FIELD_INT, sizeof(int64_t), "more fail; -1: no limit", .def = "-1", .min = -1,
     .max = INT64_MAX},
    {0}};
static const struct field_set check_rows_set = {.name = "rows check",
                                                .help = "How many rows are staged",
                                                .struct_size =
                                                    sizeof *((struct check_spec *)0)->rows,
                                                .fields = check_rows_fields};
static const struct field check_fresh_fields[] = {
    {"column", FIELD_STRING, 0, "a date or time column", .flags = FIELD_REQUIRED},
    {"within", FIELD_DURATION, sizeof(char *), "age that its newest value may have",
     .flags = FIELD_REQUIRED},
    {0}};
static const struct field_set check_fresh_set = {.name = "fresh check",
                                                 .help = "How old the newest row may be",
                                                 .struct_size =
                                                     sizeof *((struct check_spec *)0)->fresh,
                                                 .fields = check_fresh_fields};

static const struct field check_fields[] = {
    {"expr", FIELD_STRING, AT(check_spec, expr), "SQL expression that is true for a good row",
     .flags = FIELD_LATE},
    {"sql", FIELD_STRING, AT(check_spec, sql),
     "query giving one boolean; ${staged} is the table of staged rows", .flags = FIELD_LATE},
    {"unique", FIELD_STRINGS, AT(check_spec, unique),
     "columns whose values together may come only once"},
    {"rows", FIELD_OBJECT_PTR, AT(check_spec, rows), "how many rows there must be",
     .sub = &check_rows_set},
    {"fresh", FIELD_OBJECT_PTR, AT(check_spec, fresh), "how old the newest row may be",
     .sub = &check_fresh_set},
    {"drop", FIELD_FRACTION, AT(check_spec, drop),
     "share of rows that may be missing against the last run of the stream", .min = 0,
     .max = FIELD_WHOLE},
    {"on_fail", FIELD_CHOICE, AT(check_spec, on_fail),
     "reject the row, warn (a finding; it is loaded), or abort the stream", .def = "abort",
     .choices = check_actions},
    {"name", FIELD_STRING, AT(check_spec, name), "name in reports; default: the expression"},
    {0}};
static const struct field_set check_set = {.name = "check",
                                           .help = "A rule on the staged rows, in SQL",
                                           .struct_size = sizeof(struct check_spec),
                                           .fields = check_fields};

static const char *const miss_words[] = {"reject", "null", "abort", NULL};
static const struct field lookup_fields[] = {
    {"table", FIELD_STRING, AT(lookup_spec, table), "schema.table on the target's connection"},
    {"query", FIELD_STRING, AT(lookup_spec, query), "or SQL giving its rows", .flags = FIELD_LATE},
    {"on", FIELD_STRINGS, AT(lookup_spec, on),
     "columns that both sides share, or `ours = theirs`; unique in the table",
     .flags = FIELD_REQUIRED},
    {"take", FIELD_STRINGS, AT(lookup_spec, take),
     "columns to fill, of the same name or `ours = theirs`", .flags = FIELD_REQUIRED},
    {"miss", FIELD_CHOICE, AT(lookup_spec, miss), "what a row without a match is", .def = "reject",
     .choices = miss_words},
    {0}};
static const struct field_set lookup_set = {.name = "lookup",
                                            .help = "Columns filled from another table by key",
                                            .struct_size = sizeof(struct lookup_spec),
                                            .fields = lookup_fields};
static const struct field transform_fields[] = {
    {"filter", FIELD_STRING, AT(transform_spec, filter),
     "SQL expression: rows where it is false are skipped, where it is null rejected",
     .flags = FIELD_LATE},
    {"set", FIELD_STRING_MAP, AT(transform_spec, set), "column: SQL expression",
     .flags = FIELD_LATE},
    {"lookup", FIELD_OBJECT_PTR, AT(transform_spec, lookup), "columns from another table",
     .sub = &lookup_set},
    {0}};
static const struct field_set transform_set = {.name = "transform",
                                               .help = "A step over the staged rows, in SQL",
                                               .struct_size = sizeof(struct transform_spec),
                                               .fields = transform_fields};

static const struct field incremental_fields[] = {
    {"cursor", FIELD_STRING, AT(incremental_spec, cursor), "column that only grows",
     .flags = FIELD_REQUIRED},
    {"start", FIELD_STRING, AT(incremental_spec, start),
     "where the first run begins: a date or time, or a number for a cursor that is one",
     .flags = FIELD_REQUIRED},
    {"lag", FIELD_STRING, AT(incremental_spec, lag),
     "how far back each run reads again: commits later than this are missed; of a number: by how "
     "much, with no default",
     .def = "10m"},
    {"window", FIELD_DURATION, AT(incremental_spec, window_ms),
     "longest span read and committed at once; default: from the cursor to now"},
    {"timezone", FIELD_STRING, AT(incremental_spec, timezone),
     "zone of windows of whole days (setting business.timezone)"},
    {"business_day", FIELD_TIME_OF_DAY, AT(incremental_spec, business_day_s),
     "windows are business days beginning at this time of day; `window` is then whole days"},
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
     "a target that would lose more than this share fails the stream", .min = 0,
     .max = FIELD_WHOLE},
    {0}};
static const struct field_set guard_set = {.name = "guard",
                                           .help = "Stops an empty or shrunken source",
                                           .struct_size = sizeof(struct guard_spec),
                                           .fields = guard_fields};

static const struct field on_error_fields[] = {
    {"max_rejects", FIELD_INT, AT(on_error_spec, max_rejects), "more rejects fail the stream",
     .def = "-1", .min = -1, .max = 10000000},
    {"max_reject_rate", FIELD_FRACTION, AT(on_error_spec, max_reject_rate),
     "a larger share of rejects fails the stream (looked at from the first reject past 10)",
     .min = 0, .max = FIELD_WHOLE},
    {0}};
static const struct field_set on_error_set = {.name = "on_error",
                                              .help = "The reject budget; whichever trips first",
                                              .struct_size = sizeof(struct on_error_spec),
                                              .fields = on_error_fields};

static const struct field for_each_keys[] = {
    {"stream", FIELD_STRING, AT(for_each_spec, stream),
     "stream of this pipeline whose table has one row a child"},
    {"query", FIELD_STRING, AT(for_each_spec, query),
     "or SQL (or a .sql file) on the target's connection", .flags = FIELD_LATE},
    {"bind", FIELD_STRING_MAP, AT(for_each_spec, bind),
     "name: column of the parent; used as ${item.name}, as `from: $name` and as a parameter of the "
     "resource",
     .flags = FIELD_REQUIRED},
    {"isolate", FIELD_BOOL, AT(for_each_spec, isolate),
     "a child that fails does not stop the others; the run is then partial (exit 7)"},
    {"timezone", FIELD_STRING, AT(for_each_spec, timezone),
     "column of the parent with the child's time zone"},
    {"business_day", FIELD_STRING, AT(for_each_spec, business_day),
     "column of the parent with the time of day at which the child's business day begins"},
    {0}};
const struct field_set for_each_fields = {
    .name = "for_each",
    .help = "Read the source once for each row of a parent, each child with its own cursor",
    .struct_size = sizeof(struct for_each_spec),
    .fields = for_each_keys};

static const struct field reconcile_fields[] = {
    {"rows", FIELD_STRING, AT(reconcile_spec, rows),
     "JSON pointer to the number of rows in the answer; with `against`: its column"},
    {"sum", FIELD_STRING_MAP, AT(reconcile_spec, sum),
     "column: JSON pointer to its total in the answer; with `against`: its column"},
    {"against", FIELD_STRING, AT(reconcile_spec, against),
     "SQL (or a .sql file) giving the source's own figures, one row a group", .flags = FIELD_LATE},
    {"by", FIELD_STRINGS, AT(reconcile_spec, by), "columns of a group, in both"},
    {0}};
static const struct field_set reconcile_set = {
    .name = "reconcile",
    .help = "Rows and sums must equal the source's own figures; read rows count, rejected ones too",
    .struct_size = sizeof(struct reconcile_spec),
    .fields = reconcile_fields};

static const char *const contracts[] = {"evolve", "freeze", "discard_row", "discard_value", NULL};
static const struct field schema_fields[] = {
    {"columns", FIELD_CHOICE, AT(schema_spec, columns),
     "a column new to the target: evolve adds it, freeze fails, discard_row rejects rows that have "
     "a value in it, discard_value leaves it out",
     .def = "evolve", .choices = contracts},
    {"types", FIELD_CHOICE, AT(schema_spec, types),
     "a column of another type in the target: evolve widens it where no value can change, freeze "
     "fails, discard_row rejects rows that do not fit, discard_value makes them null",
     .def = "freeze", .choices = contracts},
    {"undeclared", FIELD_CHOICE, AT(schema_spec, undeclared),
     "what the source has and `columns` does not name: evolve adds it to the target (of the "
     "type that a query says; of JSON numeric or bool where all values are that; else text), "
     "freeze fails and names it, discard_row rejects rows that have a value in it, discard_value "
     "leaves it out",
     .def = "discard_value", .choices = contracts},
    {0}};
static const struct field_set schema_set = {.name = "schema",
                                            .help =
                                                "The contract on the shapes of source and target",
                                            .struct_size = sizeof(struct schema_spec),
                                            .fields = schema_fields};

static const struct field scd2_fields[] = {
    {"valid_from", FIELD_STRING, AT(scd2_spec, valid_from), "column: when the version began",
     .def = "valid_from"},
    {"valid_to", FIELD_STRING, AT(scd2_spec, valid_to), "column: when it ended, null while current",
     .def = "valid_to"},
    {"current", FIELD_STRING, AT(scd2_spec, current), "column: whether it is the current one",
     .def = "is_current"},
    {"track", FIELD_STRINGS, AT(scd2_spec, track),
     "columns whose change makes a new version; others are updated in place; default: all"},
    {0}};
static const struct field_set scd2_set = {.name = "scd2",
                                          .help = "How versions are kept in mode scd2",
                                          .struct_size = sizeof(struct scd2_spec),
                                          .fields = scd2_fields};

static const struct field hook_fields[] = {
    {"sql", FIELD_STRING, AT(hook_spec, sql), "statements run in a transaction of their own",
     .flags = FIELD_LATE},
    {"connection", FIELD_STRING, AT(hook_spec, connection),
     "sql: where; default: the pipeline's own connection"},
    {"http", FIELD_STRING, AT(hook_spec, http),
     "URL that gets the run's summary as JSON by POST, once", .flags = FIELD_SECRET},
    {"exec", FIELD_STRING, AT(hook_spec, exec),
     "shell command that gets the summary on standard input"},
    {"timeout", FIELD_DURATION, AT(hook_spec, timeout_ms), "longest it may take", .def = "30s"},
    {0}};
static const struct field_set hook_set = {.name = "hook",
                                          .help = "One of sql, http, exec",
                                          .struct_size = sizeof(struct hook_spec),
                                          .fields = hook_fields};
static const struct field hooks_fields[] = {
    {"before", FIELD_OBJECTS, AT(hooks_spec, before),
     "before anything is read; a failure fails the run or stream", .sub = &hook_set},
    {"after", FIELD_OBJECTS, AT(hooks_spec, after),
     "after everything succeeded; a failure is told and exits 7", .sub = &hook_set},
    {"on_failure", FIELD_OBJECTS, AT(hooks_spec, on_failure),
     "when it failed; directly, so also when the database is down", .sub = &hook_set},
    {"on_partial", FIELD_OBJECTS, AT(hooks_spec, on_partial),
     "when a part was left behind (exit 7)", .sub = &hook_set},
    {0}};
static const struct field_set hooks_set = {.name = "hooks",
                                           .help = "What else is done around a run or a stream",
                                           .struct_size = sizeof(struct hooks_spec),
                                           .fields = hooks_fields};

/* The keys of a source or target are those of its plugin. */
static const struct field_set *source_variant(size_t i)
{
    return source_registry[i] != NULL ? source_registry[i]->fields : NULL;
}

static const struct field_set *target_variant(size_t i)
{
    return target_registry[i] != NULL ? target_registry[i]->fields : NULL;
}

static const char *const deletes_words[] = {"default", "keep", "soft", "hard", NULL};
static const char *const detection_words[] = {"auto", "off", NULL};
static const struct field stream_fields[] = {
    {"source", FIELD_NODE, AT(stream_spec, source_node), "where rows come from",
     .flags = FIELD_REQUIRED | FIELD_LATE, .variant = source_variant},
    {"target", FIELD_NODE, AT(stream_spec, target_node),
     "where rows go; merged over `defaults.target`", .flags = FIELD_LATE,
     .variant = target_variant},
    {"needs", FIELD_STRINGS, AT(stream_spec, needs), "streams that must be done before"},
    {"vars", FIELD_STRING_MAP, AT(stream_spec, vars),
     "name: SQL asked on the target's connection just before reading; used as ${vars.name}",
     .flags = FIELD_LATE},
    {"key", FIELD_STRINGS, AT(stream_spec, key), "columns that identify a row"},
    {"mode", FIELD_CHOICE, AT(stream_spec, mode),
     "append adds, merge updates what differs by key, replace makes the target equal the source, "
     "scd2 keeps versions, delete_insert replaces a window or partition",
     .def = "append", .choices = stream_mode_names},
    {"incremental", FIELD_OBJECT_PTR, AT(stream_spec, incremental), "read only what changed",
     .sub = &incremental_set},
    {"guard", FIELD_OBJECT, AT(stream_spec, guard), "stops an empty or shrunken source",
     .sub = &guard_set},
    {"on_error", FIELD_OBJECT, AT(stream_spec, on_error), "the reject budget",
     .sub = &on_error_set},
    {"columns", FIELD_NODE, AT(stream_spec, columns_node), "column: type, or the long form",
     .sub = &column_fields, .flags = FIELD_NAMED},
    {"transform", FIELD_OBJECTS, AT(stream_spec, transforms), "SQL steps over the staged rows",
     .sub = &transform_set},
    {"checks", FIELD_OBJECTS, AT(stream_spec, checks), "rules on the staged rows",
     .sub = &check_set},
    {"deletes", FIELD_CHOICE, AT(stream_spec, deletes),
     "keys that a full snapshot no longer has: keep them, soft (mark `_deleted_at`) or hard; "
     "default: hard for replace, keep otherwise",
     .def = "default", .choices = deletes_words},
    {"partition_by", FIELD_STRINGS, AT(stream_spec, partition_by),
     "delete_insert: columns; each combination that comes replaces all rows it had"},
    {"scd2", FIELD_OBJECT, AT(stream_spec, scd2), "names and tracked columns of mode scd2",
     .sub = &scd2_set},
    {"schema", FIELD_OBJECT, AT(stream_spec, schema), "the contract on the target's shape",
     .sub = &schema_set},
    {"reconcile", FIELD_OBJECT_PTR, AT(stream_spec, reconcile),
     "counts and sums that the source states", .sub = &reconcile_set},
    {"change_detection", FIELD_CHOICE, AT(stream_spec, change_detection),
     "auto: full snapshots by key send only rows whose hash changed since the last load; off: "
     "every row is compared in the database",
     .def = "auto", .choices = detection_words},
    {"hooks", FIELD_OBJECT, AT(stream_spec, hooks), "sql around this stream", .sub = &hooks_set},
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

struct defaults_spec {
    const struct ynode *source, *target, *on_error, *guard;
};
static const struct field defaults_fields[] = {
    {"source", FIELD_NODE, AT(defaults_spec, source), "merged under every stream's source",
     .variant = source_variant},
    {"target", FIELD_NODE, AT(defaults_spec, target), "merged under every stream's target",
     .variant = target_variant},
    {"on_error", FIELD_NODE, AT(defaults_spec, on_error), "merged under every stream's on_error",
     .sub = &on_error_set},
    {"guard", FIELD_NODE, AT(defaults_spec, guard), "merged under every stream's guard",
     .sub = &guard_set},
    {0}};
static const struct field_set defaults_set = {.name = "defaults",
                                              .help = "Keys that every stream starts from",
                                              .struct_size = sizeof(struct defaults_spec),
                                              .fields = defaults_fields};

static const struct field given_fields[] = {
    {"file", FIELD_STRING, AT(test_given, file), "of a file source: a file beside the pipeline"},
    {"text", FIELD_STRING, AT(test_given, text), "of a file source: the text of the file"},
    {"body", FIELD_STRING, AT(test_given, body),
     "of an API source: its only answer, as JSON or as a file beside the pipeline"},
    {"answers", FIELD_STRING, AT(test_given, answers),
     "of an API source: a tape of answers beside the pipeline, written by --record"},
    {"sql", FIELD_STRING, AT(test_given, sql),
     "statements run before, or a .sql file; rolled back with all else", .flags = FIELD_LATE},
    {0}};
static const struct field_set given_set = {.name = "given",
                                           .help = "What the stream reads in a test",
                                           .struct_size = sizeof(struct test_given),
                                           .fields = given_fields};
static const struct field reject_fields[] = {
    {"line", FIELD_INT, AT(test_reject, line), "line in the file, or place in the page", .min = 0,
     .max = INT64_MAX},
    {"column", FIELD_STRING, AT(test_reject, column), "column at fault"},
    {"reason", FIELD_STRING, AT(test_reject, reason), "a part of the reason"},
    {0}};
const struct field_set test_reject_fields = {.name = "expected reject",
                                             .help = "One row that is refused",
                                             .struct_size = sizeof(struct test_reject),
                                             .fields = reject_fields};
static const struct field expect_fields[] = {
    {"rows", FIELD_NODE, AT(test_expect, rows),
     "rows as they would be merged or sent, in the order of reading: column: value, of the columns "
     "that matter"},
    {"row_count", FIELD_INT, AT(test_expect, row_count), "how many they are; -1: not looked at",
     .def = "-1", .min = -1, .max = INT64_MAX},
    {"rejected", FIELD_NODE, AT(test_expect, rejected),
     "how many rows are refused, or a list of line, column, reason; default: none"},
    {"skipped", FIELD_INT, AT(test_expect, skipped),
     "how many records are left out by declared rules; -1: not looked at", .def = "-1", .min = -1,
     .max = INT64_MAX},
    {"error", FIELD_STRING, AT(test_expect, error),
     "a part of the error that the stream ends with"},
    {"sql", FIELD_STRINGS, AT(test_expect, sql), "queries that give true; ${staged} is the rows",
     .flags = FIELD_LATE},
    {0}};
static const struct field_set expect_set = {.name = "expect",
                                            .help = "What must come of it",
                                            .struct_size = sizeof(struct test_expect),
                                            .fields = expect_fields};
static const struct field test_fields[] = {
    {"name", FIELD_STRING, AT(test_spec, name), "what is tested", .flags = FIELD_REQUIRED},
    {"stream", FIELD_STRING, AT(test_spec, stream), "stream of this pipeline",
     .flags = FIELD_REQUIRED},
    {"given", FIELD_OBJECT, AT(test_spec, given), "what it reads", .sub = &given_set,
     .flags = FIELD_LATE},
    {"params", FIELD_STRING_MAP, AT(test_spec, params), "params of the pipeline"},
    {"now", FIELD_STRING, AT(test_spec, now),
     "the time at which it runs; default: when the tape was recorded, else the real one"},
    {"expect", FIELD_OBJECT, AT(test_spec, expect), "what must come of it", .sub = &expect_set,
     .flags = FIELD_LATE},
    {0}};
static const struct field_set test_set = {
    .name = "test",
    .help = "A test of one stream for `diner pipeline test`; nothing of it stays",
    .struct_size = sizeof(struct test_spec),
    .fields = test_fields};

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
    {"hooks", FIELD_OBJECT, AT(pipeline, hooks), "what else is done around a run",
     .sub = &hooks_set},
    {"tests", FIELD_OBJECTS, AT(pipeline, tests), "tests of `diner pipeline test`",
     .sub = &test_set, .flags = FIELD_LATE},
    {0}};
const struct field_set pipeline_fields = {.name = "pipeline",
                                          .help = "A pipeline (streams) or a job (steps)",
                                          .struct_size = sizeof(struct pipeline_file),
                                          .fields = top_fields};
