#include "cmd/listing.h"

#include "cmd/commands.h"
#include "format/jpull.h"
#include "platform/client/client.h"

#define COLUMNS_MAX 32

struct listing {
    struct table *table;
    struct arena *row; /* texts of one row: the table copies them */
    struct jpull_projection *projection;
    struct strbuf scratch;
    size_t ncolumns;
};

static int print_record(void *self, struct span record, struct error *err)
{
    struct listing *l = self;
    struct jpull_value values[COLUMNS_MAX];
    const char *texts[COLUMNS_MAX];
    TRY(jpull_project(l->projection, record, values, &l->scratch, err));
    arena_clear(l->row);
    for (size_t i = 0; i < l->ncolumns; i++)
        texts[i] = values[i].kind <= JPULL_NULL
                       ? NULL
                       : arena_strndup(l->row, values[i].text.ptr, values[i].text.len);
    table_row(l->table, texts);
    return 0;
}

static int read_records(struct listing *l, struct cli *cli, const char *resource,
                        const struct connector_param *params, size_t nparams, int64_t limit,
                        struct error *err)
{
    struct client *client;
    TRY(client_open(cli->config, builtin_connectors, NULL, &client, err));
    int code = client_list(client, resource, params, nparams, limit, print_record, l, err);
    client_close(client);
    return code;
}

int listing_print(struct cli *cli, const char *resource, const struct connector_param *params,
                  size_t nparams, int64_t limit, const struct table_column *columns,
                  const char *empty, struct error *err)
{
    struct listing l = {0};
    const char *pointers[COLUMNS_MAX];
    struct error ignored = ERROR_INIT;
    for (; columns[l.ncolumns].key != NULL && l.ncolumns < COLUMNS_MAX; l.ncolumns++)
        pointers[l.ncolumns] = arena_printf(cli->arena, "/%s", columns[l.ncolumns].key);
    TRY(jpull_projection_new(pointers, l.ncolumns, &l.projection, err));
    strbuf_init(&l.scratch, 1 << 20);
    l.row = arena_new();
    l.table = table_new(cli, columns);
    int code = read_records(&l, cli, resource, params, nparams, limit, err);
    int printed = table_end(l.table, empty, code == 0 ? err : &ignored);
    jpull_projection_free(l.projection);
    strbuf_release(&l.scratch);
    arena_free(l.row);
    return code != 0 ? code : printed;
}
