/* tests/unit/net/connector_fixture.h - settings, and connectors written in the tests. */
#ifndef DINER_TESTS_NET_CONNECTOR_FIXTURE_H
#define DINER_TESTS_NET_CONNECTOR_FIXTURE_H

#include "net/connector.h"
#include "server.h"

static struct config *config;

static inline void setting(const char *name, const char *value)
{
    struct error err = ERROR_INIT;
    assert_int_equal(config_override(config, name, value, "test", &err), 0);
}

static inline int group_start(void **state)
{
    struct error err = ERROR_INIT;
    char file[] = "/tmp/diner-net-XXXXXX";
    int fd = mkstemp(file);

    if (fd < 0 || server_start(state) != 0)
        return -1;
    close(fd); /* an empty file: nothing of this machine's own */
    unsetenv("DINER_PLATFORM_USER");
    unsetenv("DINER_PLATFORM_PASSWORD");
    int code = config_load(file, &config, &err);
    unlink(file);
    if (code != 0)
        return -1;
    setting("connector_path", "/nonexistent");
    setting("platform.url", server.base);
    setting("platform.user", "etl");
    setting("platform.password", "env:TEST_PLATFORM_SECRET");
    setting("retry.base", "1ms");
    setting("retry.cap", "5ms");
    setenv("TEST_PLATFORM_SECRET", "open-sesame", 1);
    return 0;
}

static inline int group_stop(void **state)
{
    config_free(config);
    return server_stop(state);
}

#define HEAD "version: 1\nname: shop\nbase_url: ${platform.url}/v1\n"

static inline int try_open(const char *yaml, struct connector **ret, struct error *err)
{
    const struct connector_builtin builtins[] = {{"shop", yaml}, {NULL, NULL}};
    return connector_open("shop", config, builtins, ret, err);
}

static inline struct connector *open_yaml(const char *yaml)
{
    struct connector *c = NULL;
    struct error err = ERROR_INIT;
    connector_sessions_end(); /* each test begins without logins */
    int code = try_open(yaml, &c, &err);
    if (code != 0)
        print_error("%s\n", err.message);
    assert_int_equal(code, 0);
    return c;
}

static inline int call(struct connector *c, const char *resource,
                       const struct connector_param *params, size_t nparams, const char *body,
                       const char *key, struct error *err)
{
    struct http_response r = {0};
    int code = connector_call(c, resource, params, nparams, span_of(body), key, &r, err);
    http_response_release(&r);
    return code;
}

#endif
