/* lib/perf/health.c - see health.h: tables and sequences are in health_tables.c. */
#include "perf/health_internal.h"

#include <stdlib.h>
#include <string.h>

double health_setting(const struct diagnosis *d, const char *name, double otherwise)
{
    const struct perf_server *s = &d->study->server;
    for (size_t i = 0; i < s->nsettings; i++)
        if (strcmp(s->settings[i].name, name) == 0 && s->settings[i].value != NULL)
            return strtod(s->settings[i].value, NULL);
    return otherwise;
}

/* A finding of the whole server, proved by its own counters. */
static struct perf_finding *add(struct diagnosis *d, enum perf_kind kind, const char *what)
{
    struct perf_finding *f = finding_add(d, kind, "%s", what);
    if (f != NULL)
        f->proof = PERF_PROOF_CONFIRMED;
    return f;
}

/* ---- memory ---------------------------------------------------------------------------------- */

static void judge_cache(struct diagnosis *d)
{
    const struct perf_server *s = &d->study->server;
    double all = s->blocks_hit + s->blocks_read, share = all > 0 ? s->blocks_hit / all : 1;
    if (all < d->limits.cache_blocks || share >= d->limits.cache_hit)
        return;
    struct perf_finding *f = add(d, PERF_KIND_CACHE_HIT, "server");
    if (f == NULL)
        return;
    f->severity = share < d->limits.cache_hit_bad ? PERF_HIGH : PERF_LOW;
    f->title_en =
        arena_printf(d->arena, "%.1f %% of the blocks come from the shared buffers", 100 * share);
    f->title_zh = arena_printf(d->arena, "共享缓冲区命中率 %.1f %%", 100 * share);
    f->cause_en = "The data in use is larger than shared_buffers, or large tables are read whole.";
    f->cause_zh = "热数据大于 shared_buffers，或有大表被全表扫描。";
    f->cure_en = "First the missing indexes; then shared_buffers at a quarter of the memory.";
    f->cure_zh = "先补齐缺失的索引；再把 shared_buffers 调至内存的四分之一。";
    finding_evidence(d, f, "blocks found, blocks read", "命中块, 读取块", "%.0f, %.0f",
                     s->blocks_hit, s->blocks_read);
    finding_evidence(d, f, "shared_buffers", "shared_buffers", "%.0f MiB",
                     health_setting(d, "shared_buffers", 0) * 8 / 1024);
}

static void judge_spill(struct diagnosis *d, size_t statement)
{
    const struct perf_statement *s = &d->study->server.statements[statement];
    double blocks = s->calls > 0 ? s->temp_blocks / s->calls : 0;
    if (s->utility || blocks < d->limits.temp_blocks)
        return;
    struct perf_finding *f = add(d, PERF_KIND_TEMP_FILES, s->fingerprint);
    if (f == NULL)
        return;
    f->severity = PERF_LOW;
    f->sql = s->text;
    (void)finding_endpoints_of(d, f, statement);
    f->title_en =
        arena_printf(d->arena, "A statement spills %.0f MiB to disk a call", blocks * 8 / 1024);
    f->title_zh = arena_printf(d->arena, "有语句每次溢出 %.0f MiB 到磁盘", blocks * 8 / 1024);
    f->cause_en = "Its sort or hash does not fit into work_mem.";
    f->cause_zh = "其排序或哈希超过 work_mem。";
    f->cure_en =
        "An index that gives the order, fewer rows or columns to sort, or a larger work_mem "
        "for this role (each sort of each session may take it).";
    f->cure_zh = "用索引提供顺序、减少参与排序的行和列，或仅为该角色调大 "
                 "work_mem（每个会话的每次排序都可能占用）。";
    finding_evidence(d, f, "temporary blocks per call", "每次调用临时块", "%.0f", blocks);
    finding_evidence(d, f, "work_mem", "work_mem", "%.0f KiB", health_setting(d, "work_mem", 0));
}

/* ---- sessions -------------------------------------------------------------------------------- */

static void judge_connections(struct diagnosis *d)
{
    const struct perf_server *s = &d->study->server;
    double most = s->max_connections - s->reserved_connections;
    double share = most > 0 ? s->sessions.total / most : 0;
    if (share < d->limits.connection_share)
        return;
    struct perf_finding *f = add(d, PERF_KIND_CONNECTIONS, "server");
    if (f == NULL)
        return;
    f->severity =
        finding_severity_at(share, d->limits.connection_share, d->limits.connection_share_high);
    f->title_en =
        arena_printf(d->arena, "%.0f of %.0f connections were in use", s->sessions.total, most);
    f->title_zh = arena_printf(d->arena, "%.0f 个连接中已使用 %.0f 个", most, s->sessions.total);
    f->cause_en = "Beyond the last one, sessions are refused.";
    f->cause_zh = "连接用尽后，新会话会被拒绝。";
    f->cure_en = "Smaller pools in the applications, or a pooler (PgBouncer) before the database; "
                 "a larger max_connections costs memory.";
    f->cure_zh =
        "减小各应用连接池，或在数据库前使用连接池（PgBouncer）；调大 max_connections 会占用内存。";
    finding_evidence(d, f, "active, idle, idle in transaction", "活动, 空闲, 事务中空闲",
                     "%.0f, %.0f, %.0f", s->sessions.active, s->sessions.idle,
                     s->sessions.idle_in_transaction);
}

