/* lib/perf/health_tables.c - see health.h: one table, and the sequences. */
#include "perf/health_internal.h"

#include "gen/embed.h"
#include "perf/sqltext.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static struct perf_finding *add(struct diagnosis *d, enum perf_kind kind,
                                const struct perf_table *t)
{
    return finding_add(d, kind, "%s.%s", t->schema, t->name);
}

/* "autovacuum_vacuum_threshold=1000, fillfactor=90": the table's own value, else the server's. */
static double option(const struct diagnosis *d, const struct perf_table *t, const char *name,
                     double otherwise)
{
    size_t n = strlen(name);
    for (const char *p = t->options; p != NULL; p = strstr(p, ", ")) {
        p += strncmp(p, ", ", 2) == 0 ? 2 : 0;
        if (strncmp(p, name, n) == 0 && p[n] == '=')
            return strtod(p + n + 1, NULL);
    }
    return health_setting(d, name, otherwise);
}

static bool is_vacuum_off(const struct diagnosis *d, const struct perf_table *t)
{
    for (size_t i = 0; i < d->study->server.nsettings; i++)
        if (strcmp(d->study->server.settings[i].name, "autovacuum") == 0 &&
            strcmp(d->study->server.settings[i].value, "off") == 0)
            return true;
    return t->options != NULL && (strstr(t->options, "autovacuum_enabled=false") != NULL ||
                                  strstr(t->options, "autovacuum_enabled=off") != NULL);
}

/* Twice the number at which autovacuum begins: it does not keep up. Switched off: once. */
static void judge_dead_rows(struct diagnosis *d, const struct perf_table *t)
{
    double begin = option(d, t, "autovacuum_vacuum_threshold", 50) +
                   option(d, t, "autovacuum_vacuum_scale_factor", 0.2) * t->rows;
    bool off = is_vacuum_off(d, t);
    if (t->dead_rows < d->limits.dead_rows ||
        t->dead_rows < begin * (off ? 1 : d->limits.dead_factor))
        return;
    struct perf_finding *f = add(d, PERF_KIND_DEAD_ROWS, t);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    f->severity = t->dead_rows > t->rows ? PERF_MEDIUM : PERF_LOW;
    f->title_en = arena_printf(d->arena, "'%s' has %.0f dead rows", t->name, t->dead_rows);
    f->title_zh = arena_printf(d->arena, "表 %s 有 %.0f 个死行", t->name, t->dead_rows);
    f->cause_en = off ? "Autovacuum is switched off for it."
                      : "Autovacuum does not keep up, or an old transaction holds it back.";
    f->cause_zh = off ? "该表关闭了自动清理。" : "自动清理跟不上写入，或被长事务阻挡。";
    f->cure_en = "Vacuum it now; let autovacuum come sooner to this table.";
    f->cure_zh = "立即清理，并让自动清理更早处理该表。";
    const char *name = sql_name(t->schema, t->name, d->arena);
    f->apply_sql =
        arena_printf(d->arena,
                     "VACUUM (ANALYZE) %s;\nALTER TABLE %s SET (autovacuum_enabled = on, "
                     "autovacuum_vacuum_scale_factor = 0.05);",
                     name, name);
    f->undo_sql = arena_printf(d->arena,
                               "ALTER TABLE %s RESET (autovacuum_enabled, "
                               "autovacuum_vacuum_scale_factor);",
                               name);
    finding_evidence(d, f, "dead rows, rows", "死行, 行", "%.0f, %.0f", t->dead_rows, t->rows);
    finding_evidence(d, f, "autovacuum should begin at", "应触发清理的死行数", "%.0f", begin);
    if (t->last_vacuum_age_s >= 0)
        finding_evidence(d, f, "last vacuum", "上次清理", "%.1f h", t->last_vacuum_age_s / 3600);
}

/* Bytes its rows would take if they were written anew: 23 bytes of header and 4 of line pointer,
 * the columns, both padded to 8; pages of 8,168 usable bytes. Below 0: not known. */
