/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "core/log.h"
#include "core/secret.h"
#include "schema/config.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char old_dir[4096];

static void clear_environment(void)
{
    for (const struct field *f = settings_fields.fields; f->name; f++)
        if (f->env)
            unsetenv(f->env);
    unsetenv("DINER_CONFIG");
    unsetenv("DINER_DSN");
    unsetenv("DINER_DSN_WAREHOUSE");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_STATE_HOME");
    unsetenv("HOME");
}

/* A directory of our own, and an environment without anything of the user's. */
static int setup(void **state)
{
    (void)state;
    assert_non_null(getcwd(old_dir, sizeof(old_dir)));
    strcpy(dir, "/tmp/diner-config-XXXXXX");
    assert_non_null(mkdtemp(dir));
    assert_int_equal(chdir(dir), 0);
    clear_environment();
    return 0;
}

static int teardown(void **state)
{
    char command[128];

    (void)state;
    assert_int_equal(chdir(old_dir), 0);
    (void)snprintf(command, sizeof(command), "/bin/rm -rf %s", dir);
    return system(command);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");

    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(name, 0644), 0);
}

static struct config *load(const char *file)
{
    struct config *c = NULL;
    struct error err = ERROR_INIT;

    if (config_load(file, &c, &err) != 0)
        fail_msg("%s", err.message);
    return c;
}

static void load_fails(const char *file, const char *message, const char *hint)
{
    struct config *c = (struct config *)16;
    struct error err = ERROR_INIT;

    assert_int_equal(config_load(file, &c, &err), ERR_CONFIG);
    assert_ptr_equal(c, (struct config *)16);
    assert_string_equal(err.message, message);
    if (hint)
        assert_string_equal(err.hint, hint);
}

static void test_defaults(void **state)
{
    static const struct {
        const char *name, *text;
    } expected[] = {
        {"timezone", "Asia/Shanghai"},
        {"business_day", "04:00"},
        {"currency", "CNY"},
        {"pipeline_path", "pipelines,/etc/diner/pipelines,/usr/local/share/diner/pipelines,"
                          "/usr/share/diner/pipelines"},
        {"output_dir", "."},
        {"log.level", "notice"},
        {"log.format", "auto"},
        {"http.timeout", "5s"},
        {"breaker.failures", "5"},
        {"breaker.open", "1m"},
        {"database.connections_max", "50"},
        {"database.connections_warn", "80%"},
        {"database.lock_timeout", "5s"},
        {"page.size", "20"},
        {"page.size_max", "100"},
        {"token.access", "30m"},
        {"token.refresh", "24h"},
        {"rate.minute", "100/m"},
        {"rate.hour", "1000/h"},
        {"rate.integration_minute", "6000/m"},
        {"rate.integration_hour", "200000/h"},
        {"rate.connections", "512"},
        {"orders.unpaid_after", "30m"},
        {"schedule.cancel_every", "10m"},
        {"rejects.max_rows", "100"},
        {"rejects.max_rate", "0.1%"},
        {"guard.max_shrink", "20%"},
        {"perf.target_mean", "200ms"},
        {"perf.target_p95", "500ms"},
        {"perf.target_database", "100ms"},
        {"perf.target_error_rate", "0.1%"},
        {"perf.target_availability", "99.9%"},
        {"perf.target_rps", "5000"},
        {"perf.threads", "12"},
        {"perf.connections", "400"},
        {"perf.duration", "30s"},
        {"schedule.nightly", "05:15"},
        {"schedule.bills", "10:30"},
        {"schedule.cancel_every", "10m"},
    };
    struct config *c = load(NULL);

    (void)state;
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        assert_string_equal(config_text(c, expected[i].name, true), expected[i].text);
        assert_string_equal(config_origin(c, expected[i].name), "default");
    }
    assert_null(config_file(c));
    assert_int_equal(config_settings(c)->log_level, LOG_NOTICE);
    assert_int_equal(config_settings(c)->business_day_s, 4 * 3600);
    assert_null(config_text(c, "no.such", true));
    /* Without HOME the account's own is used; never an empty or relative place. */
    assert_int_equal(config_settings(c)->state_dir[0], '/');
    config_free(c);
    config_free(NULL);
}

