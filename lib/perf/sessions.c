/* lib/perf/sessions.c - see sessions.h. The child writes into memory that both share: it never
 * waits for us, nor we for it. */
#include "perf/sessions.h"

#include "core/clock.h"
#include "core/signals.h"
#include "gen/embed.h"
#include "perf/server_internal.h"
#include "perf/session.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAMPLES_MAX    36000
#define WAITS_MAX      128
#define WAIT_NAME_MAX  64
#define SAMPLE_EACH_MS 100

struct sample {
    int64_t at_ns;
    int active;
};
struct wait {
    char type[WAIT_NAME_MAX], event[WAIT_NAME_MAX];
    int64_t sessions; /* summed over the samples */
};
struct shared {
    _Atomic size_t nsamples;
    struct perf_session_peak peak;
    size_t nwaits;
    struct wait waits[WAITS_MAX];
    struct sample samples[SAMPLES_MAX];
};
struct perf_sessions {
    struct shared *shared;
    pid_t child;
};

/* ---- the child ------------------------------------------------------------------------------ */

static void add_wait(struct shared *s, const char *type, const char *event, int count)
{
    size_t i = 0;
    while (i < s->nwaits && (strncmp(s->waits[i].type, type, WAIT_NAME_MAX - 1) != 0 ||
                             strncmp(s->waits[i].event, event, WAIT_NAME_MAX - 1) != 0))
        i++;
    if (i == WAITS_MAX)
        return;
    if (i == s->nwaits) {
        strncpy(s->waits[i].type, type, WAIT_NAME_MAX - 1);
        strncpy(s->waits[i].event, event, WAIT_NAME_MAX - 1);
        s->nwaits++;
    }
    s->waits[i].sessions += count;
}

static void raise_to(double *peak, double value)
{
    *peak = fmax(*peak, value);
}

static int sample_once(struct db_conn *conn, struct shared *s, struct error *err)
{
    AUTO_RESULT struct db_result *r = NULL;
    struct perf_session_peak now = {0};
    TRY(db_query(conn, sql_perf_sessions, DB_NO_PARAMS, &r, err));
    for (size_t i = 0; i < db_result_rows(r); i++) {
        const char *state = db_result_text(r, i, 0), *type = db_result_text(r, i, 1);
        int count = (int)db_result_int(r, i, 3);
        bool is_active = strcmp(state, "active") == 0;
        now.total += count;
        now.active += is_active ? count : 0;
        now.idle += strcmp(state, "idle") == 0 ? count : 0;
        now.idle_in_transaction += strncmp(state, "idle in transaction", 19) == 0 ? count : 0;
        now.blocked += is_active && strcmp(type, "Lock") == 0 ? count : 0;
        raise_to(&s->peak.longest_transaction_s, server_number(r, i, 4));
        raise_to(&s->peak.longest_idle_in_transaction_s, server_number(r, i, 5));
        if (is_active)
            add_wait(s, type, db_result_text(r, i, 2), count);
    }
    raise_to(&s->peak.total, now.total);
    raise_to(&s->peak.active, now.active);
    raise_to(&s->peak.idle, now.idle);
    raise_to(&s->peak.idle_in_transaction, now.idle_in_transaction);
    raise_to(&s->peak.blocked, now.blocked);
    size_t n = atomic_load(&s->nsamples);
    s->samples[n] = (struct sample){clock_monotonic_ns(), (int)now.active};
    atomic_store(&s->nsamples, n + 1);
    return 0;
}

static void child_run(const char *dsn, struct shared *s)
{
    struct db_conn *conn = NULL;
    struct error err = ERROR_INIT;
    if (perf_session_open(dsn, &conn, &err) != 0)
        _exit(1);
    while (atomic_load(&s->nsamples) < SAMPLES_MAX && signals_pending() == 0 &&
           sample_once(conn, s, &err) == 0)
        clock_sleep_ms(SAMPLE_EACH_MS);
    _exit(0);
}

/* ---- the parent ----------------------------------------------------------------------------- */

int perf_sessions_begin(const char *dsn, struct perf_sessions **ret, struct error *err)
{
    struct perf_sessions *s = mem_alloc(sizeof *s);
    void *memory =
        mmap(NULL, sizeof *s->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        free(s);
        return error_set_errno(err, ERR_FAILED, errno, "cannot share memory with the sampler");
    }
    s->shared = memory;
    s->child = fork();
    if (s->child == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        child_run(dsn, s->shared);
    }
    if (s->child < 0) {
        int code = error_set_errno(err, ERR_FAILED, errno, "cannot start the session sampler");
        (void)munmap(memory, sizeof *s->shared);
        free(s);
        return code;
    }
    *ret = s;
    return 0;
}

double perf_sessions_active(const struct perf_sessions *s, int64_t since_ns)
{
    size_t n = atomic_load(&s->shared->nsamples), counted = 0;
    double sum = 0;
    for (size_t i = n; i > 0 && s->shared->samples[i - 1].at_ns >= since_ns; i--, counted++)
        sum += s->shared->samples[i - 1].active;
    return counted > 0 ? sum / (double)counted : -1;
}

static int compare_waits(const void *a, const void *b)
{
    const struct perf_wait *x = a, *y = b;
    return (x->sessions < y->sessions) - (x->sessions > y->sessions);
}

static void fill_waits(const struct shared *s, size_t samples, struct arena *arena,
                       struct perf_server *server)
{
    server->sessions = s->peak;
    server->nwaits = s->nwaits;
    server->waits = arena_array(arena, s->nwaits + 1, sizeof *server->waits);
    for (size_t i = 0; i < s->nwaits; i++) {
        const struct wait *w = &s->waits[i];
        server->waits[i] = (struct perf_wait){*w->type ? arena_strdup(arena, w->type) : NULL,
                                              *w->event ? arena_strdup(arena, w->event) : NULL,
                                              (double)w->sessions / (double)samples};
    }
    qsort(server->waits, server->nwaits, sizeof *server->waits, compare_waits);
}

void perf_sessions_end(struct perf_sessions *s, struct arena *arena, struct perf_study *study)
{
    if (s == NULL)
        return;
    kill(s->child, SIGKILL);
    while (waitpid(s->child, NULL, 0) < 0 && errno == EINTR) {
    }
    size_t samples = atomic_load(&s->shared->nsamples);
    if (samples > 0)
        fill_waits(s->shared, samples, arena, &study->server);
    else
        perf_study_lacks(study, arena, "waits", "no sample of the sessions could be taken",
                         "未能采样数据库会话");
    (void)munmap(s->shared, sizeof *s->shared);
    free(s);
}
