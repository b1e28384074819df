/* A signal asks; while something is at hand the first waits for its end. */
#include "core/signals.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void count(void *arg)
{
    (*(int *)arg)++;
}

static void the_first_waits(void **state)
{
    struct error err = ERROR_INIT;
    int cancelled = 0;
    (void)state;
    signals_install();
    signals_on_cancel(count, &cancelled);
    signals_defer_begin();
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(signals_check(&err), 0);
    assert_int_equal(cancelled, 0);
    signals_defer_end();
    assert_int_equal(signals_check(&err), ERR_CANCELLED);
    assert_int_equal(signals_exit_status(), 143);
    signals_reset();
    signals_remove_cancel(count, &cancelled);
}

static void a_second_acts_at_once(void **state)
{
    struct error err = ERROR_INIT;
    int cancelled = 0;
    (void)state;
    signals_on_cancel(count, &cancelled);
    signals_defer_begin();
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(raise(SIGTERM), 0);
    assert_int_equal(signals_check(&err), ERR_CANCELLED);
    assert_int_equal(cancelled, 1);
    signals_defer_end();
    signals_reset();
    signals_defer_begin();
    signals_defer_end();
    assert_int_equal(signals_check(&err), 0);
    signals_remove_cancel(count, &cancelled);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_first_waits),
                                       cmocka_unit_test(a_second_acts_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
