/* diner stock count: a stock-take, with what it says about usage. */
#include "cli/table.h"
#include "cmd/commands.h"
#include "cmd/listing.h"
#include "cmd/stock.h"
#include "core/decimal.h"
#include "core/message.h"
#include "format/csvio.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define ITEMS_MAX 1000

struct count_args {
    const char *store, *file, *at, *note;
    struct field_strings items;
};
#define COUNT(member) offsetof(struct count_args, member)
static const struct field count_fields[] = {
    {"store", FIELD_STRING, COUNT(store), "store", .short_name = 's', .arg = "CODE",
     .env = "DINER_STORE", .flags = FIELD_REQUIRED, .complete = "store"},
    {"item", FIELD_STRINGS, COUNT(items),
     "what was counted: product, quantity, and the unit when it is not the product's own",
     .arg = "SKU=QUANTITY[UNIT]", .flags = FIELD_POSITIONAL},
    {"file", FIELD_STRING, COUNT(file),
     "a CSV file with the columns product, quantity and, if need be, unit; '-' is standard input",
     .arg = "FILE", .complete = "file"},
    {"at", FIELD_STRING, COUNT(at),
     "when it was counted; default: now. What was sold since is not lost", .arg = "TIME"},
    {"note", FIELD_STRING, COUNT(note), "a note in the stock log", .arg = "TEXT"},
    {0}};
static const struct field_set count_set = {
    .name = "stock count", .struct_size = sizeof(struct count_args), .fields = count_fields};
static const struct table_column count_columns[] = {
    {"product", TABLE_TEXT},
    {"product_name", TABLE_TEXT},
    {"unit", TABLE_TEXT},
    {"expected", TABLE_DECIMAL},
    {"counted", TABLE_DECIMAL},
    {"difference", TABLE_DECIMAL},
    {"previous_at", TABLE_TIME, .is_quiet = true},
    {"opening", TABLE_DECIMAL, .is_quiet = true},
    {"received", TABLE_DECIMAL, .is_quiet = true},
    {"transferred", TABLE_DECIMAL, .is_quiet = true},
    {"adjusted", TABLE_DECIMAL, .is_quiet = true},
    {"theoretical_usage", TABLE_DECIMAL, .is_quiet = true},
    {"actual_usage", TABLE_DECIMAL, .is_quiet = true},
    {"variance", TABLE_DECIMAL, .is_quiet = true},
    {"waste", TABLE_DECIMAL, .is_quiet = true},
    {"unexplained", TABLE_DECIMAL, .is_quiet = true},
    {NULL, TABLE_TEXT}};

/* ---- what was counted ------------------------------------------------------------------- */

static void write_item(struct jwriter *w, struct span product, struct span quantity,
                       struct span unit)
{
    jwriter_object(w);
    jwriter_key(w, "product");
    jwriter_span(w, product);
    jwriter_key(w, "quantity");
    jwriter_span(w, quantity);
    if (unit.len > 0) {
        jwriter_key(w, "unit");
        jwriter_span(w, unit);
    }
    jwriter_end(w);
}

static bool is_quantity(struct span text)
{
    struct decimal d;
    return text.len > 0 && decimal_parse(text.ptr, text.len, &d) && d.coefficient >= 0;
}

int stock_item_write(struct jwriter *w, const char *text, struct error *err)
{
    const char *equals = strchr(text, '=');
    size_t digits = equals != NULL ? strspn(equals + 1, "0123456789.") : 0;
    if (equals == NULL || equals == text || !is_quantity((struct span){equals + 1, digits})) {
        error_set(err, ERR_USAGE, "'%s' is not a product and a quantity", text);
        return error_hint(err, "write P1001=12.5, or P1001=3箱 in another unit than its own");
    }
    write_item(w, (struct span){text, (size_t)(equals - text)}, (struct span){equals + 1, digits},
               span_of(equals + 1 + digits));
    return 0;
}

/* Which column is which; unit may be missing (-1). */
struct columns {
    int product, quantity, unit;
};

static int find_column(const struct csvio_record *header, const char *name)
{
    for (size_t i = 0; i < header->nfields; i++)
        if (header->fields[i].len == strlen(name) &&
            memcmp(header->fields[i].ptr, name, strlen(name)) == 0)
            return (int)i;
    return -1;
}

static int read_header(struct csvio_reader *r, const char *file, struct columns *ret,
                       struct error *err)
{
    struct csvio_record record;
    bool is_end = false;
    TRY(csvio_next(r, &record, &is_end, err));
    if (!is_end) {
        ret->product = find_column(&record, "product");
        ret->quantity = find_column(&record, "quantity");
        ret->unit = find_column(&record, "unit");
        if (ret->product >= 0 && ret->quantity >= 0)
            return 0;
    }
    return error_set(err, ERR_DATA, "'%s' has no header with 'product' and 'quantity'", file);
}

static struct span field_at(const struct csvio_record *record, int column)
{
    if (column < 0 || (size_t)column >= record->nfields)
        return SPAN("");
    return record->fields[column];
}

