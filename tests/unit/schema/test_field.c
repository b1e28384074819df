/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "schema/config.h"
#include "schema/field.h"
#include <string.h>

struct sample {
    const char *a, *b;
    int64_t n;
    struct field_strings list;
    int choice;
};

static void defect(const struct field *fields, const char *part)
{
    const struct field_set set = {
        .name = "sample", .struct_size = sizeof(struct sample), .fields = fields};
    const char *found = field_set_check(&set);

    if (!part) {
        if (found)
            fail_msg("%s", found);
        return;
    }
    if (!found || !strstr(found, part))
        fail_msg("'%s' lacks '%s'", found ? found : "(no defect)", part);
}

#define F(...)                                                                                     \
    (const struct field[])                                                                         \
    {                                                                                              \
        __VA_ARGS__,                                                                               \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }
#define TEXT(name_, ...)                                                                           \
    {                                                                                              \
        name_, FIELD_STRING, offsetof(struct sample, a), "help", __VA_ARGS__                       \
    }

static const char *const choices[] = {"x", "y", NULL};

static void test_settings_are_sound(void **state)
{
    const char *bad = field_set_check(&settings_fields);

    (void)state;
    if (bad)
        fail_msg("%s", bad);
}

/* Each setting can be given in the environment: DINER_ and its key, dots as underscores. */
static void test_settings_have_environment(void **state)
{
    (void)state;
    for (const struct field *f = settings_fields.fields; f->name; f++) {
        char env[128] = "DINER_";
        size_t n = strlen(env);
        if (f->type == FIELD_OBJECT_MAP)
            continue;
        if (strncmp(f->env, "OTEL_", 5) == 0 || strncmp(f->env, "OPENLINEAGE_", 12) == 0)
            continue; /* as every program of that field calls it */
        for (const char *p = f->name; *p; p++)
            env[n++] = (char)(*p == '.' ? '_' : *p >= 'a' ? *p - 'a' + 'A' : *p);
        assert_non_null(f->env);
        assert_string_equal(f->env, env);
    }
}

static void test_good_table(void **state)
{
    (void)state;
    defect(F(TEXT("store", .short_name = 's', .env = "DINER_STORE", .config = "timezone"),
             {"n", FIELD_INT, offsetof(struct sample, n), "help", .def = "5", .min = 1, .max = 9},
             {"c", FIELD_CHOICE, offsetof(struct sample, choice), "help", .choices = choices}),
           NULL);
}

static void test_defects(void **state)
{
    (void)state;
    defect(F(TEXT("a"), TEXT("a")), "sample.a: is declared twice");
    defect(F(TEXT("a", .short_name = 'x'), TEXT("b", .short_name = 'x')), "'x' belongs to 'a'");
    defect(F(TEXT("a", .short_name = '!')), "short name");
    defect(F(TEXT("bad name")), "not well-formed");
    defect(F({"a", FIELD_STRING, 0, NULL}), "has no help");
    defect(F({"a", FIELD_STRING, 0, "Ends."}), "full stop");
    defect(F({"a", FIELD_STRING, sizeof(struct sample), "help"}), "outside");
    defect(F({"a", FIELD_STRINGS, offsetof(struct sample, choice), "help"}), "outside");
    defect(F({"a", FIELD_CHOICE, 0, "help"}), "has no choices");
    defect(F(TEXT("a", .choices = choices)), "cannot have choices");
    defect(F({"n", FIELD_INT, 0, "help", .def = "x"}), "default 'x': expected a whole number");
    defect(F({"n", FIELD_INT, 0, "help", .def = "5", .min = 6, .max = 9}), "must be from 6 to 9");
    defect(F(TEXT("a", .def = "x", .flags = FIELD_REQUIRED)), "required and has a default");
    defect(F(TEXT("a", .flags = FIELD_REPEAT)), "only lists");
    defect(F({"n", FIELD_INT, 0, "help", .flags = FIELD_SECRET}), "only text can be secret");
    defect(F({"n", FIELD_INT, 0, "help", .flags = FIELD_LATE}), "filled in late");
    defect(F(TEXT("a", .env = "lower")), "no name for an environment variable");
    defect(F(TEXT("a", .config = "no.such")), "no setting 'no.such'");
    defect(F(TEXT("a", .flags = FIELD_DEPRECATED, .renamed_to = "b")), "renamed to 'b'");
    defect(F({"a", FIELD_OBJECT, 0, "help"}), "no nested set");
    defect(F({"a", 0, 0, "help"}), "has no type");
}

static void test_positional_order(void **state)
{
    (void)state;
    defect(F(TEXT("a", .flags = FIELD_POSITIONAL),
             TEXT("b", .flags = FIELD_POSITIONAL | FIELD_REQUIRED)),
           "required after the optional 'a'");
    defect(F({"l", FIELD_STRINGS, offsetof(struct sample, list), "help", .flags = FIELD_POSITIONAL},
             TEXT("b", .flags = FIELD_POSITIONAL)),
           "after the list 'l'");
}

static void test_nested_defect(void **state)
{
    static const struct field inner_fields[] = {{"x", FIELD_INT, 0, "help", .def = "no"}, {0}};
    static const struct field_set inner = {"inner", NULL, sizeof(int64_t), inner_fields};

    (void)state;
    defect(F({"a", FIELD_OBJECT, 0, "help", .sub = &inner}), "inner.x: default 'no'");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_are_sound), cmocka_unit_test(test_settings_have_environment),
        cmocka_unit_test(test_good_table),         cmocka_unit_test(test_defects),
        cmocka_unit_test(test_positional_order),   cmocka_unit_test(test_nested_defect),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
