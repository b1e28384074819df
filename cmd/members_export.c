/* diner members export: all that is kept about one person. */
#include "cli/table.h"
#include "cmd/listing.h"
#include "cmd/members.h"
#include "format/jpretty.h"
#include "format/jsonx.h"
#include "platform/dev/files.h"

#define EXPORT_BYTES_MAX ((size_t)128 << 20)

struct export_args {
    const char *member_no, *out_file;
};
static const struct field export_fields[] = {
    MEMBER_NO_FIELD("member", offsetof(struct export_args, member_no)),
    {"out-file", FIELD_STRING, offsetof(struct export_args, out_file),
     "file to write, in place of an older one; only its owner may read it", .arg = "FILE",
     .flags = FIELD_REQUIRED, .complete = "file"},
    {0}};
static const struct field_set export_set = {
    .name = "members export", .struct_size = sizeof(struct export_args), .fields = export_fields};

static int write_document(const char *path, const struct jsonx *document, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0}, pretty = {0};
    strbuf_init(&text, EXPORT_BYTES_MAX);
    strbuf_init(&pretty, EXPORT_BYTES_MAX);
    jsonx_dump(document, &text);
    TRY(jpretty((struct span){text.data, text.len}, 0, &pretty, err));
    strbuf_addch(&pretty, '\n');
    return files_write_private(path, pretty.data, err);
}

static int export(struct cli *cli, const void *bound, struct error *err)
{
    const struct export_args *args = bound;
    struct jsonx *answer = NULL;
    const struct connector_param params[] = {{"member_no", args->member_no}};
    TRY(listing_call(cli, "member_export", params, 1, NULL, &answer, err));
    const struct jsonx *document = jsonx_get(answer, "data");
    int code = write_document(args->out_file, document, err);
    if (code == 0)
        cli_summary(cli, "%s: %zu orders, %zu payments, %zu refunds; in full, so keep it safe",
                    args->out_file, jsonx_count(jsonx_get(document, "orders")),
                    jsonx_count(jsonx_get(document, "payments")),
                    jsonx_count(jsonx_get(document, "refunds")));
    jsonx_free(answer);
    return code;
}

const struct command command_members_export = {
    .name = "export",
    .summary = "write all that is kept about one person to a file, in full",
    .description =
        "For who asks what is known of them: the profile with phone, unionid and openids, "
        "everybody "
        "who was merged into them, orders with their lines, payments, refunds, wallets with their "
        "ledgers, points, and what was told about their orders. docs/members.md describes the "
        "document.",
    .args = &export_set,
    .run = export,
    .examples = (const struct command_example[]){
        {"diner members export M00000042 --out-file M00000042.json", "readable by its owner only"},
        {0}}};
