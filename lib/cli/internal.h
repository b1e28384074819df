/* lib/cli/internal.h - what the files of lib/cli share. Private. */
#ifndef DINER_CLI_INTERNAL_H
#define DINER_CLI_INTERNAL_H

#include "cli/command.h"

#define CLI_DEPTH_MAX   6
#define CLI_OPTIONS_MAX 128
#define CLI_WIDTH       90 /* columns of help texts, where a terminal has not fewer */

/* The options every command has, and those that a command's flags bring. */
struct cli_globals {
    bool help, version, verbose, quiet, dry_run, yes;
    const char *config;
    int log_level, log_format, color, output;
};
enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };
enum cli_log_format { CLI_LOG_AUTO, CLI_LOG_TEXT, CLI_LOG_JSON };
extern const struct field_set cli_global_set;
bool cli_is_global(const struct field *f);
const struct field *cli_global(const char *name);

/* The options of a command: its own, then those of its flags, then the global ones. Hidden ones
 * are left out. */
struct cli_options {
    const struct field *items[CLI_OPTIONS_MAX];
    size_t count;
    size_t local; /* items[0..local) are not global */
};
void cli_options_of(const struct command *const *path, size_t depth, struct cli_options *ret);
/* May `f` of the global table be given to this command? */
bool cli_global_applies(const struct field *f, const struct command *const *path, size_t depth);
bool cli_takes_value(const struct field *f);
/* The arguments by position, in order; n is set, hidden ones are left out. */
const struct field *cli_argument(const struct command *c, size_t index);
const struct command *cli_child(const struct command *c, const char *name);

/* "ID", "FILE", "table|json|jsonl|csv". */
void cli_arg_name(const struct field *f, struct strbuf *out);
/* "STORE", "[FILE...]". */
void cli_argument_name(const struct field *f, struct strbuf *out);
/* "-s, --store ID", "    --[no-]merge". */
void cli_option_label(const struct field *f, struct strbuf *out);
/* " (default: 5s; env: DINER_X)", or nothing. */
void cli_field_notes(const struct field *f, struct strbuf *out);
void cli_path_name(const struct command *const *path, size_t depth, char between,
                   struct strbuf *out);

/* Calls back for each command that is not hidden, parents first. Stops at a non-zero result. */
typedef int (*cli_visitor)(void *self, const struct command *const *path, size_t depth);
int cli_walk(const struct command *root, cli_visitor visit, void *self);

/* One thing given on the command line. */
struct cli_given {
    const struct field *field;
    const char *text;
};
struct cli_parsed {
    struct arena *arena;
    const struct command *path[CLI_DEPTH_MAX];
    size_t depth;
    struct cli_given *given;
    size_t ngiven;
    const char **words; /* arguments by position */
    size_t nwords;
    bool unknown_command;
};
/* Sorts argv into command, options and arguments. ERR_USAGE leaves ret as far as it came. */
int cli_parse(const struct command *root, int argc, char **argv, struct arena *arena,
              struct cli_parsed *ret, struct error *err);
bool cli_was_given(const struct cli_parsed *p, const struct field *f);
int cli_unknown_command(const struct cli_parsed *p, const char *word, struct error *err);

/* Values: flags first (usage errors need no configuration), then environment and settings. */
int cli_bind_globals(const struct cli_parsed *p, struct cli_globals *ret, int *ret_verbosity,
                     struct error *err);
int cli_bind_given(const struct cli_parsed *p, void *args, struct error *err);
int cli_bind_rest(const struct cli_parsed *p, const struct config *config, void *args,
                  struct error *err);

/* false: there is no such topic. */
bool cli_help_topic(const struct command *root, const char *topic, struct strbuf *out);
/* The i-th of the topics there are, the root's own last; false after them. */
bool cli_help_topic_at(const struct command *root, size_t i, const char **ret_name,
                       const char **ret_summary);

/* Text for a terminal: control characters, broken UTF-8 and direction marks become visible.
 * Newlines stay when keep_newlines. */
void cli_add_safe(struct strbuf *out, const char *text, size_t n, bool keep_newlines);
/* Bytes of text up to where a line may be broken: a blank, or beside a wide character, but not
 * before closing marks nor after opening ones. 0 at a blank. */
size_t cli_piece(const char *text);
/* Words of text from column `indent`, broken before column `width`; the first line starts where
 * the caller stands. Ends with a newline. */
void cli_wrap(struct strbuf *out, const char *text, size_t indent, size_t width);
/* The next of the paragraphs that empty lines part, into one; false after the last. */
bool cli_paragraph(const char **text, struct strbuf *one);
void cli_pad(struct strbuf *out, size_t columns);
/* Columns of the terminal that a stream is; 0 when it is none, or does not say. */
size_t cli_terminal_columns(FILE *stream);
/* What help is wrapped to: CLI_WIDTH, or what the terminal has. */
size_t cli_help_columns(void);
void cli_set_help_columns(size_t terminal_columns);

/* What is declared for shells to complete: "stores" for "store"; NULL for files and nothing. */
const char *cli_dynamic_names(const struct field *f);
/* Whether they are asked for with the words of the line so far. */
bool cli_names_hang_on_words(const char *names);
void cli_completion_bash(const struct command *root, struct strbuf *out);
void cli_completion_zsh(const struct command *root, struct strbuf *out);
void cli_completion_fish(const struct command *root, struct strbuf *out);

#endif