static double written_anew(const struct diagnosis *d, const struct perf_table *t)
{
    double width = 0, fill = option(d, t, "fillfactor", 100) / 100;
    for (size_t i = 0; i < t->ncolumns; i++) {
        if (t->columns[i].width <= 0 && t->columns[i].null_share < 1)
            return -1;
        width += t->columns[i].width * (1 - t->columns[i].null_share);
    }
    if (fill <= 0 || fill > 1)
        fill = 1;
    return t->ncolumns == 0 ? -1 : t->rows * (28 + ceil(width / 8) * 8 + 4) / fill * 8192 / 8168;
}

static void judge_bloat(struct diagnosis *d, const struct perf_table *t)
{
    double needed = written_anew(d, t), waste = t->bytes - needed;
    if (t->rows <= 0 || needed < 0 || waste < d->limits.bloat_bytes ||
        waste < d->limits.bloat_share * t->bytes)
        return;
    struct perf_finding *f = add(d, PERF_KIND_BLOAT, t);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_SUSPECTED;
    f->unproved = "an estimate from average widths; pgstattuple measures it";
    f->severity = PERF_LOW;
    f->title_en = arena_printf(d->arena, "'%s' is mostly empty pages", t->name);
    f->title_zh = arena_printf(d->arena, "表 %s 膨胀", t->name);
    f->cause_en = arena_printf(d->arena, "Its rows need about %.0f MiB, it has %.0f MiB.",
                               needed / 1048576, t->bytes / 1048576);
    f->cause_zh = arena_printf(d->arena, "行数据约需 %.0f MiB，实际占用 %.0f MiB。",
                               needed / 1048576, t->bytes / 1048576);
    f->cure_en =
        "Measure it with pgstattuple; pg_repack writes it anew without stopping it, VACUUM "
        "FULL locks it meanwhile.";
    f->cure_zh = "先用 pgstattuple 实测；pg_repack 可在线重写，VACUUM FULL 会锁表。";
    finding_evidence(d, f, "empty, by estimate", "估计空闲", "%.0f MiB (%.0f %%)", waste / 1048576,
                     100 * waste / t->bytes);
}

static void judge_wraparound(struct diagnosis *d, const struct perf_table *t)
{
    if (t->frozen_xid_age < d->limits.wraparound_age)
        return;
    struct perf_finding *f = add(d, PERF_KIND_WRAPAROUND, t);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    f->severity = finding_severity_at(t->frozen_xid_age, d->limits.wraparound_age,
                                      d->limits.wraparound_age_high);
    f->title_en = arena_printf(d->arena, "'%s' has used half its transaction ids", t->name);
    f->title_zh = arena_printf(d->arena, "表 %s 的事务号接近回卷", t->name);
    f->cause_en = "Vacuum has not frozen its rows; at 2,147,483,648 the server stops writing.";
    f->cause_zh = "清理没有冻结其行；达到 2,147,483,648 时服务器将停止写入。";
    f->cure_en = "Find what holds vacuum back (old transactions, replication slots, prepared "
                 "transactions), then freeze it.";
    f->cure_zh = "先找出阻挡清理的原因（长事务、复制槽、两阶段事务），再冻结。";
    f->apply_sql =
        arena_printf(d->arena, "VACUUM (FREEZE) %s;", sql_name(t->schema, t->name, d->arena));
    finding_evidence(d, f, "age of its oldest transaction id", "最老事务号年龄", "%.0f",
                     t->frozen_xid_age);
}

static void judge_statistics(struct diagnosis *d, const struct perf_table *t)
{
    if (t->last_analyze_age_s >= 0 || t->rows < d->limits.stale_rows || t->partitioned)
        return;
    for (size_t i = 0; i < t->ncolumns; i++) /* counters are lost in a crash, statistics are not */
        if (t->columns[i].width > 0)
            return;
    struct perf_finding *f = add(d, PERF_KIND_STALE_STATISTICS, t);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    f->severity = PERF_LOW;
    f->title_en = arena_printf(d->arena, "'%s' was never analysed", t->name);
    f->title_zh = arena_printf(d->arena, "表 %s 从未收集统计信息", t->name);
    f->cause_en = "The planner guesses how many rows a condition leaves.";
    f->cause_zh = "优化器只能猜测条件过滤后的行数。";
    f->cure_en = "Analyse it after large loads.";
    f->cure_zh = "大批量装载后执行 ANALYZE。";
    f->apply_sql = arena_printf(d->arena, "ANALYZE %s;", sql_name(t->schema, t->name, d->arena));
    finding_evidence(d, f, "rows", "行数", "%.0f", t->rows);
}

