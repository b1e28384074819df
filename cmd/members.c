/* diner members: the group, list, show and sync. */
#include "cmd/members.h"
#include "cmd/commands.h"
#include "cmd/engine.h"
#include "cmd/listing.h"
#include "core/message.h"
#include "format/jsonx.h"
#include "platform/client/client.h"

#include <stdio.h>
#include <string.h>

#define REVEAL_FIELD(at)                                                                           \
    {                                                                                              \
        "reveal", FIELD_BOOL, at, "names and phones in full; for the roles admin and integration"  \
    }

/* ---- list ------------------------------------------------------------------------------- */

static const char *const states[] = {"all", "active", "closed", "merged", "erased", NULL};

static const char *const sorts[] = {"updated_at",  "-updated_at", "created_at",
                                    "-created_at", "joined_at",   "-joined_at",
                                    "member_no",   "-member_no",  NULL};

struct list_args {
    const char *since, *until;
    int status, sort;
    int64_t limit;
    bool reveal;
};
#define LIST(member) offsetof(struct list_args, member)
static const struct field list_fields[] = {
    {"status", FIELD_CHOICE, LIST(status), "only with this status", .arg = "STATUS", .def = "all",
     .choices = states},
    {"since", FIELD_STRING, LIST(since),
     "changed at or after: today, yesterday, 'N days ago' (business days), a date or a time",
     .arg = "WHEN"},
    {"until", FIELD_STRING, LIST(until), "changed before, likewise", .arg = "WHEN"},
    {"sort", FIELD_CHOICE, LIST(sort), "in this order; descending with a '-' before it",
     .arg = "ORDER", .def = "updated_at", .choices = sorts},
    {"limit", FIELD_INT, LIST(limit), "how many", .def = "50", .min = 1, .max = 1000000},
    REVEAL_FIELD(LIST(reveal)),
    {0}};
static const struct field_set list_set = {
    .name = "members list", .struct_size = sizeof(struct list_args), .fields = list_fields};

static const struct table_column list_columns[] = {{"member_no", TABLE_TEXT},
                                                   {"name", TABLE_TEXT},
                                                   {"phone", TABLE_TEXT},
                                                   {"level", TABLE_TEXT},
                                                   {"store", TABLE_TEXT},
                                                   {"status", TABLE_TEXT},
                                                   {"merged_into", TABLE_TEXT, .is_quiet = true},
                                                   {"joined_at", TABLE_TIME},
                                                   {"updated_at", TABLE_TIME},
                                                   {NULL, TABLE_TEXT}};

static int list(struct cli *cli, const void *bound, struct error *err)
{
    const struct list_args *args = bound;
    const char *since, *until;
    TRY(listing_when(cli, args->since, &since, err));
    TRY(listing_when(cli, args->until, &until, err));
    const struct connector_param params[] = {
        {"status", args->status > 0 ? states[args->status] : NULL},
        {"updated_since", since},
        {"updated_until", until},
        {"sort", args->sort > 0 ? sorts[args->sort] : NULL},
        {"reveal", args->reveal ? "true" : NULL}};
    return listing_print(cli, "members", params, 5, args->limit, list_columns, "no members", err);
}

/* ---- show ------------------------------------------------------------------------------- */

struct show_args {
    const char *member_no, *phone, *unionid, *appid, *openid;
    bool reveal;
};
#define KEY_BYTES_MAX 256
#define SHOW(member)  offsetof(struct show_args, member)
static const struct field show_fields[] = {
    {"member", FIELD_STRING, SHOW(member_no), "member number", .arg = "MEMBER",
     .flags = FIELD_POSITIONAL},
    {"phone", FIELD_STRING, SHOW(phone),
     "who has this phone; '-' reads it from standard input, so that it stands in no history",
     .arg = "NUMBER"},
    {"unionid", FIELD_STRING, SHOW(unionid), "who has this unionid; '-' likewise", .arg = "ID"},
    {"openid", FIELD_STRING, SHOW(openid), "who has this openid of --appid; '-' likewise",
     .arg = "ID"},
    {"appid", FIELD_STRING, SHOW(appid), "the app that the openid is of", .arg = "APP"},
    REVEAL_FIELD(SHOW(reveal)),
    {0}};
static const struct field_set show_set = {
    .name = "members show", .struct_size = sizeof(struct show_args), .fields = show_fields};

/* "-": the next line of standard input. */
static int read_key(struct cli *cli, const char *option, const char *given, const char **ret,
                    struct error *err)
{
    char line[KEY_BYTES_MAX];
    *ret = given;
    if (given == NULL || strcmp(given, "-") != 0)
        return 0;
    if (fgets(line, sizeof line, stdin) == NULL)
        return error_set(err, ERR_USAGE, "--%s -: there is nothing on standard input", option);
    line[strcspn(line, "\r\n")] = '\0';
    *ret = arena_strdup(cli->arena, line);
    return 0;
}

static int write_key(struct cli *cli, struct jwriter *w, const char *name, const char *given,
                     struct error *err)
{
    const char *value;
    TRY(read_key(cli, name, given, &value, err));
    if (value != NULL)
        jwriter_kstring(w, name, value);
    return 0;
}