static int write_record(struct jwriter *w, const struct columns *c,
                        const struct csvio_record *record, const char *file, struct error *err)
{
    struct span product = field_at(record, c->product), quantity = field_at(record, c->quantity);
    if (record->fault != NULL)
        return error_set(err, ERR_DATA, "%s:%" PRIu64 ": %s", file, record->line, record->fault);
    if (product.len == 0 || !is_quantity(quantity))
        return error_set(err, ERR_DATA, "%s:%" PRIu64 ": '%.*s' of '%.*s' is not a quantity", file,
                         record->line, (int)quantity.len, quantity.ptr, (int)product.len,
                         product.ptr);
    write_item(w, product, quantity, field_at(record, c->unit));
    return 0;
}

static int write_file(struct jwriter *w, const char *file, size_t *count, struct error *err)
{
    struct csvio_reader *r;
    struct columns columns = {-1, -1, -1};
    const struct csvio_options options = {0};
    bool is_end = false;
    TRY(csvio_open(file, &options, &r, err));
    int code = read_header(r, file, &columns, err);
    while (code == 0) {
        struct csvio_record record;
        code = csvio_next(r, &record, &is_end, err);
        if (code != 0 || is_end)
            break;
        if (++*count > ITEMS_MAX)
            code = error_set(err, ERR_LIMIT, "'%s' has more than %d rows", file, ITEMS_MAX);
        else
            code = write_record(w, &columns, &record, file, err);
    }
    csvio_close(r);
    return code;
}

static int write_items(const struct count_args *args, struct jwriter *w, struct error *err)
{
    size_t count = args->items.count;
    jwriter_key(w, "items");
    jwriter_array(w);
    for (size_t i = 0; i < args->items.count; i++)
        TRY(stock_item_write(w, args->items.items[i], err));
    if (args->file != NULL)
        TRY(write_file(w, args->file, &count, err));
    if (count == 0)
        return error_set(err, ERR_USAGE, "nothing was counted: give SKU=QUANTITY, or --file");
    jwriter_end(w);
    return 0;
}

static int write_count(struct cli *cli, const struct count_args *args, struct strbuf *body,
                       struct error *err)
{
    struct jwriter w;
    const char *at;
    TRY(listing_when(cli, args->at, &at, err));
    jwriter_init(&w, body);
    jwriter_object(&w);
    jwriter_kstring(&w, "store", args->store);
    if (at != NULL)
        jwriter_kstring(&w, "counted_at", at);
    if (args->note != NULL)
        jwriter_kstring(&w, "note", args->note);
    TRY(write_items(args, &w, err));
    jwriter_end(&w);
    return body->overflow ? error_set(err, ERR_LIMIT, "too much was counted at once") : 0;
}

/* ---- the command ------------------------------------------------------------------------ */

static size_t count_differences(const struct jsonx *lines)
{
    size_t n = 0;
    for (size_t i = 0; i < jsonx_count(lines); i++) {
        const char *text = jsonx_text(jsonx_get(jsonx_at(lines, i), "difference"));
        n += text != NULL && strcmp(text, "0") != 0;
    }
    return n;
}

static int count_stock(struct cli *cli, const void *bound, struct error *err)
{
    const struct count_args *args = bound;
    struct jsonx *answer = NULL;
    AUTO_STRBUF struct strbuf body = {0};
    strbuf_init(&body, STOCK_BODY_MAX);
    TRY(write_count(cli, args, &body, err));
    TRY(listing_call(cli, cli->dry_run ? "stock_count_preview" : "stock_count", NULL, 0, &body,
                     &answer, err));
    const struct jsonx *lines = jsonx_pointer(answer, "/data/lines");
    int code = listing_print_rows(cli, lines, count_columns, "nothing", err);
    if (code == 0)
        cli_summary(cli, "%zu counted, %zu differ%s", jsonx_count(lines), count_differences(lines),
                    cli->dry_run ? message_text("; dry run: nothing was changed")
                                 : message_text(", the stock is corrected"));
    jsonx_free(answer);
    return code;
}

const struct command command_stock_count = {
    .name = "count",
    .summary = "enter a stock-take: the stock is corrected, and usage compared with the recipes",
    .description =
        "For each product: what the ledger expected, what was counted, and since the count before "
        "the theoretical usage (what was sold, by recipe) against the actual one (opening + "
        "received + transferred + adjusted - counted). Of the variance, waste is what was logged; "
        "the rest is unexplained.\n\n"
        "All is entered or nothing. A count is as of its time: what was sold since is kept, and a "
        "later count or correction by the ERP is not undone but refused.",
    .args = &count_set,
    .run = count_stock,
    .flags = CLI_OUTPUT | CLI_DRY_RUN,
    .examples = (const struct command_example[]){
        {"diner stock count P1001=12.5 P1002=40 --store S001 --dry-run", "a diff before any write"},
        {"diner stock count P1003=20 --store S001 --note 'end of month'", "enter it"},
        {0}}};
