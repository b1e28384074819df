/* Completions for shells, written from the tree: commands, options, choices and files are in the
 * script itself; names that live in files or settings are asked of `diner __complete KIND`. */
#include "cli/internal.h"

const char *cli_dynamic_names(const struct field *f)
{
    static const char *const plurals[][2] = {
        {"pipeline", "pipelines"}, {"connector", "connectors"},   {"store", "stores"},
        {"setting", "settings"},   {"connection", "connections"}, {"run", "runs"},
        {"resource", "resources"},
    };

    for (size_t i = 0; f->complete && i < sizeof(plurals) / sizeof(plurals[0]); i++)
        if (strcmp(f->complete, plurals[i][0]) == 0)
            return plurals[i][1];
    return NULL;
}

bool cli_names_hang_on_words(const char *names)
{
    return strcmp(names, "resources") == 0;
}

int cli_completion(const struct command *root, const char *shell, struct strbuf *out,
                   struct error *err)
{
    if (strcmp(shell, "bash") == 0)
        cli_completion_bash(root, out);
    else if (strcmp(shell, "zsh") == 0)
        cli_completion_zsh(root, out);
    else if (strcmp(shell, "fish") == 0)
        cli_completion_fish(root, out);
    else
        return error_set(err, ERR_USAGE, "expected bash, zsh or fish, found '%s'", shell);
    return 0;
}
