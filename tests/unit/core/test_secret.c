/* Secrets: where they come from, where they must not be seen. */
#include "core/clock.h"
#include "core/secret.h"
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void assert_redacted(const char *text, const char *expected)
{
    struct strbuf sb;
    strbuf_init(&sb, 0);
    strbuf_adds(&sb, text);
    secret_redact(&sb);
    assert_string_equal(sb.data, expected);
    assert_int_equal(sb.len, strlen(expected));
    strbuf_release(&sb);
}

static void test_nothing_registered_changes_nothing(void **state)
{
    (void)state;
    assert_redacted("password hunter22", "password hunter22");
    assert_redacted("", "");
}

static void test_longest_first(void **state)
{
    (void)state;
    secret_register("s3cr3t");
    secret_register("s3cr3t-and-more");
    assert_redacted("a=s3cr3t b=s3cr3t-and-more c=s3cr3t-and", "a=**** b=**** c=****-and");
    assert_redacted("s3cr3ts3cr3t", "********"); /* two side by side */
}

static void test_overlapping_ones_leave_no_rest(void **state)
{
    (void)state;
    secret_register("overAB");
    secret_register("ABlapping");
    assert_redacted("<overABlapping>", "<****>");
    secret_register("inner-token");
    secret_register("outer-inner-token-outer");
    assert_redacted("<outer-inner-token-outer>", "<****>");
}

static void test_short_ones_are_ignored(void **state)
{
    (void)state;
    secret_register("abc");
    secret_register("");
    secret_register(NULL);
    assert_redacted("abcdef", "abcdef");
}

static void test_url_encoded_forms(void **state)
{
    (void)state;
    secret_register("p@ss w/rd?");
    assert_redacted("x=p@ss w/rd?;", "x=****;");
    assert_redacted("x=p%40ss%20w%2Frd%3F;", "x=****;");
    assert_redacted("x=p%40ss%20w%2frd%3f;", "x=****;"); /* lower-case hex */
    assert_redacted("x=p%40ss+w%2Frd%3F;", "x=****;");   /* a form's */
}

static void test_base64_forms(void **state)
{
    (void)state;
    secret_register("Xq7>?~token-1234");
    assert_redacted("v WHE3Pj9+dG9rZW4tMTIzNA== .", "v **** .");
    assert_redacted("v WHE3Pj9+dG9rZW4tMTIzNA .", "v **** .");
    assert_redacted("v WHE3Pj9-dG9rZW4tMTIzNA .", "v **** ."); /* base64url */
    /* Basic authentication of u:, us: and use: before the same secret. */
    static const char *const basic[] = {
        "dTpYcTc+P350b2tlbi0xMjM0", "dXM6WHE3Pj9+dG9rZW4tMTIzNA==", "dXNlOlhxNz4/fnRva2VuLTEyMzQ="};
    for (size_t i = 0; i < 3; i++) {
        struct strbuf sb;
        strbuf_init(&sb, 0);
        strbuf_adds(&sb, basic[i]);
        secret_redact(&sb);
        assert_non_null(strstr(sb.data, "****"));
        assert_true(sb.len <= 4 + 4 + 4); /* user name, stars, the shared last letters */
        strbuf_release(&sb);
    }
}

static void assert_masked(const char *dsn, const char *expected, bool has_password)
{
    struct strbuf sb;
    strbuf_init(&sb, 0);
    secret_dsn_masked(dsn, &sb);
    assert_string_equal(sb.data, expected);
    strbuf_release(&sb);
    assert_int_equal(secret_register_dsn(dsn), has_password);
}

static void test_dsn(void **state)
{
    (void)state;
    assert_masked("postgresql://bi:dsnpw%2F001@db:5432/dw?sslmode=require",
                  "postgresql://bi:****@db:5432/dw?sslmode=require", true);
    assert_redacted("raw dsnpw%2F001 decoded dsnpw/001", "raw **** decoded ****");
    assert_masked("postgresql://bi@db/dw?user=x&password=dsnpw002&a=b",
                  "postgresql://bi@db/dw?user=x&password=****&a=b", true);
    assert_redacted("dsnpw002", "****");
    assert_masked("host=db password=dsnpw003 user=bi", "host=db password=**** user=bi", true);
    assert_redacted("dsnpw003", "****");
    assert_masked("host = db password = 'dsn\\'pw 004'dbname=x",
                  "host = db password = ****dbname=x", true);
    assert_redacted("the dsn'pw 004.", "the ****.");
    assert_masked("postgres://u:dsnp@w/005@db/x", "postgres://u:****@db/x", true);
    assert_redacted("dsnp@w/005", "****");
    assert_masked("postgresql://bi@db:5432/dw", "postgresql://bi@db:5432/dw", false);
    assert_masked("postgresql://db:5432/dw", "postgresql://db:5432/dw", false);
    assert_masked("host=db user='password=x'", "host=db user='password=x'", false);
    assert_masked("host=db password=", "host=db password=", false);
    assert_masked("", "", false);
}

