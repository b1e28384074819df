/* diner members merge|unmerge: two members that are one person, and taking that back. */
#include "cli/table.h"
#include "cmd/listing.h"
#include "cmd/members.h"
#include "format/jsonx.h"

#include <string.h>

static const struct table_column columns[] = {{"survivor", TABLE_TEXT},
                                              {"other", TABLE_TEXT},
                                              {"moved", TABLE_TEXT},
                                              {"orders", TABLE_INT},
                                              {"wallet", TABLE_MONEY},
                                              {"points", TABLE_INT},
                                              {"different_unionid", TABLE_BOOL},
                                              {"undone_at", TABLE_TIME},
                                              {NULL, TABLE_TEXT}};

/* "phone, unionid" */
static const char *list_moved(struct cli *cli, const struct jsonx *moved)
{
    const char *text = "";
    for (size_t i = 0; i < jsonx_count(moved); i++)
        text = arena_printf(cli->arena, "%s%s%s", text, i == 0 ? "" : ", ",
                            jsonx_text(jsonx_at(moved, i)));
    return text;
}

static int print_merge(struct cli *cli, const struct jsonx *merge, struct error *err)
{
    struct table *t = table_new(cli, columns);
    table_row(t, (const char *[]){jsonx_text(jsonx_get(merge, "survivor")),
                                  jsonx_text(jsonx_get(merge, "other")),
                                  list_moved(cli, jsonx_get(merge, "moved")),
                                  listing_text(cli, jsonx_get(merge, "orders")),
                                  jsonx_text(jsonx_get(merge, "wallet_amount")),
                                  listing_text(cli, jsonx_get(merge, "points")),
                                  listing_text(cli, jsonx_get(merge, "different_unionid")),
                                  jsonx_text(jsonx_get(merge, "undone_at"))});
    return table_end(t, "", err);
}

static int call(struct cli *cli, const char *resource, const char *member_no,
                const struct strbuf *body, struct error *err)
{
    struct jsonx *answer = NULL;
    const struct connector_param params[] = {{"member_no", member_no}};
    TRY(listing_call(cli, resource, params, 1, body, &answer, err));
    int code = print_merge(cli, jsonx_get(answer, "data"), err);
    jsonx_free(answer);
    return code;
}

/* ---- merge ------------------------------------------------------------------------------ */

struct merge_args {
    const char *survivor, *other;
};
static const struct field merge_fields[] = {
    {"survivor", FIELD_STRING, offsetof(struct merge_args, survivor), "who stays",
     .arg = "SURVIVOR", .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"other", FIELD_STRING, offsetof(struct merge_args, other),
     "whose number leads to the survivor from then on", .arg = "OTHER",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {0}};
static const struct field_set merge_set = {
    .name = "members merge", .struct_size = sizeof(struct merge_args), .fields = merge_fields};

static int merge(struct cli *cli, const void *bound, struct error *err)
{
    const struct merge_args *args = bound;
    struct jwriter w;
    AUTO_STRBUF struct strbuf body = {0};
    TRY(cli_confirm(cli, err, "merge %s into %s?", args->other, args->survivor));
    strbuf_init(&body, 0);
    jwriter_init(&w, &body);
    jwriter_object(&w);
    jwriter_kstring(&w, "other", args->other);
    jwriter_end(&w);
    TRY(call(cli, cli->dry_run ? "member_merge_preview" : "member_merge", args->survivor, &body,
             err));
    if (cli->dry_run)
        cli_summary(cli, "dry run: nothing was merged");
    else
        cli_summary(cli, "%s leads to %s now; 'diner members unmerge %s' undoes it", args->other,
                    args->survivor, args->other);
    return 0;
}

const struct command command_members_merge = {
    .name = "merge",
    .summary = "make one member of two",
    .description =
        "The survivor keeps its record, and gets the phone and the unionid that it lacks. The "
        "other's number leads to the survivor from then on. Orders, wallet and points go with it; "
        "what moved is written down, so that `diner members unmerge` can bring it back.",
    .args = &merge_set,
    .run = merge,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS,
    .examples = (const struct command_example[]){
        {"diner members merge M00000042 M00000043 --dry-run", "what would move"},
        {"diner members merge M00000042 M00000043 --yes", "M00000043 is M00000042"},
        {0}}};

/* ---- unmerge ---------------------------------------------------------------------------- */

struct unmerge_args {
    const char *other;
};
static const struct field unmerge_fields[] = {
    MEMBER_NO_FIELD("other", offsetof(struct unmerge_args, other)), {0}};
static const struct field_set unmerge_set = {.name = "members unmerge",
                                             .struct_size = sizeof(struct unmerge_args),
                                             .fields = unmerge_fields};

static int unmerge(struct cli *cli, const void *bound, struct error *err)
{
    const struct unmerge_args *args = bound;
    TRY(cli_confirm(cli, err, "make %s a member of its own again?", args->other));
    TRY(call(cli, "member_unmerge", args->other, NULL, err));
    cli_summary(cli, "%s is a member of its own again", args->other);
    return 0;
}

const struct command command_members_unmerge = {
    .name = "unmerge",
    .summary = "undo a merge: the member is itself again",
    .description =
        "What was the member's goes back: orders, what was in the wallet less what those orders "
        "took out since, phone and unionid. Refused when the wallet has been spent, when the "
        "phone is another's by now, and when the survivor was merged in turn, which is undone "
        "first.",
    .args = &unmerge_set,
    .run = unmerge,
    .flags = CLI_OUTPUT | CLI_DESTROYS,
    .examples = (const struct command_example[]){
        {"diner members unmerge M00000043 --yes", "M00000043 is not M00000042"}, {0}}};
