#include "platform/dev/cluster.h"
#include "core/clock.h"
#include "core/fileio.h"
#include "core/mem.h"
#include "core/signals.h"
#include "db/conn.h"
#include "platform/dev/files.h"
#include "platform/dev/process.h"
#include <errno.h>
#include <glob.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define START_PATIENCE_MS 60000
#define START_TRIES       40
#define STOP_PATIENCE_MS  30000

/* What initdb does not decide. The rest stays as PostgreSQL ships it: fsync, synchronous_commit
 * and full_page_writes are on. */
static const char configuration[] = "\n# diner dev\n"
                                    "listen_addresses = ''\n"
                                    "unix_socket_permissions = 0700\n"
                                    "max_connections = 80\n"
                                    "shared_buffers = 128MB\n"
                                    "timezone = 'UTC'\n"
                                    "log_timezone = 'UTC'\n"
                                    "log_min_messages = warning\n"
                                    "lc_messages = 'C'\n";

/* The paths of a cluster, in an arena of their own. */
struct cluster {
    struct arena *arena;
    const char *directory, *data, *pid_file, *log;
};

static void cluster_init(struct cluster *c, const char *directory)
{
    c->arena = arena_new();
    c->directory = directory;
    c->data = arena_printf(c->arena, "%s/data", directory);
    c->pid_file = arena_printf(c->arena, "%s/data/postmaster.pid", directory);
    c->log = arena_printf(c->arena, "%s/log", directory);
}

static void cluster_release(struct cluster *c)
{
    arena_free(c->arena);
}
#define AUTO_CLUSTER __attribute__((cleanup(cluster_release)))

/* ---- the programs -------------------------------------------------------------------------- */

static bool is_program(const char *directory, const char *name)
{
    struct strbuf path AUTO_STRBUF;
    strbuf_init(&path, 0);
    strbuf_addf(&path, "%s/%s", directory, name);
    return access(path.data, X_OK) == 0;
}

static bool has_programs(const char *directory)
{
    return is_program(directory, "postgres") && is_program(directory, "initdb");
}

static char *programs_of_debian(void)
{
    if (has_programs("/usr/lib/postgresql/15/bin"))
        return mem_strdup("/usr/lib/postgresql/15/bin");
    glob_t found = {0};
    char *best = NULL;
    long best_version = 0;
    if (glob("/usr/lib/postgresql/*/bin", GLOB_ONLYDIR, NULL, &found) == 0) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            long version = strtol(found.gl_pathv[i] + strlen("/usr/lib/postgresql/"), NULL, 10);
            if (version > best_version && has_programs(found.gl_pathv[i])) {
                free(best);
                best = mem_strdup(found.gl_pathv[i]);
                best_version = version;
            }
        }
    }
    globfree(&found);
    return best;
}

static char *programs_of_path(void)
{
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t n = strcspn(path, ":");
        char *directory = mem_strndup(path, n);
        if (*directory == '/' && has_programs(directory))
            return directory;
        free(directory);
        path += n + (path[n] == ':');
    }
    return NULL;
}

int cluster_find_programs(char **ret_directory, struct error *err)
{
    const char *named = getenv("PG_BIN");
    char *directory = named && *named && has_programs(named) ? mem_strdup(named) : NULL;
    if (!directory)
        directory = programs_of_debian();
    if (!directory)
        directory = programs_of_path();
    if (!directory) {
        error_set(err, ERR_CONFIG, "PostgreSQL's programs (initdb, postgres) were not found");
        return error_hint(err, "install the package postgresql-15, or set PG_BIN");
    }
    *ret_directory = directory;
    return 0;
}

/* ---- making -------------------------------------------------------------------------------- */

/* PostgreSQL refuses to run as root. */
static const char *server_user(void)
{
    return geteuid() == 0 ? "postgres" : NULL;
}