/* What table counters alone can say, where no statement could be looked at. */
static void judge_scans(struct diagnosis *d, const struct perf_table *t)
{
    double scans = t->seq_scans + t->index_scans;
    double rows = t->seq_scans > 0 ? t->seq_rows / t->seq_scans : 0;
    if (d->study->server.has_statements || t->rows < d->limits.scan_rows ||
        rows < d->limits.scan_rows || t->seq_scans < d->limits.repeat_calls ||
        t->index_scans / scans >= d->limits.scan_share)
        return;
    struct perf_finding *f = add(d, PERF_KIND_SEQUENTIAL_SCANS, t);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_SUSPECTED;
    f->unproved = "without pg_stat_statements the statements are not known";
    f->severity = PERF_LOW;
    f->title_en = arena_printf(d->arena, "'%s' is read whole, often", t->name);
    f->title_zh = arena_printf(d->arena, "表 %s 频繁全表扫描", t->name);
    f->cause_en =
        arena_printf(d->arena, "%.0f sequential scans of %.0f rows each.", t->seq_scans, rows);
    f->cause_zh =
        arena_printf(d->arena, "顺序扫描 %.0f 次，每次读取 %.0f 行。", t->seq_scans, rows);
    f->cure_en = "Create pg_stat_statements, and see which statement needs which index.";
    f->cure_zh = "启用 pg_stat_statements，找出需要索引的语句。";
    finding_evidence(d, f, "sequential scans, index scans", "顺序扫描, 索引扫描", "%.0f, %.0f",
                     t->seq_scans, t->index_scans);
}

void health_judge_table(struct diagnosis *d, const struct perf_table *t)
{
    judge_dead_rows(d, t);
    judge_bloat(d, t);
    judge_wraparound(d, t);
    judge_statistics(d, t);
    judge_scans(d, t);
}

/* ---- sequences ------------------------------------------------------------------------------- */

static void judge_sequence(struct diagnosis *d, const struct db_result *r, size_t row)
{
    const char *schema = db_result_text(r, row, 0), *name = db_result_text(r, row, 1);
    double last = strtod(db_result_text(r, row, 2), NULL);
    double most = strtod(db_result_text(r, row, 3), NULL), share = most > 0 ? last / most : 0;
    const char *table = db_result_text(r, row, 4), *column = db_result_text(r, row, 5);
    const char *type = db_result_text(r, row, 6);
    if (share < d->limits.sequence_share)
        return;
    struct perf_finding *f = finding_add(d, PERF_KIND_SEQUENCE, "%s.%s", schema, name);
    if (f == NULL)
        return;
    f->proof = PERF_PROOF_CONFIRMED;
    f->severity =
        finding_severity_at(share, d->limits.sequence_share, d->limits.sequence_share_high);
    f->title_en =
        arena_printf(d->arena, "Sequence '%s' has used %.0f %% of its numbers", name, 100 * share);
    f->title_zh = arena_printf(d->arena, "序列 %s 已用 %.0f %%", name, 100 * share);
    f->cause_en = "After the last number every insert fails.";
    f->cause_zh = "用尽后所有插入都会失败。";
    f->cure_en = "Make the column and the sequence bigint; a large table is rewritten by that, so "
                 "plan it with a second column.";
    f->cure_zh = "把列和序列改为 bigint；大表会被重写，应通过新增列逐步迁移。";
    finding_evidence(d, f, "last value, maximum", "当前值, 最大值", "%.0f, %.0f", last, most);
    if (table != NULL && column != NULL)
        finding_evidence(d, f, "column", "列", "%s.%s (%s)", table, column, type);
}

int diagnose_sequences(struct diagnosis *d, struct db_conn *conn, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    TRY(db_query(conn, sql_perf_sequences, DB_NO_PARAMS, &r, err));
    for (size_t i = 0; i < db_result_rows(r); i++)
        judge_sequence(d, r, i);
    return 0;
}