static void test_precedence_and_origin(void **state)
{
    struct config *c;
    struct error err = ERROR_INIT;
    char origin[128];

    (void)state;
    write_file("diner.yaml", "http:\n  timeout: 7s\n  connect_timeout: 2s\n"
                             "page.size: 30\nretry: {max: 9}\n");
    setenv("DINER_HTTP_TIMEOUT", "9s", 1);
    setenv("DINER_PAGE_SIZE", "", 1); /* empty is not given */
    c = load(NULL);
    assert_string_equal(config_file(c), "diner.yaml");
    assert_int_equal(config_settings(c)->http_timeout_ms, 9000);
    assert_string_equal(config_origin(c, "http.timeout"), "env DINER_HTTP_TIMEOUT");
    assert_int_equal(config_settings(c)->http_connect_timeout_ms, 2000);
    assert_string_equal(config_origin(c, "http.connect_timeout"), "diner.yaml:3:20");
    assert_int_equal(config_settings(c)->page_size_default, 30);
    assert_int_equal(config_settings(c)->retry_max, 9);
    assert_string_equal(config_origin(c, "breaker.open"), "default");
    assert_int_equal(config_override(c, "http.timeout", "1s", "--timeout", &err), 0);
    assert_int_equal(config_settings(c)->http_timeout_ms, 1000);
    assert_string_equal(config_origin(c, "http.timeout"), "--timeout");
    assert_int_equal(config_override(c, "http.timeout", "x", "--timeout", &err), ERR_CONFIG);
    assert_int_equal(config_settings(c)->http_timeout_ms, 1000);
    assert_int_equal(config_override(c, "no.such", "x", "--x", &err), ERR_CONFIG);
    config_free(c);

    /* A named file is used instead of the one here; a flag instead of DINER_CONFIG. */
    write_file("other.yaml", "page.size: 40\n");
    write_file("third.yaml", "page.size: 50\n");
    setenv("DINER_CONFIG", "other.yaml", 1);
    c = load(NULL);
    assert_int_equal(config_settings(c)->page_size_default, 40);
    assert_int_equal(config_settings(c)->retry_max, 3);
    config_free(c);
    c = load("third.yaml");
    assert_int_equal(config_settings(c)->page_size_default, 50);
    config_free(c);

    /* $XDG_CONFIG_HOME, else ~/.config, when there is none here. */
    assert_int_equal(unlink("diner.yaml"), 0);
    unsetenv("DINER_CONFIG");
    assert_int_equal(mkdir(".config", 0755) | mkdir(".config/diner", 0755), 0);
    write_file(".config/diner/diner.yaml", "page.size: 60\n");
    setenv("HOME", dir, 1);
    c = load(NULL);
    assert_int_equal(config_settings(c)->page_size_default, 60);
    (void)snprintf(origin, sizeof(origin), "%s/.local/state/diner", dir);
    assert_string_equal(config_settings(c)->state_dir, origin);
    config_free(c);
    setenv("XDG_STATE_HOME", "/var/state", 1);
    setenv("XDG_CONFIG_HOME", "/nowhere", 1);
    c = load(NULL);
    assert_int_equal(config_settings(c)->page_size_default, 20);
    assert_string_equal(config_settings(c)->state_dir, "/var/state/diner");
    config_free(c);
}

static void test_bad_values(void **state)
{
    (void)state;
    write_file("a.yaml", "http:\n  timeot: 7s\n");
    load_fails("a.yaml", "a.yaml:2:3: unknown setting 'http.timeot'",
               "did you mean 'http.timeout'?");
    write_file("a.yaml", "http: 7s\nkitchen: 1\npage: {size: 0}\n");
    load_fails("a.yaml", "a.yaml:1:7: http: expected a map, found a value (and 2 more)", NULL);
    write_file("a.yaml", "http: {timeout: 7s}\nhttp.timeout: 8s\n");
    load_fails("a.yaml", "a.yaml:2:1: 'http.timeout' is given twice", NULL);
    write_file("a.yaml", "[1]\n");
    load_fails("a.yaml", "a.yaml:1:1: expected a map of settings, found a list", NULL);
    write_file("a.yaml", "page: {size: 500}\n");
    load_fails("a.yaml", "page.size 500 is above page.size_max 100", NULL);
    write_file("a.yaml", "currency: ${NO_SUCH_THING}\n");
    load_fails("a.yaml", "a.yaml:1:11: environment variable 'NO_SUCH_THING' is not set", NULL);
    load_fails("missing.yaml",
               "cannot read configuration 'missing.yaml': No such file or directory", NULL);
    setenv("DINER_PAGE_SIZE", "many", 1);
    load_fails(NULL, "env DINER_PAGE_SIZE: expected a whole number, found 'many'", NULL);
}

static void test_variables(void **state)
{
    struct config *c;

    (void)state;
    setenv("ZONE", "Europe/Berlin", 1);
    write_file("diner.yaml", "timezone: ${ZONE}\ncurrency: ${MONEY:-EUR}\n"
                             "pipeline_path: [a, \"b/${ZONE}\"]\noutput_dir:\n");
    c = load(NULL);
    assert_string_equal(config_settings(c)->timezone, "Europe/Berlin");
    assert_string_equal(config_settings(c)->currency, "EUR");
    assert_int_equal(config_settings(c)->pipeline_path.count, 2);
    assert_string_equal(config_settings(c)->pipeline_path.items[1], "b/Europe/Berlin");
    assert_string_equal(config_settings(c)->output_dir, ".");
    config_free(c);
}

