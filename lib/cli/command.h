/* lib/cli/command.h - the command tree: declared once, parsed, helped, documented and completed
 * from the same tables. A command is an args struct, a field table, a run function. */
#ifndef DINER_CLI_COMMAND_H
#define DINER_CLI_COMMAND_H

#include "core/error.h"
#include "core/mem.h"
#include "core/strbuf.h"
#include "schema/config.h"
#include "schema/field.h"
#include <stdio.h>

enum cli_output { CLI_OUTPUT_TABLE, CLI_OUTPUT_JSON, CLI_OUTPUT_JSONL, CLI_OUTPUT_CSV };

/* What a running command gets. lib/cli writes only to out and err. */
struct cli {
    FILE *out, *err;
    struct arena *arena;   /* lives as long as the command */
    struct config *config; /* loaded unless the command says CLI_NO_CONFIG */
    enum cli_output output;
    bool is_terminal; /* stdout */
    size_t columns;   /* of that terminal; 0: it is none, or does not say */
    bool color;       /* stderr and stdout; NO_COLOR, TERM=dumb, not a terminal: off */
    bool quiet;
    bool dry_run, yes; /* for commands with CLI_DRY_RUN / CLI_DESTROYS */
    const struct command *root, *command;
    const char *words;               /* of the command: "orders list" */
    const struct cli_parsed *parsed; /* of the command line; cli_option_given reads it */
};
/* Did that option of the running command stand on the command line? */
bool cli_option_given(const struct cli *cli, const char *name);

enum command_flag {
    CLI_NO_CONFIG = 1 << 0, /* runs without diner.yaml (help, version, completion) */
    CLI_OUTPUT = 1 << 1,    /* takes -o table|json|jsonl|csv */
    CLI_DRY_RUN = 1 << 2,   /* takes --dry-run */
    CLI_DESTROYS = 1 << 3,  /* asks on a terminal, needs --yes elsewhere */
    CLI_HIDDEN = 1 << 4,
};

struct command_example {
    const char *command; /* "diner orders list --store S001" : the tests run it */
    const char *what;
};

/* What `diner help NAME` tells that belongs to no command. */
struct help_topic {
    const char *name, *summary;
    void (*write)(struct strbuf *out);
};

struct command {
    const char *name;
    const char *summary;                    /* one line, lower case, no full stop */
    const char *description;                /* paragraphs separated by blank lines, or NULL */
    const struct command *const *children;  /* NULL-terminated; NULL: a leaf */
    const struct field_set *args;           /* NULL: none */
    const struct command_example *examples; /* ends with command NULL */
    unsigned flags;
    /* args: the bound struct, zeroed where nothing was given. */
    int (*run)(struct cli *cli, const void *args, struct error *err);
    const struct help_topic *topics; /* of the root: more for `help`; ends with name NULL */
    /* Of the root, or NULL: around each command that has its configuration; code: how it ended. */
    void (*begin)(struct cli *cli);
    void (*end)(struct cli *cli, int code);
};

/* Parses, sets up (config, log, signals are the caller's), runs, reports once on stderr: message,
 * then "hint: ...", and returns the exit status. Handles -h/--help anywhere (stdout, 0), `help
 * [COMMAND...]`, `help exit-codes`, --version, -v/-q, --config, --log-level, --log-format,
 * --color, unknown words (suggestion, 2), and checks stdout at the end (EPIPE is silent with
 * SIGPIPE's status, other write errors fail). */
int cli_main(const struct command *root, int argc, char **argv);

/* A run of the tree with given streams; cli_main is a thin wrapper. For tests. */
int cli_run(const struct command *root, int argc, char **argv, FILE *out, FILE *err);

/* Self-check of the whole tree; NULL or the first defect. */
const char *command_tree_check(const struct command *root);

/* Documents from the tree. */
void cli_help(const struct command *const *path, size_t depth, bool color, struct strbuf *out);
/* "diner orders list [options] [STORE]", without a line end. */
void cli_usage_line(const struct command *const *path, size_t depth, struct strbuf *out);
void cli_man_page(const struct command *const *path, size_t depth, struct strbuf *out); /* troff */
void cli_reference_markdown(const struct command *root, struct strbuf *out); /* whole tree */
/* Lines of C that hold every text declared in the tree and in `sets` (NULL-terminated), and one
 * more text, for xgettext. */
void cli_messages(const struct command *root, const struct field_set *const *sets,
                  struct strbuf *out);
void cli_message(struct strbuf *out, const char *text);
void cli_reference_json(const struct command *root, struct strbuf *out);
/* shell: "bash" "zsh" "fish". */
int cli_completion(const struct command *root, const char *shell, struct strbuf *out,
                   struct error *err);
/* One man page a command: calls back with "diner-orders-list.1" and the text. */
int cli_man_pages(const struct command *root,
                  int (*page)(void *self, const char *file, const struct strbuf *text,
                              struct error *err),
                  void *self, struct error *err);

/* Asks "... [y/N]" on the terminal; without one, or with no answer, ERR_USAGE "needs --yes"; with
 * any answer but yes, ERR_FAILED. Asks nothing under --yes and --dry-run. */
int cli_confirm(struct cli *cli, struct error *err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
