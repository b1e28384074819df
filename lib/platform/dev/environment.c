#include "platform/dev/environment.h"
#include "core/clock.h"
#include "core/fileio.h"
#include "core/secret.h"
#include "domain/user.h"
#include "platform/dev/cluster.h"
#include "platform/dev/files.h"
#include "platform/dev/process.h"
#include "platform/dev/serving.h"
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- where ----------------------------------------------------------------------------------- */

static const char *default_directory(struct arena *arena)
{
    const char *named = getenv("DINER_DEV_DIR"), *runtime = getenv("XDG_RUNTIME_DIR");
    if (named && *named)
        return arena_strdup(arena, named);
    if (geteuid() == 0)
        return "/tmp/diner-dev-0"; /* the server's user must be able to reach it */
    return arena_printf(arena, "%s/diner-dev-%ld", runtime && *runtime == '/' ? runtime : "/tmp",
                        (long)geteuid());
}

static int absolute(const char *path, struct arena *arena, const char **ret, struct error *err)
{
    char here[PATH_MAX];
    size_t n = strlen(path);
    while (n > 1 && path[n - 1] == '/')
        n--;
    const char *clean = arena_strndup(arena, path, n);
    if (*clean != '/') {
        if (!getcwd(here, sizeof here))
            return error_set_errno(err, ERR_IO, errno, "cannot tell the current directory");
        clean = arena_printf(arena, "%s/%s", here, clean);
    }
    *ret = clean;
    return 0;
}

int dev_open(const char *directory, struct arena *arena, struct dev *ret, struct error *err)
{
    struct dev dev = {.arena = arena};
    TRY(absolute(directory && *directory ? directory : default_directory(arena), arena,
                 &dev.directory, err));
    dev.pg = arena_printf(arena, "%s/pg", dev.directory);
    dev.config = arena_printf(arena, "%s/diner.yaml", dev.directory);
    dev.secrets = arena_printf(arena, "%s/secrets", dev.directory);
    dev.out = arena_printf(arena, "%s/out", dev.directory);
    dev.state = arena_printf(arena, "%s/state", dev.directory);
    dev.marker = arena_printf(arena, "%s/.diner-dev", dev.directory);
    dev.log_file = arena_printf(arena, "%s/serve.log", dev.directory);
    dev.pid_file = arena_printf(arena, "%s/serve.pid", dev.directory);
    dev.port_file = arena_printf(arena, "%s/serve.port", dev.directory);
    *ret = dev;
    return 0;
}

bool dev_exists(const struct dev *dev)
{
    struct stat st;
    return lstat(dev->marker, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid();
}

/* ---- the directory --------------------------------------------------------------------------- */

/* In a directory that all may write to, somebody else's must not be taken for ours. */
static int check_directory(const struct dev *dev, struct error *err)
{
    struct stat st;
    if (lstat(dev->directory, &st) != 0)
        return error_set_errno(err, ERR_IO, errno, "cannot look at '%s'", dev->directory);
    if (!S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & (S_IWGRP | S_IWOTH))) {
        error_set(err, ERR_CONFIG, "'%s' is not a directory that only this user can write to",
                  dev->directory);
        return error_hint(err, "choose another one with --dir or DINER_DEV_DIR");
    }
    return 0;
}

static int make_directory(const struct dev *dev, struct error *err)
{
    if (mkdir(dev->directory, 0755) == 0) {
        /* Whatever the umask: the server's user has to pass. */
        if (chmod(dev->directory, 0755) != 0)
            return error_set_errno(err, ERR_IO, errno, "cannot change mode of '%s'",
                                   dev->directory);
    } else if (errno != EEXIST) {
        return error_set_errno(err, ERR_IO, errno, "cannot make '%s'", dev->directory);
    }
    TRY(check_directory(dev, err));
    if (dev_exists(dev))
        return 0;
    if (access(dev->config, F_OK) == 0 || access(dev->pg, F_OK) == 0) {
        error_set(err, ERR_CONFIG, "'%s' holds files that 'diner dev' did not make",
                  dev->directory);
        return error_hint(err, "choose an empty directory with --dir");
    }
    return 0;
}

