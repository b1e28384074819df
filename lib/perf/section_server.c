/* lib/perf/section_server.c - what the counters say of a database that was looked at alone. */
#include "perf/section.h"

#include <math.h>

struct load_of_server {
    double seconds, exec_ms, calls, rows;
    const struct perf_server *server;
};

static struct load_of_server server_load(const struct perf_server *server)
{
    struct load_of_server l = {.server = server,
                               .seconds = server->totals ? server->stats_age_s : server->window_s};
    for (size_t i = 0; i < server->nstatements; i++) {
        l.exec_ms += fmax(0, server->statements[i].exec_ms);
        l.calls += fmax(0, server->statements[i].calls);
        l.rows += fmax(0, server->statements[i].rows);
    }
    return l;
}

static void add_amount(struct sink *s, enum report_text label, enum figure_unit unit, double value,
                       double seconds)
{
    const struct sink_cell cells[] = {
        {.text = say(s, label)},
        {.text = say_unit(s, unit, value), .sort = sort_key(s, value)},
        {.text = seconds > 0 ? say_unit(s, UNIT_PER_S, value / seconds) : "\xC2\xB7"}};
    sink_row(s, cells, NULL);
}

/* What the counters say of the time between two snapshots, or since they were reset. */
void section_server(struct sink *s)
{
    const struct load_of_server l = server_load(&s->d->after->server);
    const struct sink_column columns[] = {{say(s, TEXT_METRIC), false},
                                          {say(s, TEXT_VALUE), true},
                                          {say(s, TEXT_DB_PER_SECOND), true}};
    double blocks = l.server->blocks_hit + l.server->blocks_read;
    sink_heading(s, 4, NULL, "server", say(s, TEXT_DB_ALONE));
    if (l.seconds > 0)
        sink_note(s, text_fill(s->d, s->arena, l.server->totals ? TEXT_DB_TOTALS : TEXT_DB_WINDOW,
                               say_duration(s, l.seconds), NULL));
    sink_table_begin(s, NULL, columns, 3);
    if (l.server->has_statements) {
        add_amount(s, TEXT_DB_STATEMENTS, UNIT_COUNT, l.calls, l.seconds);
        add_amount(s, TEXT_DB_TIME, UNIT_MS, l.exec_ms, 0);
        if (l.calls > 0)
            add_amount(s, TEXT_DB_MEAN, UNIT_MS, l.exec_ms / l.calls, 0);
        add_amount(s, TEXT_DB_ROWS, UNIT_COUNT, l.rows, l.seconds);
    }
    add_amount(s, TEXT_DB_COMMITS, UNIT_COUNT, l.server->commits, l.seconds);
    add_amount(s, TEXT_DB_ROLLBACKS, UNIT_COUNT, l.server->rollbacks, l.seconds);
    if (blocks > 0)
        add_amount(s, TEXT_DB_HIT, UNIT_SHARE, l.server->blocks_hit / blocks, 0);
    add_amount(s, TEXT_DB_TEMP, UNIT_BYTES, l.server->temp_bytes, 0);
    add_amount(s, TEXT_DB_DEADLOCKS, UNIT_COUNT, l.server->deadlocks, 0);
    sink_table_end(s);
}
