/* The clock, injected and real; sleep and signals together. */
#include "core/clock.h"
#include "core/signals.h"
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static int64_t fake_now_us(void *self)
{
    return *(int64_t *)self;
}
static int64_t fake_monotonic_ns(void *self)
{
    return *(int64_t *)self * 1000;
}
static void fake_sleep_ms(void *self, int64_t ms)
{
    *(int64_t *)self += ms * 1000;
}

static void test_injected_clock(void **state)
{
    (void)state;
    int64_t now_us = 5000000;
    const struct clock_source source = {fake_now_us, fake_monotonic_ns, fake_sleep_ms, &now_us};
    clock_inject(&source);
    assert_int_equal(clock_wall_us(), 5000000);
    clock_sleep_ms(3600000);
    clock_sleep_ms(-5);
    assert_int_equal(clock_monotonic_ms(), 3605000);
    clock_inject(NULL);
    assert_true(clock_wall_us() > (int64_t)1700000000 * 1000000);
}

static void test_real_sleep_takes_its_time(void **state)
{
    (void)state;
    int64_t start_ns = clock_monotonic_ns();
    clock_sleep_ms(20);
    assert_true(clock_monotonic_ns() - start_ns >= 20000000);
}

static volatile sig_atomic_t cancelled;
static void count_cancel(void *arg)
{
    cancelled += *(const int *)arg;
}

static void test_signal_ends_a_sleep(void **state)
{
    (void)state;
    int one = 1;
    int ten = 10;
    cancelled = 0;
    signals_install();
    signals_on_cancel(count_cancel, &one);
    signals_on_cancel(count_cancel, &ten);
    signals_remove_cancel(count_cancel, &one);
    pid_t self = getpid();
    pid_t child = fork();
    if (child == 0) {
        usleep(50000);
        kill(self, SIGTERM);
        _exit(0);
    }
    int64_t start_ms = clock_monotonic_ms();
    clock_sleep_ms(20000);
    assert_true(clock_monotonic_ms() - start_ms < 10000);
    clock_sleep_ms(20000); /* with one pending it does not even begin */
    assert_true(clock_monotonic_ms() - start_ms < 10000);
    waitpid(child, NULL, 0);
    assert_int_equal(signals_pending(), SIGTERM);
    assert_int_equal(signals_exit_status(), 143);
    assert_int_equal(cancelled, 10);
    struct error err = ERROR_INIT;
    assert_int_equal(signals_check(&err), ERR_CANCELLED);
    assert_string_equal(err.message, "stopped by SIGTERM");
    signals_remove_cancel(count_cancel, &ten);
    signals_reset();
    assert_int_equal(signals_check(&err), 0);
    assert_int_equal(signals_exit_status(), 0);
}

static void test_second_interrupt_kills(void **state)
{
    (void)state;
    pid_t child = fork();
    if (child == 0) {
        signals_install();
        raise(SIGINT);
        if (signals_pending() != SIGINT) {
            _exit(1);
        }
        raise(SIGINT);
        _exit(2); /* not reached */
    }
    int status = 0;
    waitpid(child, &status, 0);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGINT);
}

static void test_broken_pipe_is_an_error_not_a_death(void **state)
{
    (void)state;
    signals_install();
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    close(ends[0]);
    assert_int_equal(write(ends[1], "x", 1), -1);
    close(ends[1]);
}

static void test_uuid(void **state)
{
    (void)state;
    char a[37];
    char b[37];
    clock_random_uuid(a);
    clock_random_uuid(b);
    assert_string_not_equal(a, b);
    assert_int_equal(strlen(a), 36);
    assert_int_equal(strspn(a, "0123456789abcdef-"), 36);
    assert_int_equal(a[14], '4');
    assert_non_null(strchr("89ab", a[19]));
    assert_true(a[8] == '-' && a[13] == '-' && a[18] == '-' && a[23] == '-');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_injected_clock),
        cmocka_unit_test(test_real_sleep_takes_its_time),
        cmocka_unit_test(test_signal_ends_a_sleep),
        cmocka_unit_test(test_second_interrupt_kills),
        cmocka_unit_test(test_broken_pipe_is_an_error_not_a_death),
        cmocka_unit_test(test_uuid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
