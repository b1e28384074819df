#include "core/secret.h"
#include "core/signals.h"
#include "sample.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static int teardown(void **state)
{
    (void)state;
    body = NULL;
    sample_free();
    return 0;
}

static int fails(struct cli *cli, struct error *err)
{
    (void)cli;
    error_set(err, ERR_UNAVAILABLE, "no answer with %s\033[31m", "topsecret99");
    return error_hint(err, "try again");
}

static int cancelled(struct cli *cli, struct error *err)
{
    (void)cli;
    return error_set(err, ERR_CANCELLED, "stopped");
}

static int silent_check(struct cli *cli, struct error *err)
{
    (void)cli;
    (void)err;
    return ERR_CHECK;
}

static void test_report(void **state)
{
    (void)state;
    secret_register("topsecret99");
    body = fails;
    assert_int_equal(sample_run("diner orders show A1"), 5);
    assert_string_equal(run_out, "");
    /* Once, redacted, and without what would steer the terminal. */
    assert_string_equal(run_err, "diner: no answer with ****\\x1b[31m\nhint: try again\n");
    assert_int_equal(sample_run("diner orders show A1 --log-format json"), 5);
    contains(run_err, "\"hint\":\"try again\"");
    contains(run_err, "\"code\":\"ERR_UNAVAILABLE\"");
    assert_null(strstr(run_err, "diner: "));
    body = silent_check;
    assert_int_equal(sample_run("diner orders show A1"), 9);
    assert_string_equal(run_err, "diner: a check, target or comparison failed\n");
    body = cancelled;
    assert_int_equal(sample_run("diner orders show A1"), 130);
}

static void test_signal_status(void **state)
{
    (void)state;
    signals_install();
    assert_int_equal(raise(SIGTERM), 0);
    body = cancelled;
    assert_int_equal(sample_run("diner orders show A1"), 143);
    signals_reset();
    (void)signal(SIGTERM, SIG_DFL);
    (void)signal(SIGINT, SIG_DFL);
}

static int writes_much(struct cli *cli, struct error *err)
{
    (void)err;
    for (int i = 0; i < 100000; i++)
        (void)fprintf(cli->out, "line %d\n", i);
    return 0;
}

static int writes_then_fails(struct cli *cli, struct error *err)
{
    (void)writes_much(cli, err);
    return error_set(err, ERR_DATABASE, "the database went away");
}

/* Runs in a child with stdout on fd; returns its wait status, its stderr in text. */
static int run_on(int fd, char *text, size_t n)
{
    int pipe_fds[2], status;
    ssize_t got, total = 0;

    assert_int_equal(pipe(pipe_fds), 0);
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *argv[] = {(char[]){"diner"}, (char[]){"orders"}, (char[]){"show"}, (char[]){"A1"},
                        NULL};
        (void)signal(SIGPIPE, SIG_IGN);
        FILE *out = fdopen(fd, "w"), *err = fdopen(pipe_fds[1], "w");
        _exit(cli_run(&sample_root, 4, argv, out, err));
    }
    (void)close(pipe_fds[1]);
    while ((got = read(pipe_fds[0], text + total, n - 1 - (size_t)total)) > 0)
        total += got;
    text[total] = '\0';
    (void)close(pipe_fds[0]);
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int closed_pipe(void)
{
    int fds[2];

    assert_int_equal(pipe(fds), 0);
    (void)close(fds[0]);
    return fds[1];
}

static void test_broken_pipe(void **state)
{
    char text[512];
    int fd = closed_pipe(), status;

    (void)state;
    body = writes_much;
    status = run_on(fd, text, sizeof(text));
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGPIPE);
    assert_string_equal(text, "");
    /* Another failure is not lost in it. */
    body = writes_then_fails;
    status = run_on(fd, text, sizeof(text));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 6);
    assert_string_equal(text, "diner: the database went away\n");
    (void)close(fd);
}

static void test_full_disk(void **state)
{
    char text[512];
    int fd = open("/dev/full", O_WRONLY), status;

    (void)state;
    assert_true(fd >= 0);
    body = NULL; /* one line: fails only when flushed */
    status = run_on(fd, text, sizeof(text));
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 1);
    contains(text, "diner: cannot write the output: No space left on device");
    body = writes_much;
    status = run_on(fd, text, sizeof(text));
    assert_int_equal(WEXITSTATUS(status), 1);
    contains(text, "diner: cannot write the output");
    (void)close(fd);
}

static int opens_a_file(struct cli *cli, struct error *err)
{
    (void)cli;
    int fd = open("/dev/null", O_RDONLY);
    (void)close(fd);
    return fd > 2 ? 0 : error_set(err, ERR_FAILED, "descriptor %d", fd);
}

static void test_closed_descriptors(void **state)
{
    int status;

    (void)state;
    body = opens_a_file;
    (void)fflush(NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        char *argv[] = {(char[]){"diner"}, (char[]){"orders"}, (char[]){"show"}, (char[]){"A1"},
                        NULL};
        (void)close(0);
        (void)close(1);
        (void)close(2);
        _exit(cli_main(&sample_root, 4, argv));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
}

static int asks(struct cli *cli, struct error *err)
{
    TRY(cli_confirm(cli, err, "wipe %s?", "A1"));
    cli_summary(cli, "orders wipe: %d wiped", 1);
    return 0;
}

static void test_confirm(void **state)
{
    int null = open("/dev/null", O_RDONLY), saved = dup(0);

    (void)state;
    assert_true(null >= 0 && saved >= 0);
    assert_int_equal(dup2(null, 0), 0);
    body = asks;
    assert_int_equal(sample_run("diner orders wipe A1"), 2);
    contains(run_err, "diner: this destroys something and needs --yes\n");
    assert_int_equal(sample_run("diner orders wipe A1 --yes"), 0);
    assert_string_equal(run_err, "orders wipe: 1 wiped\n");
    assert_int_equal(sample_run("diner orders wipe A1 --dry-run"), 0);
    assert_int_equal(sample_run("diner orders wipe A1 -yq"), 0);
    assert_string_equal(run_err, "");
    assert_int_equal(dup2(saved, 0), 0);
    (void)close(saved);
    (void)close(null);
}

static void test_color(void **state)
{
    (void)state;
    setenv("TERM", "xterm", 1);
    assert_int_equal(sample_run("diner orders show A1"), 0);
    assert_false(seen_cli.color); /* not a terminal */
    assert_false(seen_cli.is_terminal);
    setenv("NO_COLOR", "1", 1);
    assert_int_equal(sample_run("diner orders show A1 --color always"), 0);
    assert_true(seen_cli.color);
    assert_int_equal(sample_run("diner orders show A1 --color=never"), 0);
    assert_false(seen_cli.color);
    unsetenv("NO_COLOR");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(test_report, teardown),
        cmocka_unit_test_teardown(test_signal_status, teardown),
        cmocka_unit_test_teardown(test_broken_pipe, teardown),
        cmocka_unit_test_teardown(test_full_disk, teardown),
        cmocka_unit_test_teardown(test_closed_descriptors, teardown),
        cmocka_unit_test_teardown(test_confirm, teardown),
        cmocka_unit_test_teardown(test_color, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
