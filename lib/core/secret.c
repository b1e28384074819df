/* lib/core/secret.c - resolving, remembering and hiding secrets. */
#include "core/secret.h"
#include "core/clock.h"
#include "core/fileio.h"
#include "core/mem.h"
#include "core/message.h"
#include "core/secret_forms.h"
#include "core/signals.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define SECRET_MIN_BYTES  4
#define SECRET_MAX_BYTES  ((size_t)64 << 10)
#define SECRET_COMMAND_MS 10000

/* ---- registry and redaction ---------------------------------------------------------------- */

struct secret_form {
    char *text;
    size_t len;
};

/* Sorted by first byte, then longest first; starts[b] is where the forms with first byte b begin.
 * Lives as long as the process. */
static struct secret_form *forms;
static size_t form_count;
static size_t form_capacity;
static size_t starts[257];

static int form_compare(const void *pa, const void *pb)
{
    const struct secret_form *a = pa;
    const struct secret_form *b = pb;
    int byte_a = (unsigned char)a->text[0];
    int byte_b = (unsigned char)b->text[0];
    if (byte_a != byte_b) {
        return byte_a - byte_b;
    }
    return (a->len < b->len) - (a->len > b->len);
}

static void form_add(const char *text, size_t n)
{
    if (n < SECRET_MIN_BYTES) {
        return;
    }
    for (size_t i = starts[(unsigned char)*text]; i < starts[(unsigned char)*text + 1]; i++) {
        if (forms[i].len == n && memcmp(forms[i].text, text, n) == 0) {
            return;
        }
    }
    forms = mem_grow(forms, &form_capacity, form_count + 1, sizeof *forms);
    forms[form_count++] = (struct secret_form){mem_strndup(text, n), n};
    qsort(forms, form_count, sizeof *forms, form_compare);
    size_t i = 0;
    for (size_t byte = 0; byte < 256; byte++) {
        starts[byte] = i;
        while (i < form_count && (unsigned char)forms[i].text[0] == byte) {
            i++;
        }
    }
    starts[256] = i;
}

void secret_register(const char *value)
{
    if (value != NULL && strlen(value) >= SECRET_MIN_BYTES) {
        secret_forms(value, strlen(value), form_add);
    }
}

static size_t form_match(const char *s, size_t n)
{
    size_t byte = (unsigned char)*s;
    for (size_t i = starts[byte]; i < starts[byte + 1]; i++) {
        if (forms[i].len <= n && memcmp(forms[i].text, s, forms[i].len) == 0) {
            return forms[i].len;
        }
    }
    return 0;
}

/* Overlapping secrets hide as one, so that no part of either is left over. */
static void redact_into(const struct strbuf *text, struct strbuf *out)
{
    size_t hidden_end = 0;
    for (size_t i = 0; i < text->len; i++) {
        size_t len = form_match(text->data + i, text->len - i);
        bool inside = i < hidden_end;
        if (len > 0 && i + len > hidden_end) {
            hidden_end = i + len;
        }
        if (inside) {
            continue;
        }
        if (len > 0) {
            strbuf_add(out, "****", 4);
        } else {
            strbuf_addch(out, text->data[i]);
        }
    }
}

void secret_redact(struct strbuf *text)
{
    size_t first = 0;
    while (first < text->len &&
           (form_count == 0 || form_match(text->data + first, text->len - first) == 0)) {
        first = form_count == 0 ? text->len : first + 1;
    }
    if (first == text->len) {
        return;
    }
    struct strbuf hidden; /* never longer than the text: no form is shorter than "****" */
    strbuf_init(&hidden, text->max);
    redact_into(text, &hidden);
    hidden.overflow = text->overflow;
    free(text->data);
    *text = hidden;
}

void secret_free(char *value)
{
    if (value != NULL) {
        explicit_bzero(value, strlen(value));
        free(value);
    }
}

bool secret_register_dsn(const char *dsn)
{
    struct dsn_password found[DSN_PASSWORDS_MAX];
    size_t count = dsn_passwords(dsn, found);
    for (size_t i = 0; i < count; i++) {
        secret_register(found[i].value);
        form_add(dsn + found[i].start, found[i].len); /* as written, whatever its encoding */
        secret_free(found[i].value);
    }
    return count > 0;
}

void secret_dsn_masked(const char *dsn, struct strbuf *out)
{
    struct dsn_password found[DSN_PASSWORDS_MAX];
    size_t count = dsn_passwords(dsn, found);
    size_t done = 0;
    for (size_t i = 0; i < count; i++) {
        strbuf_add(out, dsn + done, found[i].start - done);
        strbuf_adds(out, "****");
        done = found[i].start + found[i].len;
        secret_free(found[i].value);
    }
    strbuf_adds(out, dsn + done);
}

/* ---- resolving ----------------------------------------------------------------------------- */

static int secret_from_env(const char *name, struct strbuf *out, struct error *err)
{
    const char *value = getenv(name);
    if (value == NULL || *value == '\0') {
        error_set(err, ERR_CONFIG, "environment variable '%s' of a secret is %s", name,
                  value == NULL ? message_text("not set") : message_text("empty"));
        return error_hint(err, "set %s in the environment of the command", name);
    }
    strbuf_adds(out, value);
    return 0;
}

static int secret_from_file(const char *path, struct strbuf *out, struct error *err)
{
    struct stat st;
    if (stat(path, &st) != 0) {
        return error_set_errno(err, ERR_CONFIG, errno, "cannot read secret file '%s'", path);
    }
    if ((st.st_mode & 077) != 0) {
        error_set(err, ERR_CONFIG, "secret file '%s' can be read by others (mode %04o)", path,
                  (unsigned)(st.st_mode & 07777));
        return error_hint(err, "chmod 600 '%s'", path);
    }
    if (file_read(path, SECRET_MAX_BYTES, out, err) != 0) {
        err->code = ERR_CONFIG;
        return error_context(err, "cannot read a secret");
    }
    return 0;
}

