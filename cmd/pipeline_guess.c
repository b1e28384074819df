/* diner pipeline guess: a first pipeline from a file, an API or a table. */
#include "commands.h"
#include "core/secret.h"
#include "pipeline/guess/guess.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct guess_args {
    const char *what, *name, *schema, *connector, *member;
    int64_t rows;
};
static const struct field fields[] = {
    {"what", FIELD_STRING, offsetof(struct guess_args, what),
     "a file (delimited text, fixed width, JSON, JSON Lines; plain, gz, zst, zip), a URL, or "
     "CONNECTION.SCHEMA.TABLE",
     .arg = "FILE|URL|TABLE", .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "file"},
    {"name", FIELD_STRING, offsetof(struct guess_args, name),
     "name of the pipeline, its stream and table; default: from what is read", .arg = "NAME"},
    {"schema", FIELD_STRING, offsetof(struct guess_args, schema), "schema of the target table",
     .arg = "SCHEMA", .def = "ods"},
    {"connector", FIELD_STRING, offsetof(struct guess_args, connector),
     "where the connector of a URL is written; default: a comment above the pipeline",
     .arg = "FILE", .complete = "file"},
    {"member", FIELD_STRING, offsetof(struct guess_args, member),
     "of a zip: glob of the member to look at; default: the only one, or the largest",
     .arg = "GLOB"},
    {"rows", FIELD_INT, offsetof(struct guess_args, rows),
     "how many rows are all looked at; of those after them a sample", .def = GUESS_ROWS_DEFAULT,
     .min = 1, .max = INT64_C(100000000)},
    {0}};
static const struct field_set args_set = {
    .name = "guess", .struct_size = sizeof(struct guess_args), .fields = fields};

static bool is_url(const char *what)
{
    return strncmp(what, "http://", 7) == 0 || strncmp(what, "https://", 8) == 0;
}

/* CONNECTION.SCHEMA.TABLE, unless there is a file of that name. */
static bool is_table(const char *what)
{
    size_t dots = 0;
    for (const char *c = what; *c != '\0'; c++)
        dots += *c == '.';
    return dots == 2 && strchr(what, '/') == NULL && access(what, F_OK) != 0;
}

static int check_name(const char *name, struct error *err)
{
    for (const char *c = name; c != NULL && *c != '\0'; c++)
        if ((*c < 'a' || *c > 'z') && (*c < '0' || *c > '9') && *c != '_')
            return error_set(err, ERR_USAGE, "--name '%s': lower-case letters, digits and _ only",
                             name);
    return name != NULL && (name[0] == '\0' || name[0] == '_')
               ? error_set(err, ERR_USAGE, "--name: a name begins with a letter")
               : 0;
}

static int run(struct cli *cli, const void *bound, struct error *err)
{
    const struct guess_args *args = bound;
    struct guess_options options = {.name = args->name,
                                    .schema = args->schema,
                                    .member = args->member,
                                    .rows_max = args->rows,
                                    .connector_file = args->connector,
                                    .config = cli->config,
                                    .builtins = builtin_connectors};
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 8 << 20);
    TRY(check_name(args->name, err));
    int code = is_url(args->what)     ? guess_url(args->what, &options, &out, err)
               : is_table(args->what) ? guess_table(args->what, &options, &out, err)
                                      : guess_file(args->what, &options, &out, err);
    TRY(code);
    secret_redact(&out);
    fputs(out.data, cli->out);
    return 0;
}

const struct command command_pipeline_guess = {
    .name = "guess",
    .summary = "write a first pipeline from a file, an API or a table",
    .description =
        "Prints a complete, commented pipeline to review and commit: encoding, layout, columns "
        "with their types, what may be the key. It runs as it is; comments say what was seen, "
        "what is in doubt and how many rows would be rejected.\n\n"
        "What might be a code stays text, so that no leading zero is lost; a date whose day and "
        "month cannot be told apart stays text until you declare it. Nothing is sent anywhere "
        "(a URL gets one GET), and comments show the shape of values, never values.",
    .args = &args_set,
    .run = run,
    .examples = (const struct command_example[]){
        {"diner pipeline guess erp/stock_20261121.csv > pipelines/stock.yaml",
         "from an export of the ERP"},
        {"diner pipeline guess warehouse.ods.orders --schema mart", "from a table"},
        {0}}};
