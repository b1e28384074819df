/* diner notify dead-letters list|replay: what was given up, and another try of it. */
#include "cli/table.h"
#include "cmd/desk.h"
#include "cmd/ids.h"
#include "cmd/notify_channels.h"

#include <inttypes.h>

/* ---- list ---------------------------------------------------------------------------------- */

struct list_args {
    int64_t limit;
};
static const struct field list_fields[] = {{"limit", FIELD_INT, offsetof(struct list_args, limit),
                                            "list at most so many, the newest", .def = "100",
                                            .min = 0, .max = 100000},
                                           {0}};
static const struct field_set list_set = {.name = "notify dead-letters list",
                                          .struct_size = sizeof(struct list_args),
                                          .fields = list_fields};

static int print_dead(struct cli *cli, const struct db_result *r, struct error *err)
{
    static const struct table_column columns[] = {
        {"id", TABLE_INT},          {"channel", TABLE_TEXT},    {"type", TABLE_TEXT},
        {"key", TABLE_TEXT},        {"attempts", TABLE_INT},    {"updated_at", TABLE_TIME},
        {"last_error", TABLE_TEXT}, {"message_id", TABLE_TEXT}, {0}};
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < db_result_rows(r); i++)
        table_row(t, (const char *const[]){db_result_text(r, i, 0), db_result_text(r, i, 1),
                                           db_result_text(r, i, 2), db_result_text(r, i, 3),
                                           db_result_text(r, i, 5), db_result_text(r, i, 7),
                                           db_result_text(r, i, 8), db_result_text(r, i, 9)});
    return table_end(t, "no dead letters", err);
}

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct list_args *args = bound;
    struct db_result *r = NULL;
    struct desk *desk;
    TRY(desk_new(cli, &desk, err));
    int code = notification_list(desk_context(desk), "dead", args->limit, &r, err);
    if (code == 0)
        code = print_dead(cli, r, err);
    db_result_cleanup(&r);
    desk_free(desk);
    return code;
}

static const struct command command_list = {
    .name = "list",
    .summary = "what was given up, with the last error",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner notify dead-letters list -o json", "for a program"}, {0}}};

/* ---- replay -------------------------------------------------------------------------------- */

struct replay_args {
    struct field_strings ids;
    const char *channel;
    bool all;
};
#define AT(member) offsetof(struct replay_args, member)
static const struct field replay_fields[] = {
    {"id", FIELD_STRINGS, AT(ids), "those of `list`", .arg = "ID",
     .flags = FIELD_POSITIONAL | FIELD_REPEAT},
    {"channel", FIELD_STRING, AT(channel), "all of this channel", .arg = "CHANNEL"},
    {"all", FIELD_BOOL, AT(all), "all there are"},
    {0}};
static const struct field_set replay_set = {.name = "notify dead-letters replay",
                                            .struct_size = sizeof(struct replay_args),
                                            .fields = replay_fields};

static int replay(struct cli *cli, const void *bound, struct error *err)
{
    const struct replay_args *args = bound;
    const char *ids;
    struct desk *desk;
    int64_t count = 0;
    TRY(ids_array(cli, &args->ids, "diner notify dead-letters list", &ids, err));
    if (ids == NULL && args->channel == NULL && !args->all) {
        error_set(err, ERR_USAGE, "which of them?");
        return error_hint(err, "name ids of 'diner notify dead-letters list', --channel or --all");
    }
    TRY(desk_new(cli, &desk, err));
    int code = notification_requeue(desk_context(desk), "dead", args->channel, ids, &count, err);
    desk_free(desk);
    if (code == 0)
        cli_summary(cli, "%" PRId64 " due again: the next 'diner notify deliver' sends them",
                    count);
    return code;
}

static const struct command command_replay = {
    .name = "replay",
    .summary = "make what was given up due again",
    .description = "With all attempts before them, under the same keys. The next `notify deliver` "
                   "sends them.",
    .args = &replay_set,
    .run = replay,
    .examples = (const struct command_example[]){
        {"diner notify dead-letters replay --channel webhook", "after the receiver was mended"},
        {0}}};

static const struct command *const children[] = {&command_list, &command_replay, NULL};
const struct command command_dead_letters = {
    .name = "dead-letters", .summary = "notifications that were given up", .children = children};