static void test_secrets(void **state)
{

    (void)state;
    write_file("diner.yaml", "platform: {password: hunter22}\n");
    load_fails(
        NULL,
        "diner.yaml:1:22: 'platform.password' holds a secret and the file can be read by others",
        "chmod 600 the file, or write env:NAME or file:PATH instead");
}

static void test_secrets_shown(void **state)
{
    struct config *c;

    (void)state;
    write_file("diner.yaml", "platform: {password: hunter22}\n"
                             "connections: {crm: \"postgresql://u:sesame99@h/crm\"}\n");
    assert_int_equal(chmod("diner.yaml", 0600), 0);
    c = load(NULL);
    assert_string_equal(config_text(c, "platform.password", true), "****");
    assert_string_equal(config_text(c, "platform.password", false), "hunter22");
    assert_string_equal(config_text(c, "connections", true), "crm");
    assert_null(strstr(config_text(c, "connections.crm", true), "sesame99"));
    assert_non_null(strstr(config_text(c, "connections.crm", true), "@h/crm"));
    assert_string_equal(config_origin(c, "connections.crm"), "diner.yaml:2:20");
    config_free(c);

    /* References and variables give nothing away: anybody may read the file. */
    setenv("SECRET", "sesame98", 1);
    write_file("diner.yaml", "platform: {password: env:SECRET}\n"
                             "connections:\n  a: {dsn: \"postgresql://u:${SECRET}@h/a\"}\n"
                             "  b: postgresql://h/b\n");
    c = load(NULL);
    assert_string_equal(config_text(c, "platform.password", true), "env:SECRET");
    config_free(c);
    write_file("diner.yaml", "connections: {a: \"host=h password=sesame97\"}\n");
    load_fails(NULL, "diner.yaml:1:18: 'dsn' holds a secret and the file can be read by others",
               NULL);
}

static void check_dsn(const struct config *c, const char *name, const char *expected)
{
    char *dsn = NULL;
    struct error err = ERROR_INIT;

    if (config_dsn(c, name, &dsn, &err) != 0)
        fail_msg("%s", err.message);
    assert_string_equal(dsn, expected);
    secret_free(dsn);
}

static void test_connections(void **state)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct config *c;
    struct error err = ERROR_INIT;
    char *dsn = NULL;

    (void)state;
    c = load(NULL);
    assert_int_equal(config_dsn(c, "warehouse", &dsn, &err), ERR_CONFIG);
    assert_string_equal(err.message, "connection 'warehouse' is not configured");
    assert_string_equal(err.hint, "set DINER_DSN, or connections.warehouse.dsn in diner.yaml");
    assert_int_equal(config_dsn(c, "erp-2", &dsn, &err), ERR_CONFIG);
    assert_string_equal(err.hint, "set DINER_DSN_ERP_2, or connections.erp-2.dsn in diner.yaml");
    assert_null(dsn);
    config_free(c);

    setenv("KEPT", "postgresql://u:opensesame@h/kept", 1);
    write_file("diner.yaml", "connections:\n  warehouse: postgresql://h/file\n"
                             "  app: {dsn: env:KEPT}\n");
    c = load(NULL);
    check_dsn(c, "warehouse", "postgresql://h/file");
    check_dsn(c, "app", "postgresql://u:opensesame@h/kept");
    strbuf_init(&text, 0);
    strbuf_adds(&text, "cannot log in with opensesame");
    secret_redact(&text);
    assert_string_equal(text.data, "cannot log in with ****");
    assert_int_equal(config_dsn(c, "appp", &dsn, &err), ERR_CONFIG);
    assert_string_equal(err.hint, "did you mean 'app'?");
    setenv("DINER_DSN", "postgresql://h/env", 1);
    check_dsn(c, "warehouse", "postgresql://h/env");
    assert_string_equal(config_origin(c, "connections.warehouse"), "env DINER_DSN");
    setenv("DINER_DSN_WAREHOUSE", "postgresql://h/named", 1);
    check_dsn(c, "warehouse", "postgresql://h/named");
    config_free(c);
    write_file("diner.yaml", "connections: {a: {dns: x}}\n");
    load_fails(NULL, "diner.yaml:1:19: unknown key 'dns' in connection (and 1 more)",
               "did you mean 'dsn'?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(test_precedence_and_origin, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_values, setup, teardown),
        cmocka_unit_test_setup_teardown(test_variables, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets, setup, teardown),
        cmocka_unit_test_setup_teardown(test_secrets_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(test_connections, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