/* Starts /bin/sh -c command in a process group of its own, with nothing on its input, so that it
 * neither eats our standard input nor outlives its time. */
static int secret_command_start(const char *command, pid_t *ret_pid, int *ret_fd, struct error *err)
{
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return error_set_errno(err, ERR_CONFIG, errno, "cannot run secret command '%s'", command);
    }
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t defaults;
    sigset_t mask;
    sigemptyset(&mask);
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGPIPE);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setsigmask(&attributes, &mask);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETPGROUP);
    AUTOFREE char *text = mem_strdup(command);
    char sh[] = "sh";
    char flag[] = "-c";
    char *argv[] = {sh, flag, text, NULL};
    int failed = posix_spawn(ret_pid, "/bin/sh", &actions, &attributes, argv, environ);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
    if (failed != 0) {
        close(ends[0]);
        return error_set_errno(err, ERR_CONFIG, failed, "cannot run secret command '%s'", command);
    }
    *ret_fd = ends[0];
    return 0;
}

static int secret_command_wait(int fd, int64_t deadline_ms, struct error *err)
{
    for (;;) {
        TRY(signals_check(err));
        int64_t left_ms = deadline_ms - clock_monotonic_ms();
        if (left_ms <= 0) {
            return error_set(err, ERR_CONFIG, "no end after %d s", SECRET_COMMAND_MS / 1000);
        }
        struct pollfd p = {.fd = fd, .events = POLLIN};
        if (poll(&p, 1, left_ms < 200 ? (int)left_ms : 200) > 0) {
            return 0;
        }
    }
}

/* Reads to the end, keeps the first SECRET_MAX_BYTES. */
static int secret_command_read(int fd, int64_t deadline_ms, struct strbuf *out, struct error *err)
{
    for (;;) {
        char chunk[4096];
        TRY(secret_command_wait(fd, deadline_ms, err));
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got == 0) {
            explicit_bzero(chunk, sizeof chunk);
            return 0;
        }
        if (got < 0 && errno != EINTR && errno != EAGAIN) {
            return error_set_errno(err, ERR_CONFIG, errno, "cannot read its output");
        }
        if (got > 0) {
            size_t room = SECRET_MAX_BYTES - out->len;
            strbuf_add(out, chunk, (size_t)got < room ? (size_t)got : room);
        }
    }
}

/* Sets *pid to 0 once it has been waited for. */
static int secret_command_reap(pid_t *pid, int64_t deadline_ms, struct error *err)
{
    int status = 0;
    for (;;) {
        pid_t done = waitpid(*pid, &status, WNOHANG);
        if (done == *pid) {
            *pid = 0;
            break;
        }
        if (done < 0 && errno != EINTR) {
            return error_set_errno(err, ERR_CONFIG, errno, "cannot wait for it");
        }
        TRY(signals_check(err));
        if (clock_monotonic_ms() >= deadline_ms) {
            return error_set(err, ERR_CONFIG, "no end after %d s", SECRET_COMMAND_MS / 1000);
        }
        clock_sleep_ms(5);
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        return 0;
    }
    return error_set(err, ERR_CONFIG,
                     WIFEXITED(status) ? MESSAGE("exit status %d") : MESSAGE("killed by signal %d"),
                     WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
}

static int secret_from_command(const char *command, struct strbuf *out, struct error *err)
{
    pid_t pid = 0;
    int fd = -1;
    TRY(secret_command_start(command, &pid, &fd, err));
    int64_t deadline_ms = clock_monotonic_ms() + SECRET_COMMAND_MS;
    int code = secret_command_read(fd, deadline_ms, out, err);
    close(fd);
    if (code == 0) {
        code = secret_command_reap(&pid, deadline_ms, err);
    }
    if (code != 0 && pid != 0) {
        kill(-pid, SIGKILL); /* what it has started too */
        waitpid(pid, NULL, 0);
    }
    if (code != 0) {
        return error_context(err, "secret command '%s' failed", command);
    }
    return 0;
}

static int secret_read(const char *reference, struct strbuf *out, struct error *err)
{
    if (strncmp(reference, "env:", 4) == 0) {
        return secret_from_env(reference + 4, out, err);
    }
    if (strncmp(reference, "literal:", 8) == 0) {
        strbuf_adds(out, reference + 8);
        return 0;
    }
    bool is_file = strncmp(reference, "file:", 5) == 0;
    bool is_command = strncmp(reference, "cmd:", 4) == 0;
    if (!is_file && !is_command) {
        strbuf_adds(out, reference);
        return 0;
    }
    TRY(is_file ? secret_from_file(reference + 5, out, err)
                : secret_from_command(reference + 4, out, err));
    if (out->len > 0 && out->data[out->len - 1] == '\n') {
        strbuf_truncate(out, out->len - 1);
    }
    if (out->len == 0 || memchr(out->data, '\0', out->len) != NULL) {
        return error_set(err, ERR_CONFIG, "secret '%s' is %s", reference,
                         out->len == 0 ? message_text("empty")
                                       : message_text("binary: it holds a NUL byte"));
    }
    return 0;
}

int secret_resolve(const char *reference, char **ret_value, struct error *err)
{
    AUTO_STRBUF struct strbuf value = {0};
    strbuf_init(&value, SECRET_MAX_BYTES * 2);
    int code = secret_read(reference, &value, err);
    if (code == 0) {
        *ret_value = mem_strdup(value.data);
        secret_register(*ret_value);
    }
    explicit_bzero(value.data, value.capacity);
    return code;
}