/* One at a time: the marker is the lock. It is gone when `down` was faster. */
static int lock_directory(const struct dev *dev, int flags, int *ret_fd, struct error *err)
{
    struct stat st;
    int fd = open(dev->marker, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
    if (fd < 0)
        return error_set_errno(err, ERR_IO, errno, "cannot open '%s'", dev->marker);
    if (flock(fd, LOCK_EX) != 0 || fstat(fd, &st) != 0 || st.st_nlink == 0) {
        close(fd);
        error_set(err, ERR_CONFLICT, "the environment '%s' was being removed", dev->directory);
        return error_hint(err, "try again");
    }
    *ret_fd = fd;
    return 0;
}

static int make_parts(const struct dev *dev, struct error *err)
{
    const char *const parts[] = {dev->secrets, dev->out, dev->state};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        TRY(directory_make(parts[i], err));
        if (chmod(parts[i], 0700) != 0)
            return error_set_errno(err, ERR_IO, errno, "cannot change mode of '%s'", parts[i]);
    }
    return 0;
}

/* ---- the database ---------------------------------------------------------------------------- */

const char *dev_dsn(const struct dev *dev)
{
    struct strbuf dsn AUTO_STRBUF;
    strbuf_init(&dsn, 4096);
    cluster_dsn(dev->pg, CLUSTER_NAME, &dsn);
    return arena_strdup(dev->arena, dsn.data);
}

int dev_connect(const struct dev *dev, struct db_conn **ret, struct error *err)
{
    struct db_options options = {.dsn = dev_dsn(dev), .application_name = "diner dev"};
    if (db_open(&options, ret, err) != 0)
        return error_hint(err, "'diner dev up' starts it");
    return 0;
}

static const char *secret_path(const struct dev *dev, const char *name)
{
    return arena_printf(dev->arena, "%s/%s", dev->secrets, name);
}

int dev_account(const struct dev *dev, struct db_conn *conn, const char *name, const char *role,
                const char *store, struct error *err)
{
    const char *path = secret_path(dev, name);
    char password[37];
    int64_t count = 0;
    TRY(db_query_int(conn, "SELECT count(*) FROM app.users WHERE username = $1", DB_PARAMS(name),
                     &count, err));
    if (count > 0 && access(path, R_OK) == 0)
        return 0;
    clock_random_uuid(password);
    secret_register(password);
    TRY(files_write_private(path, password, err));
    return user_upsert(conn, name, password, role, store, err);
}

/* What the local payment channel signs with, and what members are known again by. */
static int make_secret(const struct dev *dev, const char *name, struct error *err)
{
    const char *path = secret_path(dev, name);
    char secret[37];
    if (access(path, R_OK) == 0)
        return 0;
    clock_random_uuid(secret);
    secret_register(secret);
    return files_write_private(path, secret, err);
}

static int prepare_database(const struct dev *dev, const struct dev_up_options *options,
                            int *ret_changes, struct error *err)
{
    struct db_conn *conn = NULL;
    TRY(dev_connect(dev, &conn, err));
    int code = migrate_apply(conn, options->sets, options->nsets, ret_changes, err);
    if (code == 0)
        code = dev_account(dev, conn, "admin", "admin", NULL, err);
    if (code == 0)
        code = dev_account(dev, conn, "integration", "integration", NULL, err);
    if (code == 0)
        code = make_secret(dev, "callbacks", err);
    if (code == 0)
        code = make_secret(dev, "members", err);
    db_close(conn);
    return code;
}

/* ---- the configuration ----------------------------------------------------------------------- */

/* A YAML scalar in double quotes. */
static void add_quoted(struct strbuf *out, const char *text)
{
    strbuf_addch(out, '"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            strbuf_addch(out, '\\');
        strbuf_addch(out, *text);
    }
    strbuf_addch(out, '"');
}

static void add_line(struct strbuf *out, const char *key, const char *before, const char *value)
{
    struct strbuf text AUTO_STRBUF;
    strbuf_init(&text, 8192);
    strbuf_addf(&text, "%s%s", before, value);
    strbuf_adds(out, key);
    add_quoted(out, text.data);
    strbuf_addch(out, '\n');
}

