/* A directory with pipeline files, and the settings that find them. */
#ifndef TESTS_UNIT_PIPELINE_PIPELINE_FIXTURE_H
#define TESTS_UNIT_PIPELINE_PIPELINE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those first. */
#include "pipeline/spec.h"
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char fixture_dir[64], fixture_before[4096];
static struct config *fixture_config;

static inline void fixture_write(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static inline int fixture_setup(void **state)
{
    struct error err = ERROR_INIT;
    (void)state;
    assert_non_null(getcwd(fixture_before, sizeof fixture_before));
    snprintf(fixture_dir, sizeof fixture_dir, "/tmp/diner-spec-XXXXXX");
    assert_non_null(mkdtemp(fixture_dir));
    assert_int_equal(chdir(fixture_dir), 0);
    fixture_write("diner.yaml", "pipeline_path: [.]\ntimezone: Asia/Shanghai\n");
    unsetenv("DINER_PIPELINE_PATH");
    unsetenv("DINER_TIMEZONE");
    unsetenv("DINER_BUSINESS_DAY");
    return config_load("diner.yaml", &fixture_config, &err);
}

static inline int fixture_teardown(void **state)
{
    char command[128];
    (void)state;
    config_free(fixture_config);
    assert_int_equal(chdir(fixture_before), 0);
    snprintf(command, sizeof command, "/bin/rm -rf %s", fixture_dir);
    return system(command);
}

#endif