static void assert_resolves(const char *reference, const char *expected)
{
    struct error err = ERROR_INIT;
    char *value = NULL;
    if (secret_resolve(reference, &value, &err) != 0) {
        fail_msg("%s", err.message);
    }
    assert_string_equal(value, expected);
    secret_free(value);
    assert_redacted(expected, "****"); /* registered */
}

static void assert_refused(const char *reference, const char *why)
{
    struct error err = ERROR_INIT;
    char *value = NULL;
    assert_int_equal(secret_resolve(reference, &value, &err), ERR_CONFIG);
    assert_null(value);
    if (strstr(err.message, why) == NULL) {
        fail_msg("'%s' does not say '%s'", err.message, why);
    }
}

static void test_resolve_env_and_literals(void **state)
{
    (void)state;
    setenv("DINER_TEST_SECRET", "from-env-value", 1);
    setenv("DINER_TEST_EMPTY", "", 1);
    unsetenv("DINER_TEST_ABSENT");
    assert_resolves("env:DINER_TEST_SECRET", "from-env-value");
    assert_resolves("literal:env:LITERALLY", "env:LITERALLY");
    assert_resolves("plain-value-itself", "plain-value-itself");
    assert_refused("env:DINER_TEST_ABSENT", "not set");
    assert_refused("env:DINER_TEST_EMPTY", "empty");
    secret_free(NULL);
}

static void test_resolve_file(void **state)
{
    (void)state;
    char path[] = "/tmp/diner-secret-XXXXXX";
    char reference[64];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "from-file-value\n\n", 17), 17);
    snprintf(reference, sizeof reference, "file:%s", path);
    assert_resolves(reference, "from-file-value\n"); /* one line end is dropped */
    fchmod(fd, 0640);
    assert_refused(reference, "read by others");
    fchmod(fd, 0604);
    assert_refused(reference, "read by others");
    fchmod(fd, 0600);
    assert_int_equal(ftruncate(fd, 0), 0);
    assert_refused(reference, "empty");
    assert_int_equal(pwrite(fd, "a\0bcdef", 7, 0), 7);
    assert_refused(reference, "NUL");
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_refused(reference, "larger");
    close(fd);
    unlink(path);
    assert_refused(reference, "No such file");
}

static void test_resolve_command(void **state)
{
    (void)state;
    assert_resolves("cmd:printf 'from-%s\\n' command", "from-command");
    assert_resolves("cmd:cat; echo no-stdin-eaten", "no-stdin-eaten");
    assert_refused("cmd:echo seen; exit 3", "exit status 3");
    assert_refused("cmd:kill -9 $$", "killed by signal 9");
    assert_refused("cmd:true", "empty");
    assert_refused("cmd:no-such-program-here 2>/dev/null", "exit status 127");
}

static void test_command_output_is_bounded(void **state)
{
    (void)state;
    struct error err = ERROR_INIT;
    char *value = NULL;
    assert_int_equal(secret_resolve("cmd:head -c 300000 /dev/zero | tr '\\0' z", &value, &err), 0);
    assert_int_equal(strlen(value), 65536);
    secret_free(value);
}

/* The clock runs ahead, so that ten seconds are over at once. */
static int64_t rushing_ns(void *self)
{
    int64_t *now_ns = self;
    *now_ns += (int64_t)3000 * 1000000;
    return *now_ns;
}

static void test_command_that_hangs_is_killed(void **state)
{
    (void)state;
    int64_t now_ns = 0;
    const struct clock_source rushing = {.monotonic_ns = rushing_ns, .self = &now_ns};
    clock_inject(&rushing);
    assert_refused("cmd:sleep 120", "no end after 10 s");
    now_ns = 0;
    assert_refused("cmd:echo x; exec >&-; sleep 120", "no end after 10 s");
    clock_inject(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_registered_changes_nothing),
        cmocka_unit_test(test_longest_first),
        cmocka_unit_test(test_overlapping_ones_leave_no_rest),
        cmocka_unit_test(test_short_ones_are_ignored),
        cmocka_unit_test(test_url_encoded_forms),
        cmocka_unit_test(test_base64_forms),
        cmocka_unit_test(test_dsn),
        cmocka_unit_test(test_resolve_env_and_literals),
        cmocka_unit_test(test_resolve_file),
        cmocka_unit_test(test_resolve_command),
        cmocka_unit_test(test_command_output_is_bounded),
        cmocka_unit_test(test_command_that_hangs_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
