/* The bash completion is run by bash itself: COMP_WORDS in, COMPREPLY out. */
#include "cli/internal.h"
#include "sample.h"
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];

/* A `diner` that knows two stores, the script, a directory and a file to be completed. */
static int setup(void **state)
{
    AUTO_STRBUF struct strbuf script = {0};
    char path[128];

    (void)state;
    strcpy(dir, "/tmp/diner-completion-XXXXXX");
    assert_non_null(mkdtemp(dir));
    strbuf_init(&script, 0);
    cli_completion_bash(&sample_root, &script);
    (void)snprintf(path, sizeof(path), "%s/diner.bash", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(script.data, 1, script.len, f), script.len);
    assert_int_equal(fclose(f), 0);
    (void)snprintf(path, sizeof(path), "%s/diner", dir);
    f = fopen(path, "w");
    assert_non_null(f);
    (void)fputs("#!/bin/sh\n[ \"$1 $2\" = '__complete stores' ] && printf 'S001\\nS002\\nT1\\n'\n",
                f);
    assert_int_equal(fclose(f), 0);
    return chmod(path, 0755);
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    (void)snprintf(command, sizeof(command), "rm -rf %s", dir);
    return system(command);
}

/* The words of the line; the last is the one being completed, "''" when it is empty. */
static void completes(const char *words, const char *expected)
{
    char command[1024], answer[1024] = "";

    (void)snprintf(command, sizeof(command),
                   "cd %s && PATH=\"%s:$PATH\" bash --norc -c 'source ./diner.bash; "
                   "COMP_WORDS=(%s); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _diner; "
                   "echo \"${COMPREPLY[*]}\"' 2>&1",
                   dir, dir, words);
    FILE *f = popen(command, "r");
    assert_non_null(f);
    size_t n = fread(answer, 1, sizeof(answer) - 1, f);
    assert_int_equal(pclose(f), 0);
    answer[n] = '\0';
    answer[strcspn(answer, "\n")] = '\0';
    assert_string_equal(answer, expected);
}

static void test_bash(void **state)
{
    (void)state;
    completes("diner \"\"", "orders need help version");
    completes("diner o", "orders");
    completes("diner orders \"\"", "list show wipe");
    completes("diner -v orders l", "list");
    completes("diner help e", "exit-codes environment");
    completes("diner orders list --st", "--store --state");
    completes("diner orders list --store \"\"", "S001 S002 T1");
    completes("diner orders list -s S", "S001 S002");
    completes("diner orders list --store = T", "T1");
    completes("diner orders list --state pa", "paid");
    completes("diner orders list --state =", "pending paid cancelled");
    completes("diner orders list -o j", "json jsonl");
    completes("diner --log-format j", "json");
    /* The value of an option is no command. */
    completes("diner --config orders \"\"", "orders need help version");
    completes("diner orders list --file di", "diner.bash diner");
    completes("diner orders list -- --st", "");
    completes("diner need --", "--store --help --verbose --quiet --config --log-level "
                               "--log-format --color");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_bash, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