static int own_directory(const char *directory, struct error *err)
{
    const char *user = server_user();
    TRY(directory_make(directory, err));
    if (user) {
        const struct passwd *who = getpwnam(user);
        if (!who) {
            error_set(err, ERR_CONFIG, "there is no user '%s' to run PostgreSQL as", user);
            return error_hint(err, "install the package postgresql-15, or run this as another user"
                                   " than root");
        }
        if (chown(directory, who->pw_uid, who->pw_gid) != 0)
            return error_set_errno(err, ERR_IO, errno, "cannot give '%s' to '%s'", directory, user);
    }
    if (chmod(directory, 0700) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot change mode of '%s'", directory);
    return 0;
}

/* Writes the file and gives it to the server's user. */
static int write_owned(const char *path, const char *text, const char *mode, struct error *err)
{
    FILE *f = fopen(path, mode);
    bool ok = f && fputs(text, f) >= 0;
    if (f)
        ok = fclose(f) == 0 && ok;
    if (!ok)
        return error_set_errno(err, ERR_IO, errno, "cannot write '%s'", path);
    return 0;
}

/* Statements can be counted (create extension pg_stat_statements) where its library is there. */
static const char *preload(struct arena *a, const char *programs)
{
    const char *library = arena_printf(a, "%s/../lib/pg_stat_statements.so", programs);
    return access(library, R_OK) == 0 ? "shared_preload_libraries = 'pg_stat_statements'\n" : "";
}

/* Only the user who made the cluster, told by the socket, is its owner in the database. */
static int write_access(struct cluster *c, const char *data, const char *programs,
                        struct error *err)
{
    struct arena *a = c->arena;
    const struct passwd *who = getpwuid(geteuid());
    if (!who)
        return error_set(err, ERR_CONFIG, "the user id %ld has no name", (long)geteuid());
    TRY(write_owned(arena_printf(a, "%s/pg_hba.conf", data), "local all all peer map=diner\n", "w",
                    err));
    TRY(write_owned(arena_printf(a, "%s/pg_ident.conf", data),
                    arena_printf(a, "diner \"%s\" " CLUSTER_NAME "\n", who->pw_name), "w", err));
    return write_owned(arena_printf(a, "%s/postgresql.conf", data),
                       arena_printf(a, "%s%sunix_socket_directories = '%s'\n", configuration,
                                    preload(a, programs), c->directory),
                       "a", err);
}

/* Made aside and renamed: a killed initdb leaves nothing that looks like a cluster. */
static int make_cluster(struct cluster *c, const char *programs, struct error *err)
{
    const char *fresh = arena_printf(c->arena, "%s.new", c->data);
    const char *initdb = arena_printf(c->arena, "%s/initdb", programs);
    TRY(files_remove_tree(fresh, err));
    const char *argv[] = {initdb,       "-D",   fresh,  "-U",
                          CLUSTER_NAME, "-A",   "peer", "--locale=C.UTF-8",
                          "-E",         "UTF8", NULL};
    struct strbuf output AUTO_STRBUF;
    strbuf_init(&output, 64 << 10);
    TRY(process_run(&(struct process_options){.argv = argv, .user = server_user()}, &output, NULL,
                    err));
    TRY(write_access(c, fresh, programs, err));
    if (rename(fresh, c->data) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot rename '%s'", fresh);
    return 0;
}

/* ---- running ------------------------------------------------------------------------------- */

static pid_t server_pid(const struct cluster *c)
{
    pid_t pid = (pid_t)process_read_number(c->pid_file);
    return process_is(pid, c->data) ? pid : 0;
}

pid_t cluster_pid(const char *directory)
{
    struct cluster c AUTO_CLUSTER;
    cluster_init(&c, directory);
    return server_pid(&c);
}

void cluster_dsn(const char *directory, const char *database, struct strbuf *out)
{
    strbuf_addf(out, "postgresql:///%s?host=%s&port=5432&user=" CLUSTER_NAME, database, directory);
}

static int connect_to(const struct cluster *c, const char *database, struct db_conn **ret,
                      struct error *err)
{
    struct strbuf dsn AUTO_STRBUF;
    strbuf_init(&dsn, 4096);
    cluster_dsn(c->directory, database, &dsn);
    return db_open(&(struct db_options){.dsn = dsn.data, .application_name = "diner dev"}, ret,
                   err);
}

static int start_failed(const struct cluster *c, struct error *err)
{
    struct strbuf log AUTO_STRBUF;
    struct error ignored = ERROR_INIT;
    strbuf_init(&log, 4 << 20);
    (void)file_read(c->log, 2 << 20, &log, &ignored);
    error_set(err, ERR_DATABASE, "the private PostgreSQL did not start");
    return error_hint(err, "'%s' says: %s", c->log, files_last_line(&log));
}

/* The pid of a server long gone may be another process by now: that is no sign of life. */
static void forget_stale_pid(const struct cluster *c)
{
    pid_t stale = (pid_t)process_read_number(c->pid_file);
    if (stale > 0 && kill(stale, 0) == 0 && !process_is(stale, c->data))
        (void)unlink(c->pid_file);
}

/* After a kill the old server's children take a moment to go; until then a new one refuses to
 * start over their shared memory. So a start that fails is tried again, for a while. */
static int start_and_wait(struct cluster *c, const char *programs, struct db_conn **ret,
                          struct error *err)
{
    const char *postgres = arena_printf(c->arena, "%s/postgres", programs);
    const char *argv[] = {postgres, "-D", c->data, NULL};
    const struct process_options options = {
        .argv = argv, .user = server_user(), .log_file = c->log};
    int64_t until = clock_monotonic_ms() + START_PATIENCE_MS, tries = 0;
    pid_t pid = server_pid(c);
    while (clock_monotonic_ms() < until) {
        TRY(signals_check(err));
        if (!process_is(pid, c->data)) {
            if (tries++ >= START_TRIES)
                break;
            forget_stale_pid(c);
            TRY(process_detach(&options, &pid, err));
        }
        clock_sleep_ms(tries > 1 ? 250 : 30);
        if (connect_to(c, "postgres", ret, err) == 0)
            return 0;
    }
    return start_failed(c, err);
}

static int make_database(struct db_conn *conn, struct error *err)
{
    int64_t count = 0;
    TRY(db_query_int(conn, "SELECT count(*) FROM pg_database WHERE datname = $1",
                     DB_PARAMS(CLUSTER_NAME), &count, err));
    return count > 0 ? 0 : db_script(conn, "CREATE DATABASE " CLUSTER_NAME, err);
}

int cluster_up(const char *directory, bool *ret_was_running, struct error *err)
{
    struct cluster c AUTO_CLUSTER;
    struct stat st;
    struct db_conn *conn = NULL;
    char *programs AUTOFREE = NULL;
    cluster_init(&c, directory);
    if (strlen(directory) > CLUSTER_DIRECTORY_MAX) {
        error_set(err, ERR_USAGE, "the path '%s' is too long for a unix socket", directory);
        return error_hint(err, "choose a directory of at most %d bytes", CLUSTER_DIRECTORY_MAX);
    }
    /* It stands in a URL and in PostgreSQL's configuration: nothing that needs quoting. */
    if (strspn(directory, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/-_.") !=
        strlen(directory))
        return error_set(err, ERR_USAGE,
                         "the path '%s' may have letters, digits and '/', '-', '_', '.' only",
                         directory);
    TRY(cluster_find_programs(&programs, err));
    bool was_running = server_pid(&c) > 0;
    TRY(own_directory(directory, err));
    if (stat(c.data, &st) != 0)
        TRY(make_cluster(&c, programs, err));
    TRY(start_and_wait(&c, programs, &conn, err));
    int code = make_database(conn, err);
    db_close(conn);
    if (code == 0)
        *ret_was_running = was_running;
    return code;
}

int cluster_down(const char *directory, struct error *err)
{
    struct cluster c AUTO_CLUSTER;
    cluster_init(&c, directory);
    return process_stop(server_pid(&c), c.data, SIGINT, STOP_PATIENCE_MS, err);
}