static void judge_transactions(struct diagnosis *d)
{
    const struct perf_session_peak *p = &d->study->server.sessions;
    struct perf_finding *f = NULL;
    if (p->longest_idle_in_transaction_s >= d->limits.idle_transaction_s &&
        (f = add(d, PERF_KIND_IDLE_IN_TRANSACTION, "server")) != NULL) {
        f->severity =
            finding_severity_at(p->longest_idle_in_transaction_s, d->limits.idle_transaction_s,
                                d->limits.transaction_s_high);
        f->title_en = arena_printf(d->arena, "A transaction stood open and idle for %.0f s",
                                   p->longest_idle_in_transaction_s);
        f->title_zh =
            arena_printf(d->arena, "有事务空闲未提交达 %.0f 秒", p->longest_idle_in_transaction_s);
        f->cause_en =
            "The application opened it and went on to something else: its locks stay, and "
            "vacuum cannot remove what died since.";
        f->cause_zh = "应用开启事务后去做别的事：锁一直持有，期间的死行无法回收。";
        f->cure_en =
            "Commit before calling other services; set idle_in_transaction_session_timeout.";
        f->cure_zh = "在调用外部服务之前提交；设置 idle_in_transaction_session_timeout。";
        finding_evidence(d, f, "sessions idle in transaction, at most", "事务中空闲会话峰值",
                         "%.0f", p->idle_in_transaction);
    }
    if (p->longest_transaction_s < d->limits.transaction_s ||
        p->longest_idle_in_transaction_s >= d->limits.idle_transaction_s ||
        (f = add(d, PERF_KIND_LONG_TRANSACTION, "server")) == NULL)
        return;
    f->severity = p->longest_transaction_s >= d->limits.transaction_s_high ? PERF_MEDIUM : PERF_LOW;
    f->title_en =
        arena_printf(d->arena, "A transaction was open for %.0f s", p->longest_transaction_s);
    f->title_zh = arena_printf(d->arena, "有事务持续 %.0f 秒", p->longest_transaction_s);
    f->cause_en = "While it is open, vacuum cannot remove what died since.";
    f->cause_zh = "长事务期间产生的死行无法被清理。";
    f->cure_en = "Work in smaller batches; run reports on a replica.";
    f->cure_zh = "拆成小批次；报表放到只读副本执行。";
    finding_evidence(d, f, "longest transaction", "最长事务", "%.0f s", p->longest_transaction_s);
}

static void judge_locks(struct diagnosis *d)
{
    const struct perf_server *s = &d->study->server;
    double locked = 0, all = 0;
    for (size_t i = 0; i < s->nwaits; i++) {
        all += s->waits[i].sessions;
        /* "extend" is a table that grows: nobody's fault. */
        if (s->waits[i].type != NULL && strcmp(s->waits[i].type, "Lock") == 0 &&
            (s->waits[i].event == NULL || strcmp(s->waits[i].event, "extend") != 0))
            locked += s->waits[i].sessions;
    }
    double share = all > 0 && locked >= d->limits.lock_sessions ? locked / all : 0;
    if (share < d->limits.lock_share && s->deadlocks <= 0)
        return;
    struct perf_finding *f = add(d, PERF_KIND_LOCKS, "server");
    if (f == NULL)
        return;
    f->severity = share >= d->limits.high_share   ? PERF_HIGH
                  : share >= d->limits.lock_share ? PERF_MEDIUM
                                                  : PERF_LOW;
    f->title_en = share >= d->limits.lock_share ? "Statements wait for each other's locks"
                                                : "Transactions ran into deadlocks";
    f->title_zh = share >= d->limits.lock_share ? "语句互相等待锁" : "出现死锁";
    f->cause_en = arena_printf(d->arena,
                               "%.0f %% of the active sessions waited for a lock; %.0f "
                               "deadlocks.",
                               100 * share, s->deadlocks);
    f->cause_zh = arena_printf(d->arena, "%.0f %% 的活动会话在等待锁；死锁 %.0f 次。", 100 * share,
                               s->deadlocks);
    f->cure_en = "Keep transactions short, lock rows in one order everywhere, and spread counters "
                 "that every request updates.";
    f->cure_zh = "缩短事务、统一加锁顺序，并把每个请求都更新的热点计数行拆分。";
    finding_evidence(d, f, "sessions waiting for a lock", "等待锁的会话（平均）", "%.1f", locked);
    finding_evidence(d, f, "sessions blocked, at most", "被阻塞会话峰值", "%.0f",
                     s->sessions.blocked);
}

void diagnose_health(struct diagnosis *d)
{
    if (d->study->server.version_number == 0)
        return;
    judge_cache(d);
    for (size_t i = 0; i < d->study->server.nstatements; i++)
        judge_spill(d, i);
    judge_connections(d);
    judge_transactions(d);
    judge_locks(d);
    for (size_t i = 0; i < d->study->server.ntables; i++)
        health_judge_table(d, &d->study->server.tables[i]);
}