static int find(struct cli *cli, const struct show_args *args, struct jsonx **ret,
                struct error *err)
{
    const struct connector_param reveal = {"reveal", args->reveal ? "true" : NULL};
    struct jwriter w;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, 0);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    TRY(write_key(cli, &w, "phone", args->phone, err));
    TRY(write_key(cli, &w, "unionid", args->unionid, err));
    TRY(write_key(cli, &w, "openid", args->openid, err));
    TRY(write_key(cli, &w, "appid", args->appid, err));
    jwriter_end(&w);
    return listing_call(cli, "member_find", &reveal, 1, &body, ret, err);
}

static int show_found(struct cli *cli, const struct show_args *args, struct error *err)
{
    struct jsonx *answer = NULL;
    TRY(find(cli, args, &answer, err));
    const struct jsonx *others = jsonx_pointer(answer, "/data/others");
    int code = listing_print_fields(cli, jsonx_pointer(answer, "/data/member"), err);
    if (code == 0)
        cli_summary(cli, "known by the %s%s", jsonx_text(jsonx_pointer(answer, "/data/matched_by")),
                    jsonx_count(others) > 0 ? message_text("; others have another of these keys:")
                                            : "");
    for (size_t i = 0; i < jsonx_count(others) && code == 0; i++)
        cli_summary(cli, "  %s", jsonx_text(jsonx_at(others, i)));
    jsonx_free(answer);
    return code;
}

static int show_member(struct cli *cli, const struct show_args *args, struct error *err)
{
    struct client *client;
    struct jsonx *member = NULL;
    const struct connector_param params[] = {{"member_no", args->member_no},
                                             {"reveal", args->reveal ? "true" : NULL}};
    TRY(client_open(cli->config, builtin_connectors, &client, err));
    int code = client_get(client, "member", params, 2, &member, err);
    client_close(client);
    if (code == 0)
        code = listing_print_fields(cli, member, err);
    const char *from = jsonx_text(jsonx_get(member, "redirected_from"));
    if (code == 0 && from != NULL)
        cli_summary(cli, "%s was merged into %s", from, jsonx_text(jsonx_get(member, "member_no")));
    jsonx_free(member);
    return code;
}

/* In an address it would stand in the logs of all that it passes. */
static bool looks_like_phone(const char *text)
{
    size_t n = strspn(text, "+0123456789- ");
    return n >= 7 && text[n] == '\0';
}

static int show(struct cli *cli, const void *bound, struct error *err)
{
    const struct show_args *args = bound;
    bool has_key = args->phone != NULL || args->unionid != NULL || args->openid != NULL;
    if ((args->member_no != NULL) == has_key)
        return error_set(err, ERR_USAGE,
                         "a member number is needed, or --phone, --unionid or --openid instead");
    if (args->member_no != NULL && looks_like_phone(args->member_no)) {
        error_set(err, ERR_USAGE, "that is no member number, but could be a phone");
        return error_hint(err, "diner members show --phone - reads it from standard input");
    }
    if ((args->openid != NULL) != (args->appid != NULL))
        return error_set(err, ERR_USAGE, "--openid goes with --appid");
    return has_key ? show_found(cli, args, err) : show_member(cli, args, err);
}

/* ---- sync ------------------------------------------------------------------------------- */

static int sync_members(struct cli *cli, const void *bound, struct error *err)
{
    struct run_options options = engine_options(cli);
    (void)bound;
    options.kind = cli->dry_run ? RUN_DRY : RUN_LOAD;
    return engine_run(cli, "members_sync", &options, NULL, err);
}

/* ---- the group -------------------------------------------------------------------------- */

static const struct command command_list = {
    .name = "list",
    .summary = "list members, masked, by time of change or as --sort says",
    .args = &list_set,
    .run = list,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner members list --since yesterday", "who joined or changed"},
        {"diner members list --status merged", "who was merged into whom"},
        {0}}};
static const struct command command_show = {
    .name = "show",
    .summary = "show one member, masked",
    .args = &show_set,
    .run = show,
    .flags = CLI_OUTPUT,
    .examples = (const struct command_example[]){
        {"diner members show M00000042", "name and phone in part"},
        {"diner members show M00000042 --reveal -o json", "in full, for who may"},
        {"diner members show --phone - <phone.txt", "whose phone it is"},
        {0}}};
static const struct command command_sync = {
    .name = "sync",
    .summary = "members between the platform and the CRM (the job 'members_sync')",
    .description =
        "Brings the platform's members into ods (pipeline members_pull), compares them with the "
        "CRM's and sends the CRM what is decided for it (crm_members), and tells the platform what "
        "differs (members_push). Level and points are the platform's own. Nobody who was merged or "
        "erased comes back. See `diner pipeline plan crm_members` for a diff.",
    .run = sync_members,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){{"diner members sync", "both ways"}, {0}}};
static const struct command *const children[] = {&command_list,           &command_show,
                                                 &command_members_merge,  &command_members_unmerge,
                                                 &command_members_export, &command_members_erase,
                                                 &command_members_points, &command_members_tiers,
                                                 &command_sync,           NULL};
const struct command command_members = {
    .name = "members", .summary = "members of the chain", .children = children};
