#include "cmd/listing.h"

#include "cmd/commands.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "format/jpull.h"
#include "platform/client/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define COLUMNS_MAX 32

struct listing {
    struct cli *cli;
    const struct table_column *columns;
    struct client *client;
    bool may_degrade;
    const char *degraded[2]; /* "true" and its age, of what is old */
    struct table *table;     /* once the first record is there, for only then it is known */
    struct arena *row;       /* texts of one row: the table copies them */
    struct jpull_projection *projection;
    struct strbuf scratch;
    size_t ncolumns;
};

static const struct table_column degraded_columns[] = {
    {"degraded", TABLE_BOOL}, {"age_s", TABLE_INT}, {NULL, TABLE_TEXT}};

static struct table *open_table(struct listing *l)
{
    int64_t age_ms = 0;
    struct table_column *columns = arena_array(l->cli->arena, COLUMNS_MAX + 3, sizeof *columns);
    memcpy(columns, l->columns, (l->ncolumns + 1) * sizeof *columns);
    if (l->client != NULL && client_is_degraded(l->client, &age_ms)) {
        memcpy(columns + l->ncolumns, degraded_columns, sizeof degraded_columns);
        l->degraded[0] = "true";
        l->degraded[1] = arena_printf(l->cli->arena, "%" PRId64, age_ms / 1000);
    }
    return table_new(l->cli, columns);
}

static int print_record(void *self, struct span record, struct error *err)
{
    struct listing *l = self;
    struct jpull_value values[COLUMNS_MAX];
    const char *texts[COLUMNS_MAX + 2];
    TRY(jpull_project(l->projection, record, values, &l->scratch, err));
    arena_clear(l->row);
    for (size_t i = 0; i < l->ncolumns; i++)
        texts[i] = values[i].kind <= JPULL_NULL
                       ? NULL
                       : arena_strndup(l->row, values[i].text.ptr, values[i].text.len);
    if (l->table == NULL)
        l->table = open_table(l);
    texts[l->ncolumns] = l->degraded[0];
    texts[l->ncolumns + 1] = l->degraded[1];
    table_row(l->table, texts);
    return 0;
}

static int read_records(struct listing *l, struct cli *cli, const char *resource,
                        const struct connector_param *params, size_t nparams, int64_t limit,
                        struct error *err)
{
    TRY(client_open(cli->config, builtin_connectors, &l->client, err));
    if (l->may_degrade)
        client_may_degrade(l->client, cli->config);
    int code = client_list(l->client, resource, params, nparams, limit, print_record, l, err);
    client_close(l->client);
    l->client = NULL;
    return code;
}

static int print_list(struct listing l, const char *resource, const struct connector_param *params,
                      size_t nparams, int64_t limit, const char *empty, struct error *err)
{
    struct cli *cli = l.cli;
    const struct table_column *columns = l.columns;
    const char *pointers[COLUMNS_MAX];
    struct error ignored = ERROR_INIT;
    for (; columns[l.ncolumns].key != NULL && l.ncolumns < COLUMNS_MAX; l.ncolumns++)
        pointers[l.ncolumns] = arena_printf(cli->arena, "/%s", columns[l.ncolumns].key);
    TRY(jpull_projection_new(pointers, l.ncolumns, &l.projection, err));
    strbuf_init(&l.scratch, 1 << 20);
    l.row = arena_new();
    int code = read_records(&l, cli, resource, params, nparams, limit, err);
    if (l.table == NULL)
        l.table = open_table(&l);
    int printed = table_end(l.table, empty, code == 0 ? err : &ignored);
    jpull_projection_free(l.projection);
    strbuf_release(&l.scratch);
    arena_free(l.row);
    return code != 0 ? code : printed;
}

int listing_print(struct cli *cli, const char *resource, const struct connector_param *params,
                  size_t nparams, int64_t limit, const struct table_column *columns,
                  const char *empty, struct error *err)
{
    const struct listing l = {.cli = cli, .columns = columns};
    return print_list(l, resource, params, nparams, limit, empty, err);
}

