#include "core/secret.h"
#include "sample.h"
#include <unistd.h>

static char old_dir[4096];
static char dir[64];

static int setup(void **state)
{
    (void)state;
    assert_non_null(getcwd(old_dir, sizeof(old_dir)));
    strcpy(dir, "/tmp/diner-parse-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    unsetenv("SAMPLE_STORE");
    unsetenv("SAMPLE_DB");
    unsetenv("SAMPLE_NEED");
    unsetenv("DINER_CONFIG");
    unsetenv("HOME");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("DINER_HTTP_TIMEOUT");
    body = NULL;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sample_free();
    (void)unlink("diner.yaml");
    assert_int_equal(chdir(old_dir), 0);
    return rmdir(dir);
}

static void lists(const char *words, const char *expected)
{
    if (sample_run(words) != 0)
        fail_msg("%s", run_err);
    assert_string_equal(run_err, "");
    contains(seen_text, expected);
}

/* Misuse: exit 2, nothing on stdout, exactly these lines on stderr. */
static void misuse(const char *words, const char *expected)
{
    assert_int_equal(sample_run(words), 2);
    assert_string_equal(run_out, "");
    assert_string_equal(run_err, expected);
}

#define LIST_USAGE "usage: diner orders list [options] [ID...]\n"
#define SHOW_USAGE "usage: diner orders show [options] ORDER [DELTA]\n"

static void test_option_forms(void **state)
{
    (void)state;
    lists("diner orders list", "store=(none) since=yesterday limit=20 wait=5000 all=0 merge=1 "
                               "state=paid db=(none) token=(none) file=(none) tags=[x] params= "
                               "ids=");
    lists("diner orders list --store S001 --limit=5", "store=S001 since=yesterday limit=5 ");
    lists("diner orders list -s S001 -l5 -a", "store=S001 since=yesterday limit=5 wait=5000 all=1");
    lists("diner orders list -asS001", "store=S001 since=yesterday limit=20 wait=5000 all=1");
    lists("diner orders list --all --no-merge", "all=1 merge=0");
    lists("diner orders list --merge=no --all=true", "all=1 merge=0");
    lists("diner orders list --store=", "store= since");
    lists("diner orders list --store --all", "store=--all since");
    lists("diner orders list --limit 5 --limit 6", "limit=6");
    lists("diner orders list --state cancelled", "state=cancelled");
    lists("diner orders list A1 --all A2", "ids=[A1][A2]");
    lists("diner orders list -- --all -x", "all=0 merge=1");
    lists("diner orders list -- --all -x", "ids=[--all][-x]");
    lists("diner orders list - -5", "ids=[-][-5]");
    lists("diner orders list --wait 1m30s", "wait=90000");
}

static void test_repeated_options(void **state)
{
    (void)state;
    lists("diner orders list -t a,b --tag=c", "tags=[a,b][c]");
    lists("diner orders list -p k=v --param m=n=o", "params=[k=v][m=n=o]");
    misuse("diner orders list -p kv",
           "diner orders list: option '--param': expected KEY=VALUE, found 'kv'\n" LIST_USAGE);
}

static void test_global_options_anywhere(void **state)
{
    (void)state;
    lists("diner -o json -q orders list", "limit=20");
    assert_int_equal(seen_cli.output, CLI_OUTPUT_JSON);
    assert_true(seen_cli.quiet);
    lists("diner orders list -ocsv", "limit=20");
    assert_int_equal(seen_cli.output, CLI_OUTPUT_CSV);
    assert_false(seen_cli.quiet);
    lists("diner orders -v list -vv --color always", "limit=20");
    assert_true(seen_cli.color);
    assert_ptr_equal(seen_cli.command, &command_list);
    assert_int_equal(sample_run("diner orders wipe A1 -ny"), 0);
    assert_true(seen_cli.dry_run);
    assert_true(seen_cli.yes);
}

static void test_misuse(void **state)
{
    (void)state;
    misuse("diner orders list --stoer S1",
           "diner orders list: unknown option '--stoer'\ndid you mean '--store'?\n" LIST_USAGE);
    misuse("diner orders list --stor=S1",
           "diner orders list: unknown option '--stor'\ndid you mean '--store'?\n" LIST_USAGE);
    misuse("diner orders list -z", "diner orders list: unknown option '-z'\n" LIST_USAGE);
    misuse("diner orders list --no-store", "diner orders list: unknown option '--no-store'\n"
                                           "did you mean '--store'?\n" LIST_USAGE);
    misuse("diner orders list --store",
           "diner orders list: option '--store' needs a value\n" LIST_USAGE);
    misuse("diner orders list -as", "diner orders list: option '-s' needs a value\n" LIST_USAGE);
    misuse("diner orders list --limit 0",
           "diner orders list: option '--limit': must be from 1 to 100, found 0\n" LIST_USAGE);
    misuse("diner orders list --state payd",
           "diner orders list: option '--state': expected one of pending, paid, cancelled, found "
           "'payd'\ndid you mean 'paid'?\n" LIST_USAGE);
    misuse(
        "diner orders list --all=perhaps",
        "diner orders list: option '--all': expected true or false, found 'perhaps'\n" LIST_USAGE);
    misuse("diner orders list -o xml",
           "diner orders list: option '--output': expected one of table, json, jsonl, csv, found "
           "'xml'\n" LIST_USAGE);
    misuse("diner orders list --dry-run",
           "diner orders list: unknown option '--dry-run'\n" LIST_USAGE);
    misuse("diner -n orders list", "diner orders list: unknown option '--dry-run'\n" LIST_USAGE);
    misuse("diner orders list --version",
           "diner orders list: unknown option '--version'\n" LIST_USAGE);
    misuse("diner orders show", "diner orders show: argument ORDER is missing\n" SHOW_USAGE);
    misuse("diner orders show A1 x",
           "diner orders show: argument DELTA: expected a whole number, found 'x'\n" SHOW_USAGE);
    misuse("diner orders show A1 5 6", "diner orders show: unexpected argument '6'\n" SHOW_USAGE);
    misuse("diner ordres list", "diner: unknown command 'ordres'\ndid you mean 'orders'?\n"
                                "usage: diner COMMAND\n");
    misuse("diner orders lst", "diner orders: unknown command 'lst'\ndid you mean 'list'?\n"
                               "usage: diner orders COMMAND\n");
    misuse("diner orders kitchen",
           "diner orders: unknown command 'kitchen'\nusage: diner orders COMMAND\n");
}

static void test_arguments(void **state)
{
    (void)state;
    assert_int_equal(sample_run("diner orders show A1 -5"), 0);
    assert_string_equal(run_out, "order A1 delta -5\n");
    assert_int_equal(sample_run("diner orders show A1"), 0);
    assert_string_equal(run_out, "order A1 delta 0\n");
    /* A word like a command's name behind the first argument is an argument. */
    assert_int_equal(sample_run("diner orders show show"), 0);
    assert_string_equal(run_out, "order show delta 0\n");
}

static void write_config(const char *text)
{
    FILE *f = fopen("diner.yaml", "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void test_precedence(void **state)
{
    (void)state;
    lists("diner orders list", "wait=5000");
    write_config("http: {timeout: 8s}\n");
    lists("diner orders list", "wait=8000");
    setenv("DINER_HTTP_TIMEOUT", "9s", 1);
    lists("diner orders list", "wait=9000");
    lists("diner orders list --wait 1s", "wait=1000");
    setenv("SAMPLE_STORE", "S9", 1);
    lists("diner orders list", "store=S9");
    lists("diner orders list -s S1", "store=S1");
    setenv("SAMPLE_STORE", "", 1);
    lists("diner orders list", "store=(none)");
    write_config("http: {timeout: never}\n");
    assert_int_equal(sample_run("diner orders list"), 3);
    assert_string_equal(run_err, "diner: diner.yaml:1:17: http.timeout: expected a duration such "
                                 "as 30s, 10m or 24h, found 'never'\n");
    /* A wrong command line is told first; commands without configuration do not mind. */
    assert_int_equal(sample_run("diner orders list --limit x"), 2);
    assert_int_equal(sample_run("diner orders show A1"), 0);
    assert_int_equal(sample_run("diner orders list --config missing.yaml"), 3);
    contains(run_err, "cannot read configuration 'missing.yaml'");
}

static void test_required_from_environment(void **state)
{
    (void)state;
    misuse("diner need", "diner need: option '--store' is required\nhint: or set SAMPLE_NEED\n"
                         "usage: diner need [options]\n");
    setenv("SAMPLE_NEED", "S7", 1);
    assert_int_equal(sample_run("diner need"), 0);
    assert_string_equal(run_out, "store S7\n");
}

static void test_deprecated_option(void **state)
{
    (void)state;
    assert_int_equal(sample_run("diner orders list --shop S5"), 0);
    contains(seen_text, "store=S5");
    contains(run_err, "option '--shop' is now called '--store'");
}

static void test_secrets(void **state)
{
    (void)state;
    assert_int_equal(sample_run("diner orders list --token hunter2222"), 2);
    contains(run_err, "option '--token' is a secret, which others could read\n"
                      "hint: give --token env:NAME or --token file:PATH\n");
    assert_null(strstr(run_err, "hunter2222"));
    lists("diner orders list --token env:TOKEN", "token=env:TOKEN");
    lists("diner orders list --token=file:/x", "token=file:/x");
    /* A connection string is refused only for the password in it. */
    lists("diner orders list --db postgresql://u@h/x", "db=postgresql://u@h/x");
    assert_int_equal(sample_run("diner orders list --db postgresql://u:sesame123@h/x"), 2);
    contains(run_err, "option '--db' holds a password, which others could read\n"
                      "hint: set SAMPLE_DB, or give --db env:NAME or --db file:PATH\n");
    assert_null(strstr(run_err, "sesame123"));
    assert_int_equal(sample_run("diner orders list --db host=h~password=sesame124"), 2);
    setenv("SAMPLE_DB", "postgresql://u:sesame125@h/x", 1);
    lists("diner orders list", "db=postgresql://u:sesame125@h/x");
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        T(test_option_forms), T(test_repeated_options),  T(test_global_options_anywhere),
        T(test_misuse),       T(test_arguments),         T(test_precedence),
        T(test_secrets),      T(test_deprecated_option), T(test_required_from_environment),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