static int write_config(const struct dev *dev, const struct dev_up_options *options, int64_t port,
                        struct error *err)
{
    struct strbuf out AUTO_STRBUF;
    strbuf_init(&out, 64 << 10);
    strbuf_adds(&out, "# Written by 'diner dev up'; 'diner dev down' removes it.\n"
                      "connections:\n  warehouse:\n");
    add_line(&out, "    dsn: ", "", dev_dsn(dev));
    strbuf_adds(&out, "platform:\n");
    if (port > 0)
        strbuf_addf(&out, "  url: http://127.0.0.1:%lld\n", (long long)port);
    strbuf_adds(&out, "  user: integration\n");
    add_line(&out, "  password: ", "file:", secret_path(dev, "integration"));
    strbuf_adds(&out, "payments:\n  channel: local\n");
    add_line(&out, "  callback_secret: ", "file:", secret_path(dev, "callbacks"));
    strbuf_adds(&out, "members:\n");
    add_line(&out, "  hash_key: ", "file:", secret_path(dev, "members"));
    add_line(&out, "output_dir: ", "", dev->out);
    add_line(&out, "state_dir: ", "", dev->state);
    if (options->pipeline_directory)
        add_line(&out, "pipeline_path:\n  - ", "", options->pipeline_directory);
    if (options->connector_directory)
        add_line(&out, "connector_path:\n  - ", "", options->connector_directory);
    return files_write_private(dev->config, out.data, err);
}

/* ---- up, down, status ------------------------------------------------------------------------ */

static int bring_up(const struct dev *dev, const struct dev_up_options *options, bool *ret_was_up,
                    struct error *err)
{
    bool database_ran = false, server_ran = false;
    int changes = 0;
    int64_t port = process_read_number(dev->port_file);
    TRY(make_parts(dev, err));
    TRY(cluster_up(dev->pg, &database_ran, err));
    TRY(prepare_database(dev, options, &changes, err));
    if (!serving_is_ready(dev, port) || access(dev->config, R_OK) != 0) {
        TRY(write_config(dev, options, port, err)); /* what the server starts with */
        TRY(serving_start(dev, options->program, &port, err));
        TRY(write_config(dev, options, port, err)); /* now with the port it found */
    } else {
        server_ran = true;
    }
    *ret_was_up = database_ran && server_ran && changes == 0;
    return 0;
}

int dev_up(const struct dev *dev, const struct dev_up_options *options, bool *ret_was_up,
           struct error *err)
{
    int lock = -1;
    TRY(make_directory(dev, err));
    TRY(lock_directory(dev, O_CREAT, &lock, err));
    int code = bring_up(dev, options, ret_was_up, err);
    close(lock);
    return code;
}

int dev_down(const struct dev *dev, bool *ret_was_there, struct error *err)
{
    struct stat st;
    int lock = -1;
    if (lstat(dev->directory, &st) != 0 && errno == ENOENT) {
        *ret_was_there = false;
        return 0;
    }
    if (!dev_exists(dev)) {
        error_set(err, ERR_CONFIG, "'%s' is not a development environment of this user",
                  dev->directory);
        return error_hint(err, "only what 'diner dev up' made is removed");
    }
    TRY(lock_directory(dev, 0, &lock, err));
    int code = serving_stop(dev, err);
    if (code == 0)
        code = cluster_down(dev->pg, err);
    if (code == 0)
        code = files_remove_tree(dev->directory, err);
    close(lock);
    if (code == 0)
        *ret_was_there = true;
    return code;
}

int dev_status(const struct dev *dev, struct dev_status *ret, struct error *err)
{
    struct dev_status status = {.exists = dev_exists(dev)};
    (void)err;
    if (status.exists) {
        int64_t port = process_read_number(dev->port_file);
        status.database_pid = cluster_pid(dev->pg);
        status.server_pid = serving_pid(dev);
        status.is_ready = serving_is_ready(dev, port);
        status.dsn = dev_dsn(dev);
        if (port > 0)
            status.url = arena_printf(dev->arena, "http://127.0.0.1:%lld", (long long)port);
    }
    *ret = status;
    return 0;
}
