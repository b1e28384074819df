/* cmd/completion.c - diner completion bash|zsh|fish, and the names that completions ask for. */
#include "commands.h"
#include "net/connector_look.h"
#include <glob.h>
#include <stdio.h>
#include <string.h>

struct completion_args {
    int shell;
};
static const char *const shells[] = {"bash", "zsh", "fish", NULL};
static const struct field completion_fields[] = {
    {.name = "shell",
     .type = FIELD_CHOICE,
     .offset = offsetof(struct completion_args, shell),
     .choices = shells,
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED,
     .help = "which shell"},
    {0},
};
static const struct field_set completion_set = {
    .name = "completion",
    .help = "Which shell",
    .struct_size = sizeof(struct completion_args),
    .fields = completion_fields,
};

static int run_completion(struct cli *cli, const void *args, struct error *err)
{
    const struct completion_args *a = args;
    struct strbuf out AUTO_STRBUF;
    strbuf_init(&out, 0);
    TRY(cli_completion(cli->root, shells[a->shell], &out, err));
    (void)fwrite(out.data, 1, out.len, cli->out);
    return 0;
}

static const struct command_example examples[] = {
    {"diner completion bash", "print it; eval \"$(diner completion bash)\" uses it at once"},
    {"diner completion zsh", "for a directory of fpath, as _diner"},
    {"diner completion fish", "for ~/.config/fish/completions/diner.fish"},
    {0},
};
const struct command command_completion = {
    .name = "completion",
    .summary = "print the completion script of a shell",
    .args = &completion_set,
    .examples = examples,
    .flags = CLI_NO_CONFIG,
    .run = run_completion,
};

/* ---- names, one a line -------------------------------------------------------------------------
 */

struct complete_args {
    const char *kind;
    struct field_strings words;
};
static const struct field complete_fields[] = {
    {.name = "kind",
     .type = FIELD_STRING,
     .offset = offsetof(struct complete_args, kind),
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED,
     .help = "what is completed: pipelines, connectors, resources, settings, stores"},
    {.name = "word",
     .type = FIELD_STRINGS,
     .offset = offsetof(struct complete_args, words),
     .flags = FIELD_POSITIONAL | FIELD_REPEAT,
     .help = "the line so far, where the names hang on it: resources"},
    {0},
};
static const struct field_set complete_set = {
    .name = "__complete",
    .help = "Which names",
    .struct_size = sizeof(struct complete_args),
    .fields = complete_fields,
};

/* "dir/nightly.yaml" to "nightly", once each. */
static void print_pipelines(struct cli *cli, const struct config *config)
{
    const struct field_strings *path = &config_settings(config)->pipeline_path;
    for (size_t i = 0; i < path->count; i++) {
        glob_t found = {0};
        if (glob(arena_printf(cli->arena, "%s/*.yaml", path->items[i]), 0, NULL, &found) == 0) {
            for (size_t k = 0; k < found.gl_pathc; k++) {
                const char *name = strrchr(found.gl_pathv[k], '/') + 1;
                (void)fprintf(cli->out, "%.*s\n", (int)(strlen(name) - strlen(".yaml")), name);
            }
        }
        globfree(&found);
    }
}

static void print_connectors(struct cli *cli, const struct config *config)
{
    const char **names;
    size_t count = connector_names(config, builtin_connectors, cli->arena, &names);
    for (size_t i = 0; i < count; i++)
        (void)fprintf(cli->out, "%s\n", names[i]);
}

static bool is_word(const struct complete_args *a, const char *name)
{
    for (size_t i = 0; i < a->words.count; i++)
        if (strcmp(a->words.items[i], name) == 0)
            return true;
    return false;
}

/* Of the connector that stands in the line. */
static void print_resources(struct cli *cli, const struct config *config,
                            const struct complete_args *a)
{
    struct connector_summary s = {0};
    struct diagnostics d;
    struct error ignored = ERROR_INIT;
    const char **names;
    size_t count = connector_names(config, builtin_connectors, cli->arena, &names);
    diagnostics_init(&d, cli->arena);
    for (size_t i = 0; i < count; i++) {
        if (!is_word(a, names[i]) || connector_describe(names[i], config, builtin_connectors,
                                                        cli->arena, &s, &d, &ignored) != 0)
            continue;
        for (size_t k = 0; k < s.nresources; k++)
            (void)fprintf(cli->out, "%s\n", s.resources[k]);
        return;
    }
}

static void print_names(struct cli *cli, const struct config *config, const struct complete_args *a)
{
    if (strncmp(a->kind, "pipeline", 8) == 0)
        print_pipelines(cli, config);
    else if (strncmp(a->kind, "connector", 9) == 0)
        print_connectors(cli, config);
    else if (strncmp(a->kind, "resource", 8) == 0)
        print_resources(cli, config, a);
}

/* Nobody is at the other end to read an error: what cannot be had is an empty list. Stores are
 * not asked for over the network while a key is pressed. */
static int run_complete(struct cli *cli, const void *args, struct error *err)
{
    const struct complete_args *a = args;
    struct config *config = NULL;
    struct error ignored = ERROR_INIT;
    (void)err;
    if (strncmp(a->kind, "setting", 7) == 0) {
        for (const struct field *f = settings_fields.fields; f->name; f++)
            if (!(f->flags & FIELD_HIDDEN))
                (void)fprintf(cli->out, "%s\n", f->name);
    } else if (config_load(NULL, &config, &ignored) == 0) {
        print_names(cli, config, a);
        config_free(config);
    }
    return 0;
}

const struct command command_complete = {
    .name = "__complete",
    .summary = "names for the completion scripts",
    .args = &complete_set,
    .flags = CLI_NO_CONFIG | CLI_HIDDEN,
    .run = run_complete,
};
