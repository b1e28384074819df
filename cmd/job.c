/* cmd/job.c - what the jobs of a schedule share. */
#include "cmd/job.h"
#include "cmd/desk.h"
#include "cmd/listing.h"
#include "core/signals.h"

#include <inttypes.h>

bool job_is_through_api(struct cli *cli, bool is_asked)
{
    return is_asked || !desk_has_database(cli);
}

int job_ask(struct cli *cli, const char *resource, const struct strbuf *body,
            const struct table_column *columns, int64_t *sums, bool *ret_more, struct error *err)
{
    struct jsonx *answer = NULL;
    int64_t done = 0;
    TRY(listing_call(cli, resource, NULL, 0, body, &answer, err));
    const struct jsonx *data = jsonx_get(answer, "data");
    for (size_t i = 0; columns[i].key != NULL; i++) {
        int64_t n = 0;
        jsonx_integer(jsonx_get(data, columns[i].key), &n);
        sums[i] += n;
        done += n;
    }
    *ret_more = done > 0 && jsonx_is_true(jsonx_get(data, "more")) && signals_pending() == 0;
    jsonx_free(answer);
    return 0;
}

int job_print(struct cli *cli, const struct table_column *columns, const int64_t *sums,
              struct error *err)
{
    const char *values[JOB_FIGURES_MAX];
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; columns[i].key != NULL; i++)
        values[i] = arena_printf(cli->arena, "%" PRId64, sums[i]);
    table_row(t, values);
    return table_end(t, NULL, err);
}
