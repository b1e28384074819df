/* diner members erase: a person's data is taken out of the platform's database and the warehouse.
 */
#include "cli/table.h"
#include "cmd/desk.h"
#include "cmd/members.h"
#include "core/secret.h"
#include "domain/member_erase.h"

#include <inttypes.h>
#include <string.h>

struct erase_args {
    const char *member_no, *pay_out;
};
static const struct field erase_fields[] = {
    MEMBER_NO_FIELD("member", offsetof(struct erase_args, member_no)),
    {"pay-out", FIELD_STRING, offsetof(struct erase_args, pay_out),
     "what is in the wallet was paid back under this reference: it is booked out first",
     .arg = "REF"},
    {0}};
static const struct field_set erase_set = {
    .name = "members erase", .struct_size = sizeof(struct erase_args), .fields = erase_fields};

static const struct table_column columns[] = {
    {"table", TABLE_TEXT}, {"rows", TABLE_INT}, {NULL, TABLE_TEXT}};

/* Rows of a table that were changed, perhaps in several ways. */
struct changed {
    const char *table;
    int64_t rows;
    struct changed *next;
};

struct erasing {
    struct cli *cli;
    struct desk *desk;
    struct db_conn *warehouse; /* may be the desk's own */
    struct changed *first, **last;
    int64_t rows;
};

static int count_rows(void *self, const char *table, int64_t rows, struct error *err)
{
    struct erasing *e = self;
    struct changed *c = e->first;
    (void)err;
    e->rows += rows;
    while (c != NULL && strcmp(c->table, table) != 0)
        c = c->next;
    if (c == NULL) {
        c = arena_alloc(e->cli->arena, sizeof *c);
        *c = (struct changed){.table = arena_strdup(e->cli->arena, table)};
        *e->last = c;
        e->last = &c->next;
    }
    c->rows += rows;
    return 0;
}

static int print_changed(const struct erasing *e, struct error *err)
{
    struct table *t = table_new(e->cli, columns);
    for (const struct changed *c = e->first; c != NULL; c = c->next)
        table_row(t, (const char *[]){c->table, arena_printf(e->cli->arena, "%" PRId64, c->rows)});
    return table_end(t, "nothing was found", err);
}

/* The warehouse, where it is another database than the platform's. */
static int open_warehouse(struct erasing *e, struct error *err)
{
    char *platform = NULL, *warehouse = NULL;
    e->warehouse = desk_context(e->desk)->conn;
    if (!config_has_dsn(e->cli->config, "warehouse"))
        return 0;
    int code = desk_dsn(e->cli, &platform, err);
    if (code == 0)
        code = config_dsn(e->cli->config, "warehouse", &warehouse, err);
    if (code == 0 && strcmp(platform, warehouse) != 0) {
        const struct db_options options = {.dsn = warehouse, .application_name = "diner"};
        code = db_open(&options, &e->warehouse, err);
    }
    secret_free(platform);
    secret_free(warehouse);
    return code;
}

static bool has_two(const struct erasing *e)
{
    return e->warehouse != desk_context(e->desk)->conn;
}

static int erase_all(struct erasing *e, const struct erase_args *args, struct error *err)
{
    struct domain_context *ctx = desk_context(e->desk);
    AUTO_TRACES struct member_traces traces;
    member_traces_init(&traces);
    if (args->pay_out != NULL)
        TRY(member_erase_pay_out(ctx, args->member_no, args->pay_out, err));
    TRY(member_erase_begin(ctx, e->warehouse, args->member_no, &traces, err));
    return member_erase(ctx, e->warehouse, &traces, count_rows, e, err);
}

/* The warehouse first: what is left of a person there can be found again only as long as the
 * platform knows them. */
static int erase_in_transaction(struct erasing *e, const struct erase_args *args, struct error *err)
{
    struct db_conn *platform = desk_context(e->desk)->conn;
    TRY(db_begin(platform, err));
    if (has_two(e))
        TRY(db_begin(e->warehouse, err));
    TRY(erase_all(e, args, err));
    if (e->cli->dry_run)
        return 0;
    if (has_two(e))
        TRY(db_commit(e->warehouse, err));
    return db_commit(platform, err);
}

static int erase_and_print(struct erasing *e, const struct erase_args *args, struct error *err)
{
    int code = erase_in_transaction(e, args, err);
    db_rollback(desk_context(e->desk)->conn);
    if (has_two(e))
        db_rollback(e->warehouse);
    return code == 0 ? print_changed(e, err) : code;
}

static int erase(struct cli *cli, const void *bound, struct error *err)
{
    const struct erase_args *args = bound;
    struct erasing e = {.cli = cli};
    e.last = &e.first;
    TRY(cli_confirm(cli, err, "erase the data of %s for good?", args->member_no));
    TRY(desk_new(cli, &e.desk, err));
    int code = open_warehouse(&e, err);
    if (code == 0)
        code = erase_and_print(&e, args, err);
    if (e.warehouse != NULL && has_two(&e))
        db_close(e.warehouse);
    desk_free(e.desk);
    if (code == 0 && cli->dry_run)
        cli_summary(cli, "dry run: nothing was erased");
    else if (code == 0)
        cli_summary(cli, "%s tells nobody any more: %" PRId64 " rows changed", args->member_no,
                    e.rows);
    return code;
}

const struct command command_members_erase = {
    .name = "erase",
    .summary = "erase a person's data; orders and money stay, and tell nobody",
    .description =
        "Works on the databases themselves: the platform's (connection 'platform', else "
        "'warehouse') and the warehouse. Name, phone, unionid and openids of the member and of "
        "everybody who was merged into it are replaced by a random token wherever they stand: "
        "orders, messages, kept answers, rejected rows, landed tables. It looks at every row of "
        "the schemas app, channel_local, diner, ods and mart, so it takes a while.\n\n"
        "Refused while there is money in the wallet, or an order, a refund or a payment is open. "
        "The CRM, files that were written, backups and logs of other systems are out of reach. "
        "The person is known again by a keyed hash (setting members.hash_key), so that "
        "`diner members sync` does not bring them back.",
    .args = &erase_set,
    .run = erase,
    .flags = CLI_OUTPUT | CLI_DRY_RUN | CLI_DESTROYS,
    .examples = (const struct command_example[]){
        {"diner members erase M00000042 --dry-run", "what would be changed, by table"},
        {"diner members erase M00000042 --yes", "for good"},
        {"diner members erase M00000042 --pay-out TRANSFER-7 --yes",
         "after what was in the wallet was paid back"},
        {0}}};
