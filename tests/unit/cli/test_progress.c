#include "cli/progress.h"
#include "core/clock.h"
#include "sample.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

static int64_t now_ms;

static int64_t fake_wall(void *self)
{
    (void)self;
    return 0;
}
static int64_t fake_monotonic(void *self)
{
    (void)self;
    return now_ms * 1000000;
}
static void fake_sleep(void *self, int64_t ms)
{
    (void)self;
    now_ms += ms;
}
static const struct clock_source fake = {fake_wall, fake_monotonic, fake_sleep, NULL};

/* A terminal of our own: what is written to its slave is read from its master. */
static int master;
static struct cli cli;

static int setup(void **state)
{
    struct winsize size = {.ws_row = 24, .ws_col = 60};
    struct termios mode;

    (void)state;
    now_ms = 5000;
    clock_inject(&fake);
    master = posix_openpt(O_RDWR | O_NOCTTY);
    assert_true(master >= 0);
    assert_int_equal(grantpt(master) | unlockpt(master), 0);
    int slave = open(ptsname(master), O_RDWR | O_NOCTTY);
    assert_true(slave >= 0);
    assert_int_equal(tcgetattr(slave, &mode), 0);
    mode.c_oflag &= ~(tcflag_t)OPOST;
    assert_int_equal(tcsetattr(slave, TCSANOW, &mode), 0);
    assert_int_equal(ioctl(slave, TIOCSWINSZ, &size), 0);
    assert_int_equal(fcntl(master, F_SETFL, O_NONBLOCK), 0);
    cli = (struct cli){.err = fdopen(slave, "w")};
    assert_non_null(cli.err);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    clock_inject(NULL);
    (void)fclose(cli.err);
    return close(master);
}

static const char *shown(void)
{
    static char text[1024];
    ssize_t n = read(master, text, sizeof(text) - 1);

    text[n > 0 ? n : 0] = '\0';
    return text;
}

static void test_line(void **state)
{
    struct progress *p = progress_begin(&cli, "orders");

    (void)state;
    now_ms += 999;
    progress_update(p, 1000, 0, 0);
    assert_string_equal(shown(), "");
    now_ms += 1001;
    progress_update(p, 1234567, 0, 0);
    assert_string_equal(shown(), "\rorders: 1,234,567 rows, 617,283/s\033[K");
    now_ms += 100;
    progress_update(p, 1300000, 0, 0);
    assert_string_equal(shown(), ""); /* not more often than five times a second */
    now_ms += 1900;
    progress_label(p, "门店");
    progress_update(p, 2000000, (uint64_t)10 << 20, (uint64_t)40 << 20);
    /* Cut to the width of the terminal. */
    assert_string_equal(shown(),
                        "\r门店: 2,000,000 rows, 500,000/s, 10.0 MiB of 40.0 MiB, 12 s\033[K");
    progress_end(p);
    assert_string_equal(shown(), "\r\033[K");
}

static void test_time_left(void **state)
{
    struct progress *p = progress_begin(&cli, "x");

    (void)state;
    now_ms += 10000;
    progress_update(p, 10, 1000, 2000);
    assert_string_equal(shown(), "\rx: 10 rows, 1/s, 1000 B of 1.9 KiB, 10 s left\033[K");
    now_ms += 10000;
    progress_update(p, 20, 1000, 8000);
    assert_string_equal(shown(), "\rx: 20 rows, 1/s, 1000 B of 7.8 KiB, 2 min 20 s left\033[K");
    progress_end(p);
}

static void test_silence(void **state)
{
    struct progress *p = progress_begin(&cli, "x");

    (void)state;
    progress_update(p, 1, 0, 0);
    progress_end(p); /* quick work shows nothing */
    assert_string_equal(shown(), "");
    cli.quiet = true;
    p = progress_begin(&cli, "x");
    now_ms += 5000;
    progress_update(p, 1, 0, 0);
    progress_end(p);
    assert_string_equal(shown(), "");
    progress_end(NULL);
    progress_update(NULL, 1, 0, 0);
}

static void test_not_a_terminal(void **state)
{
    struct cli piped = cli;
    char *text;
    size_t size;

    (void)state;
    piped.err = open_memstream(&text, &size);
    struct progress *p = progress_begin(&piped, "x");
    now_ms += 5000;
    progress_update(p, 1, 0, 0);
    progress_end(p);
    (void)fclose(piped.err);
    assert_string_equal(text, "");
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_line, setup, teardown),
        cmocka_unit_test_setup_teardown(test_time_left, setup, teardown),
        cmocka_unit_test_setup_teardown(test_silence, setup, teardown),
        cmocka_unit_test_setup_teardown(test_not_a_terminal, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