int listing_show(struct cli *cli, const char *resource, const struct connector_param *params,
                 size_t nparams, int64_t limit, const struct table_column *columns,
                 const char *empty, struct error *err)
{
    const struct listing l = {.cli = cli, .columns = columns, .may_degrade = true};
    return print_list(l, resource, params, nparams, limit, empty, err);
}

const char *listing_text(struct cli *cli, const struct jsonx *node)
{
    int64_t number;
    if (jsonx_text(node) != NULL)
        return jsonx_text(node);
    if (jsonx_integer(node, &number))
        return arena_printf(cli->arena, "%" PRId64, number);
    if (jsonx_kind_of(node) == JSONX_BOOL)
        return jsonx_is_true(node) ? "true" : "false";
    return NULL;
}

static void add_row(struct cli *cli, struct table *t, const struct jsonx *record,
                    const struct table_column *columns)
{
    const char *row[COLUMNS_MAX];
    for (size_t k = 0; k < COLUMNS_MAX && columns[k].key != NULL; k++)
        row[k] = listing_text(cli, jsonx_get(record, columns[k].key));
    table_row(t, row);
}

int listing_print_rows(struct cli *cli, const struct jsonx *rows,
                       const struct table_column *columns, const char *empty, struct error *err)
{
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < jsonx_count(rows); i++)
        add_row(cli, t, jsonx_at(rows, i), columns);
    return table_end(t, empty, err);
}

int listing_print_one(struct cli *cli, const struct jsonx *record,
                      const struct table_column *columns, struct error *err)
{
    struct table *t = table_new(cli, columns);
    add_row(cli, t, record, columns);
    return table_end(t, "", err);
}

int listing_print_fields(struct cli *cli, const struct jsonx *record, struct error *err)
{
    static const struct table_column columns[] = {
        {"field", TABLE_TEXT}, {"value", TABLE_TEXT}, {NULL, TABLE_TEXT}};
    if (cli->output == CLI_OUTPUT_JSON || cli->output == CLI_OUTPUT_JSONL) {
        AUTO_STRBUF struct strbuf text = {0};
        strbuf_init(&text, 4 << 20);
        jsonx_dump(record, &text);
        fprintf(cli->out, "%s\n", text.data);
        return 0;
    }
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < jsonx_count(record); i++) {
        const char *value = listing_text(cli, jsonx_value(record, i));
        if (value != NULL)
            table_row(t, (const char *[]){jsonx_key(record, i), value});
    }
    return table_end(t, "", err);
}

int listing_when(struct cli *cli, const char *text, const char **ret, struct error *err)
{
    const struct settings *s = config_settings(cli->config);
    struct bizday bizday = {.cutoff_s = s->business_day_s};
    struct datetime t;
    int64_t start_us, end_us;
    int32_t days;
    char *out = arena_alloc(cli->arena, DATETIME_ISO_MAX);
    *ret = NULL;
    if (text == NULL)
        return 0;
    TRY(zone_load(s->timezone, &bizday.zone, err));
    if (datetime_parse_iso(text, strlen(text), &t) && t.has_time) {
        datetime_print(t.has_zone ? t.us : zone_local_to_utc(bizday.zone, t.us), NULL, out);
    } else {
        if (bizday_parse(&bizday, text, clock_wall_us(), &days, err) != 0) {
            err->code = ERR_USAGE;
            return err->code;
        }
        bizday_range(&bizday, days, &start_us, &end_us);
        datetime_print(start_us, NULL, out);
    }
    *ret = out;
    return 0;
}

int listing_call(struct cli *cli, const char *resource, const struct connector_param *params,
                 size_t nparams, const struct strbuf *body, struct jsonx **ret, struct error *err)
{
    struct client *client;
    TRY(client_open(cli->config, builtin_connectors, &client, err));
    int code = client_call(client, resource, params, nparams, body, ret, err);
    client_close(client);
    return code;
}
