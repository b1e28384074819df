/* A small command tree and a way to run it: what went out, what went to stderr, the status. */
#ifndef TESTS_CLI_SAMPLE_H
#define TESTS_CLI_SAMPLE_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
/* clang-format on */
#include "cli/command.h"
#include "cli/table.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct list_args {
    const char *store, *since, *db, *token, *file;
    int64_t limit, wait_ms;
    bool all, merge;
    int state;
    struct field_strings tags, ids;
    struct field_string_map params;
};
static const char *const states[] = {"pending", "paid", "cancelled", NULL};
#define MEMBER(m) offsetof(struct list_args, m)
static const struct field list_fields[] = {
    {"store", FIELD_STRING, MEMBER(store), "only this store", 's', .arg = "ID",
     .env = "SAMPLE_STORE", .complete = "store"},
    {"since", FIELD_DATE, MEMBER(since), "from this business day on", .def = "yesterday"},
    {"limit", FIELD_INT, MEMBER(limit), "at most so many", 'l', .def = "20", .min = 1, .max = 100},
    {"wait", FIELD_DURATION, MEMBER(wait_ms), "wait so long", .config = "http.timeout"},
    {"all", FIELD_BOOL, MEMBER(all), "all of them", 'a'},
    {"merge", FIELD_BOOL, MEMBER(merge), "merge them", .def = "true"},
    {"state", FIELD_CHOICE, MEMBER(state), "in this state", .choices = states, .def = "paid"},
    {"tag", FIELD_STRINGS, MEMBER(tags), "with this tag", 't', .flags = FIELD_REPEAT, .def = "x"},
    {"param", FIELD_STRING_MAP, MEMBER(params), "a parameter", 'p', .flags = FIELD_REPEAT},
    {"db", FIELD_STRING, MEMBER(db), "the database", .flags = FIELD_SECRET, .env = "SAMPLE_DB"},
    {"token", FIELD_STRING, MEMBER(token), "the token", .flags = FIELD_SECRET},
    {"file", FIELD_STRING, MEMBER(file), "read this file", 'f', .complete = "file"},
    {"shop", FIELD_STRING, MEMBER(store), "only this store",
     .flags = FIELD_DEPRECATED | FIELD_HIDDEN, .renamed_to = "store"},
    {"id", FIELD_STRINGS, MEMBER(ids), "these orders", .flags = FIELD_POSITIONAL},
    {0},
};
static const struct field_set list_set = {
    .name = "orders list", .struct_size = sizeof(struct list_args), .fields = list_fields};

struct show_args {
    const char *order, *part;
    int64_t delta;
};
static const struct field show_fields[] = {
    {"order", FIELD_STRING, offsetof(struct show_args, order), "the order",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED},
    {"delta", FIELD_INT, offsetof(struct show_args, delta), "by so much",
     .flags = FIELD_POSITIONAL},
    {0},
};
static const struct field_set show_set = {
    .name = "orders show", .struct_size = sizeof(struct show_args), .fields = show_fields};

struct need_args {
    const char *store;
};
static const struct field need_fields[] = {
    {"store", FIELD_STRING, offsetof(struct need_args, store), "the store", .env = "SAMPLE_NEED",
     .flags = FIELD_REQUIRED},
    {0},
};
static const struct field_set need_set = {
    .name = "need", .struct_size = sizeof(struct need_args), .fields = need_fields};

static struct list_args seen; /* what the last `orders list` got; strings are copied on use */
static char seen_text[2048];
static struct cli seen_cli;
static int (*body)(struct cli *cli, struct error *err); /* what `orders show` does */

static const char *text_of(const char *s)
{
    return s ? s : "(none)";
}

static int run_list(struct cli *cli, const void *args, struct error *err)
{
    const struct list_args *a = args;
    size_t n = 0;

    (void)err;
    seen = *a;
    seen_cli = *cli;
    n += (size_t)snprintf(seen_text + n, sizeof(seen_text) - n,
                          "store=%s since=%s limit=%lld wait=%lld all=%d merge=%d state=%s db=%s "
                          "token=%s file=%s tags=",
                          text_of(a->store), text_of(a->since), (long long)a->limit,
                          (long long)a->wait_ms, a->all, a->merge, states[a->state], text_of(a->db),
                          text_of(a->token), text_of(a->file));
    for (size_t i = 0; i < a->tags.count; i++)
        n += (size_t)snprintf(seen_text + n, sizeof(seen_text) - n, "[%s]", a->tags.items[i]);
    n += (size_t)snprintf(seen_text + n, sizeof(seen_text) - n, " params=");
    for (size_t i = 0; i < a->params.count; i++)
        n += (size_t)snprintf(seen_text + n, sizeof(seen_text) - n, "[%s=%s]", a->params.keys[i],
                              a->params.values[i]);
    n += (size_t)snprintf(seen_text + n, sizeof(seen_text) - n, " ids=");
    for (size_t i = 0; i < a->ids.count; i++)
        n += (size_t)snprintf(seen_text + n, sizeof(seen_text) - n, "[%s]", a->ids.items[i]);
    return 0;
}

