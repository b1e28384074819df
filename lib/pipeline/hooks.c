/* Hooks around a run or a stream: SQL, an HTTP POST, a command. The last two get a summary, and
 * need no database: they also tell that it is down. Each is bounded in time and retries. */
#include "core/clock.h"
#include "core/log.h"
#include "core/secret.h"
#include "format/jsonx.h"
#include "net/http.h"
#include "pipeline/run_private.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void write_summary(const struct run *run, const char *event, const struct error *cause,
                          struct strbuf *out)
{
    const struct run_report *report = run->report;
    struct jwriter w;
    jwriter_init(&w, out);
    jwriter_object(&w);
    jwriter_kstring(&w, "event", event);
    jwriter_kstring(&w, "pipeline", run->pipeline->name);
    jwriter_kint(&w, "run_id", report->run_id);
    jwriter_kint(&w, "exit_status", run_exit_status(cause->code));
    jwriter_kstring(&w, "error", cause->code != ERR_OK ? cause->message : NULL);
    jwriter_kstring(&w, "hint", cause->hint[0] != '\0' ? cause->hint : NULL);
    jwriter_key(&w, "streams");
    jwriter_array(&w);
    for (size_t i = 0; i < report->nstreams; i++) {
        const struct stream_report *r = &report->streams[i];
        jwriter_object(&w);
        jwriter_kstring(&w, "pipeline", r->pipeline);
        jwriter_kstring(&w, "stream", r->stream);
        jwriter_kstring(&w, "status", r->status);
        jwriter_kint(&w, "read", r->counts.read);
        jwriter_kint(&w, "rejected", r->counts.rejected);
        jwriter_kstring(&w, "error", r->error);
        jwriter_end(&w);
    }
    jwriter_end(&w);
    jwriter_end(&w);
    secret_redact(out);
}

static int post(const char *url, const struct strbuf *body, int64_t timeout_ms, struct error *err)
{
    struct http_client *client;
    struct http_response response = {0};
    struct http_options options = {.timeout_ms = timeout_ms < 10000 ? timeout_ms : 10000,
                                   .body_max_bytes = 1 << 20,
                                   .retry = {3, 500, 5000, timeout_ms}};
    TRY(http_client_new(&options, &client, err));
    char key[37];
    clock_random_uuid(key);
    struct http_request request = {.method = "POST",
                                   .url = url,
                                   .body = {body->data, body->len},
                                   .content_type = "application/json",
                                   .idempotency_key = key};
    int code = http_send(client, &request, &response, err);
    if (code == 0)
        code = http_response_check(&request, &response, err);
    http_response_release(&response);
    http_client_free(client);
    return code;
}

/* Waits for the child up to the deadline, then kills its process group. */
static int wait_child(pid_t pid, int64_t deadline_ms, struct error *err)
{
    int status;
    for (;;) {
        pid_t done = waitpid(pid, &status, WNOHANG);
        if (done == pid)
            break;
        if (done < 0 && errno != EINTR)
            return error_set_errno(err, ERR_FAILED, errno, "waiting for the command");
        if (clock_monotonic_ms() > deadline_ms) {
            (void)kill(-pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            return error_set(err, ERR_FAILED, "the command took too long and was stopped");
        }
        (void)poll(NULL, 0, 20);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    return error_set(err, ERR_FAILED, "the command ended with status %d",
                     WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static int spawn_shell(const char *command, int input, pid_t *ret_pid, struct error *err)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    char *argv[] = {(char[]){"sh"}, (char[]){"-c"}, mem_strdup(command), NULL};
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, input, 0);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE); /* ignored here, but not by what the shell runs */
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    int code = posix_spawn(ret_pid, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    mem_cleanup_free(&argv[2]);
    return code != 0 ? error_set_errno(err, ERR_FAILED, code, "cannot start /bin/sh") : 0;
}

static int run_command(const char *command, const struct strbuf *body, int64_t timeout_ms,
                       struct error *err)
{
    int64_t deadline_ms = clock_monotonic_ms() + timeout_ms;
    int ends[2];
    pid_t pid;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return error_set_errno(err, ERR_FAILED, errno, "pipe");
    int code = spawn_shell(command, ends[0], &pid, err);
    close(ends[0]);
    /* The summary is bounded well below a pipe's capacity per stream; a reader that is not there
     * makes EPIPE, which is its own business. */
    (void)fcntl(ends[1], F_SETFL, O_NONBLOCK);
    for (size_t at = 0; code == 0 && at < body->len;) {
        ssize_t n = write(ends[1], body->data + at, body->len - at);
        if (n > 0)
            at += (size_t)n;
        else if (errno == EAGAIN && clock_monotonic_ms() < deadline_ms)
            (void)poll(&(struct pollfd){.fd = ends[1], .events = POLLOUT}, 1, 100);
        else if (errno != EINTR)
            break;
    }
    close(ends[1]);
    return code != 0 ? code : wait_child(pid, deadline_ms, err);
}

static int run_sql(const struct run *run, const struct hook_spec *hook, struct error *err)
{
    struct db_conn *db;
    char *dsn;
    const char *text;
    const char *connection = hook->connection != NULL ? hook->connection : run->control_connection;
    struct stream_context ctx = {.pipeline = run->pipeline,
                                 .config = run->options->config,
                                 .arena = run->pipeline->arena,
                                 .run_id = run->report->run_id};
    TRY(pipeline_sql(run->pipeline, run->pipeline->root, hook->sql, &text, err));
    TRY(stream_sql_text(&ctx, text, &text, err));
    TRY(config_dsn(run->options->config, connection, &dsn, err));
    struct db_options options = {
        .dsn = dsn, .application_name = "diner hook", .statement_timeout_ms = hook->timeout_ms};
    int code = db_open(&options, &db, err);
    secret_free(dsn);
    TRY(code);
    code = db_begin(db, err);
    if (code == 0)
        code = db_script(db, text, err);
    if (code == 0)
        code = db_commit(db, err);
    db_close(db);
    if (code == 0)
        return 0;
    stream_blame_sql(err);
    return err->code;
}

static int run_http(const struct hook_spec *hook, const struct strbuf *summary, struct error *err)
{
    char *url = NULL;
    int code = secret_resolve(hook->http, &url, err);
    if (code == 0)
        code = post(url, summary, hook->timeout_ms, err);
    secret_free(url);
    return code;
}

static int run_hook(const struct run *run, const struct hook_spec *hook,
                    const struct strbuf *summary, struct error *err)
{
    if (hook->sql != NULL)
        return run_sql(run, hook, err);
    return hook->http != NULL ? run_http(hook, summary, err)
                              : run_command(hook->exec, summary, hook->timeout_ms, err);
}

int hooks_run(const struct run *run, const struct field_objects *hooks, const char *event,
              const struct error *cause, struct error *err)
{
    AUTO_STRBUF struct strbuf summary = {0};
    static const struct error none = ERROR_INIT;
    int first = 0;
    if (hooks->count == 0 || run->options->kind != RUN_LOAD)
        return 0;
    strbuf_init(&summary, 4 << 20);
    write_summary(run, event, cause != NULL ? cause : &none, &summary);
    for (size_t i = 0; i < hooks->count; i++) {
        struct error problem = ERROR_INIT;
        if (run_hook(run, (const struct hook_spec *)hooks->items + i, &summary, &problem) == 0)
            continue;
        log_warn("hook %zu of %s: %s", i + 1, event, problem.message);
        if (first != 0)
            continue;
        error_context(&problem, "hook %zu of %s", i + 1, event);
        *err = problem;
        first = (int)problem.code;
    }
    return first;
}