static int run_show(struct cli *cli, const void *args, struct error *err)
{
    const struct show_args *a = args;

    seen_cli = *cli;
    if (body)
        return body(cli, err);
    (void)fprintf(cli->out, "order %s delta %lld\n", a->order, (long long)a->delta);
    return 0;
}

static int run_need(struct cli *cli, const void *args, struct error *err)
{
    const struct need_args *a = args;

    (void)err;
    (void)fprintf(cli->out, "store %s\n", a->store);
    return 0;
}

static const struct command_example list_examples[] = {
    {"diner orders list --store S001", "the orders of a store"}, {NULL, NULL}};
static const struct command_example show_examples[] = {{"diner orders show A1", "one order"},
                                                       {NULL, NULL}};
static const struct command_example wipe_examples[] = {{"diner orders wipe A1 --yes", "for good"},
                                                       {NULL, NULL}};
static const struct command_example need_examples[] = {{"diner need --store S001", "as needed"},
                                                       {NULL, NULL}};

static const struct command command_list = {
    .name = "list",
    .summary = "list orders",
    .description = "Lists the orders of the platform, the newest first, as many as --limit says, "
                   "and a sentence long enough to be broken.\n\n.Second paragraph: 'quoted'.",
    .args = &list_set,
    .examples = list_examples,
    .flags = CLI_OUTPUT,
    .run = run_list,
};
static const struct command command_show = {.name = "show",
                                            .summary = "show an order",
                                            .args = &show_set,
                                            .examples = show_examples,
                                            .flags = CLI_OUTPUT | CLI_NO_CONFIG,
                                            .run = run_show};
static const struct command command_wipe = {.name = "wipe",
                                            .summary = "wipe an order",
                                            .args = &show_set,
                                            .examples = wipe_examples,
                                            .flags = CLI_DRY_RUN | CLI_DESTROYS | CLI_NO_CONFIG,
                                            .run = run_show};
static const struct command command_hidden = {.name = "__complete",
                                              .summary = "names for shells",
                                              .flags = CLI_HIDDEN | CLI_NO_CONFIG,
                                              .args = &show_set,
                                              .run = run_show};
static const struct command *const order_commands[] = {&command_list, &command_show, &command_wipe,
                                                       NULL};
static const struct command command_orders = {
    .name = "orders", .summary = "orders of the platform", .children = order_commands};
static const struct command command_need = {.name = "need",
                                            .summary = "needs a store",
                                            .args = &need_set,
                                            .examples = need_examples,
                                            .run = run_need};
static const struct command *const root_commands[] = {&command_orders, &command_need,
                                                      &command_hidden, NULL};
static const struct command sample_root = {.name = "diner",
                                           .summary = "back-end toolkit of a restaurant chain",
                                           .children = root_commands};

static char *run_out, *run_err; /* of the last run */

static void sample_free(void)
{
    free(run_out);
    free(run_err);
    run_out = run_err = NULL;
}

/* words are separated by single blanks; '~' stands for a blank inside a word. */
static inline int sample_run(const char *words)
{
    char line[1024];
    char *argv[64];
    int argc = 0;
    size_t out_size, err_size;

    (void)snprintf(line, sizeof(line), "%s", words);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        for (char *p = word; *p; p++)
            if (*p == '~')
                *p = ' ';
        argv[argc++] = word;
    }
    argv[argc] = NULL;
    sample_free();
    seen_text[0] = '\0';
    memset(&seen_cli, 0, sizeof(seen_cli));
    FILE *out = open_memstream(&run_out, &out_size), *err = open_memstream(&run_err, &err_size);
    int status = cli_run(&sample_root, argc, argv, out, err);
    (void)fclose(out);
    (void)fclose(err);
    return status;
}

static inline void contains(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("'%s' lacks '%s'", text, part);
}

#endif
