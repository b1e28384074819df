/* A run of the program: sort the command line, set up, run, report once, check what was written. */
#include "cli/internal.h"
#include "cli/table.h"
#include "core/log.h"
#include "core/message.h"
#include "core/secret.h"
#include "core/signals.h"
#include "schema/suggest.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#ifndef DINER_VERSION
#define DINER_VERSION "unknown"
#endif

struct run {
    struct cli cli;
    struct cli_parsed parsed;
    struct cli_globals globals;
    int verbosity;
    bool log_is_json;
};

#define TOPICS_MAX 16

static void print(FILE *to, const struct strbuf *text)
{
    (void)fwrite(text->data, 1, text->len, to);
}

/* ---- reporting --------------------------------------------------------------------------- */

static void print_safe(FILE *to, const char *prefix, const char *message)
{
    AUTO_STRBUF struct strbuf text = {0};
    AUTO_STRBUF struct strbuf safe = {0};

    strbuf_init(&text, 0);
    strbuf_init(&safe, 0);
    strbuf_adds(&text, message);
    secret_redact(&text);
    strbuf_adds(&safe, prefix);
    cli_add_safe(&safe, text.data, text.len, true);
    strbuf_addch(&safe, '\n');
    print(to, &safe);
}

static void report(const struct run *r, int code, const struct error *err)
{
    const char *message =
        err->message[0] ? err->message : message_text(error_code_text((enum error_code)code));

    if (r->log_is_json) {
        log_event(LOG_ERROR,
                  LOG_FIELDS(LOG_STR("code", error_code_name((enum error_code)code)),
                             LOG_STR("hint", err->hint)),
                  "%s", message);
        return;
    }
    print_safe(r->cli.err, arena_printf(r->cli.arena, "%s: ", r->cli.root->name), message);
    if (err->hint[0])
        print_safe(r->cli.err, message_text("hint: "), err->hint);
}

/* A wrong command line: what is wrong, what was meant, how it is used. */
static int report_misuse(const struct run *r, const struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    const char *suggestion = message_text("did you mean '%s'?");
    bool is_suggestion = strncmp(err->hint, suggestion, strcspn(suggestion, "'")) == 0;

    strbuf_init(&text, 0);
    cli_path_name(r->parsed.path, r->parsed.depth, ' ', &text);
    strbuf_adds(&text, ": ");
    print_safe(r->cli.err, text.data, err->message);
    if (err->hint[0])
        print_safe(r->cli.err, is_suggestion ? "" : message_text("hint: "), err->hint);
    strbuf_clear(&text);
    cli_usage_line(r->parsed.path, r->parsed.depth, &text);
    strbuf_addch(&text, '\n');
    (void)fputs(message_text("usage: "), r->cli.err);
    print(r->cli.err, &text);
    return error_exit_status(ERR_USAGE);
}

/* True when nobody reads any more: the pipe's other end is closed. */
static bool is_broken_pipe(FILE *f)
{
    struct pollfd p = {.fd = fileno(f), .events = POLLOUT};

    return p.fd >= 0 && poll(&p, 1, 0) == 1 && (p.revents & POLLERR) != 0;
}

/* Dies of SIGPIPE as any filter does, silently. */
static void die_of_pipe(void)
{
    sigset_t set;

    (void)signal(SIGPIPE, SIG_DFL);
    sigemptyset(&set);
    sigaddset(&set, SIGPIPE);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
    (void)raise(SIGPIPE);
}

/* What was printed must have arrived; code and err are those of the command. */
static int check_output(const struct run *r, int code, struct error *err)
{
    FILE *out = r->cli.out;
    int failed = fflush(out) != 0 ? errno : 0;

    if (failed == 0 && !ferror(out))
        return code;
    if ((failed == EPIPE || is_broken_pipe(out)) && (code == 0 || code == ERR_IO))
        die_of_pipe();
    if (code != 0)
        return code;
    if (failed != 0)
        return error_set_errno(err, ERR_IO, failed, "cannot write the output");
    return error_set(err, ERR_IO, "cannot write the output");
}

static int finish(const struct run *r, int code, struct error *err)
{
    code = check_output(r, code, err);
    if (code != 0)
        report(r, code, err);
    (void)fflush(r->cli.err);
    if (code == ERR_CANCELLED && signals_exit_status() != 0)
        return signals_exit_status();
    return error_exit_status((enum error_code)code);
}

/* ---- help and version -------------------------------------------------------------------- */

static int show_help(const struct run *r, FILE *to)
{
    AUTO_STRBUF struct strbuf text = {0};

    strbuf_init(&text, 0);
    cli_help(r->parsed.path, r->parsed.depth, to == r->cli.out && r->cli.color, &text);
    print(to, &text);
    return 0;
}

static void unknown_help(const struct run *r, const char *word, struct error *err)
{
    const char *topics[TOPICS_MAX], *summary;
    size_t n = 0;

    (void)cli_unknown_command(&r->parsed, word, err);
    while (n < TOPICS_MAX && cli_help_topic_at(r->parsed.path[0], n, &topics[n], &summary))
        n++;
    const char *near =
        err->hint[0] || r->parsed.depth > 1 ? NULL : suggest_nearest(word, topics, n);
    if (near)
        error_hint(err, "did you mean '%s'?", near);
}

/* help [COMMAND...] | help TOPIC */
static int run_help(struct run *r, int argc, char **argv)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct error err = ERROR_INIT;

    strbuf_init(&text, 0);
    if (argc == 1 && cli_help_topic(r->cli.root, argv[0], &text)) {
        print(r->cli.out, &text);
        return finish(r, 0, &err);
    }
    for (int i = 0; i < argc; i++) {
        const struct command *child = cli_child(r->parsed.path[r->parsed.depth - 1], argv[i]);
        if (argv[i][0] == '-')
            continue;
        if (!child || r->parsed.depth == CLI_DEPTH_MAX) {
            unknown_help(r, argv[i], &err);
            return report_misuse(r, &err);
        }
        r->parsed.path[r->parsed.depth++] = child;
    }
    (void)show_help(r, r->cli.out);
    return finish(r, 0, &err);
}

static int show_version(const struct run *r)
{
    struct error err = ERROR_INIT;

    (void)fprintf(r->cli.out, "%s %s\n", r->cli.root->name, DINER_VERSION);
    return finish(r, 0, &err);
}

/* -h anywhere helps, even where the rest is wrong. */
static bool asks_for_help(const struct run *r, int argc, char **argv, int code)
{
    if (cli_was_given(&r->parsed, cli_global("help")))
        return true;
    if (code == 0 || r->parsed.unknown_command)
        return false;
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        if (strcmp(argv[i], "-h") == 0 || strcmp(argv[i], "--help") == 0)
            return true;
    return false;
}

/* ---- setting up -------------------------------------------------------------------------- */

static bool wants_color(const struct run *r, int color)
{
    const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");

    if (color != CLI_COLOR_AUTO)
        return color == CLI_COLOR_ALWAYS;
    if ((no_color && *no_color) || !term || strcmp(term, "dumb") == 0)
        return false;
    return r->cli.is_terminal && isatty(fileno(r->cli.err));
}

/* Flag, then -v or -q, then setting. */
static void set_up_log(struct run *r)
{
    const struct settings *s = r->cli.config ? config_settings(r->cli.config) : NULL;
    static const enum log_level steps[] = {LOG_INFO, LOG_DEBUG, LOG_TRACE};
    int level = s ? s->log_level : LOG_NOTICE, format = s ? s->log_format : CLI_LOG_AUTO;

    if (r->globals.quiet)
        level = LOG_ERROR;
    else if (r->verbosity > 0)
        level = (int)steps[r->verbosity > 3 ? 2 : r->verbosity - 1];
    if (r->globals.log_level >= 0)
        level = r->globals.log_level;
    if (r->globals.log_format >= 0)
        format = r->globals.log_format;
    r->log_is_json = format == CLI_LOG_JSON ||
                     (format == CLI_LOG_AUTO && getenv("KUBERNETES_SERVICE_HOST") != NULL &&
                      !isatty(fileno(r->cli.err)));
    log_setup(r->cli.err, (enum log_level)level, r->log_is_json);
    /* What programs read is the same in every language, up to the texts in it. */
    if (r->log_is_json || r->cli.output != CLI_OUTPUT_TABLE)
        (void)message_in_english(true);
}

static void set_up_context(struct run *r)
{
    AUTO_STRBUF struct strbuf name = {0};

    strbuf_init(&name, 0);
    cli_path_name(r->parsed.path + 1, r->parsed.depth - 1, ' ', &name);
    r->cli.words = arena_strdup(r->cli.arena, name.data);
    log_context("cmd", r->cli.words);
}

/* Flags first: a wrong command line is told before a wrong configuration. */
static int bind_flags(struct run *r, void *args, struct error *err)
{
    TRY(cli_bind_globals(&r->parsed, &r->globals, &r->verbosity, err));
    r->cli.output = (enum cli_output)r->globals.output;
    r->cli.quiet = r->globals.quiet;
    r->cli.dry_run = r->globals.dry_run;
    r->cli.yes = r->globals.yes;
    r->cli.color = wants_color(r, r->globals.color);
    set_up_log(r);
    return cli_bind_given(&r->parsed, args, err);
}

static int run_between(struct run *r, const void *args, struct error *err)
{
    const struct command *root = r->cli.root;

    if (root->begin && r->cli.config)
        root->begin(&r->cli);
    int code = r->cli.command->run(&r->cli, args, err);
    if (root->end && r->cli.config)
        root->end(&r->cli, code);
    return code;
}

static int run_command(struct run *r, void *args)
{
    const struct command *c = r->cli.command;
    struct error err = ERROR_INIT;
    int code = 0;

    set_up_context(r);
    if (!(c->flags & CLI_NO_CONFIG))
        code = config_load(r->globals.config, &r->cli.config, &err);
    if (code == 0) {
        set_up_log(r);
        code = cli_bind_rest(&r->parsed, r->cli.config, args, &err);
        if (code == ERR_USAGE)
            return report_misuse(r, &err);
    }
    if (code == 0)
        code = run_between(r, args, &err);
    return finish(r, code, &err);
}

static int run_parsed(struct run *r)
{
    const struct command *c = r->parsed.path[r->parsed.depth - 1];
    struct error err = ERROR_INIT;
    void *args = c->args ? arena_alloc(r->cli.arena, c->args->struct_size) : NULL;

    if (!c->run) { /* a group without its verb */
        (void)show_help(r, r->cli.err);
        return error_exit_status(ERR_USAGE);
    }
    r->cli.command = c;
    r->cli.parsed = &r->parsed;
    if (bind_flags(r, args, &err) != 0)
        return report_misuse(r, &err);
    return run_command(r, args);
}

static int run_words(struct run *r, int argc, char **argv)
{
    const struct command *root = r->cli.root;
    struct error err = ERROR_INIT;
    const char *first = argc > 1 ? argv[1] : "";

    r->parsed = (struct cli_parsed){.arena = r->cli.arena, .path = {root}, .depth = 1};
    if (strcmp(first, "help") == 0 && !cli_child(root, "help"))
        return run_help(r, argc - 2, argv + 2);
    if (strcmp(first, "version") == 0 && argc == 2 && !cli_child(root, "version"))
        return show_version(r);
    int code = cli_parse(root, argc, argv, r->cli.arena, &r->parsed, &err);
    if (asks_for_help(r, argc, argv, code)) {
        struct error none = ERROR_INIT;
        (void)show_help(r, r->cli.out);
        return finish(r, 0, &none);
    }
    if (code != 0)
        return report_misuse(r, &err);
    if (cli_was_given(&r->parsed, cli_global("version")))
        return show_version(r);
    return run_parsed(r);
}

int cli_run(const struct command *root, int argc, char **argv, FILE *out, FILE *err)
{
    struct run r = {.cli = {.out = out, .err = err, .root = root}};

    r.cli.arena = arena_new();
    r.cli.is_terminal = isatty(fileno(out)) == 1;
    r.cli.columns = r.cli.is_terminal ? cli_terminal_columns(out) : 0;
    cli_set_help_columns(r.cli.columns);
    r.cli.color = wants_color(&r, CLI_COLOR_AUTO);
    int status = run_words(&r, argc, argv);
    (void)message_in_english(false);
    log_context("cmd", NULL);
    if (err != stderr) /* the log must not outlive its stream */
        log_setup(stderr, LOG_NOTICE, false);
    config_free(r.cli.config);
    arena_free(r.cli.arena);
    return status;
}

/* A descriptor closed by the caller would be taken by the first file opened, and then written. */
static void open_standard_descriptors(void)
{
    for (int fd = 0; fd <= 2; fd++)
        if (fcntl(fd, F_GETFD) == -1 && errno == EBADF)
            if (open("/dev/null", fd == 0 ? O_RDONLY : O_RDWR) != fd)
                abort();
}

int cli_main(const struct command *root, int argc, char **argv)
{
    open_standard_descriptors();
    int status = cli_run(root, argc, argv, stdout, stderr);
    /* Network file systems report a full disk only here. */
    if (fclose(stdout) != 0 && status == 0) {
        (void)fprintf(stderr, "%s: %s\n", root->name, message_text("cannot write the output"));
        status = error_exit_status(ERR_IO);
    }
    return status;
}

int cli_confirm(struct cli *cli, struct error *err, const char *format, ...)
{
    char answer[16];
    va_list args;

    if (cli->yes || cli->dry_run)
        return 0;
    if (isatty(STDIN_FILENO) != 1 || isatty(fileno(cli->err)) != 1) {
        error_set(err, ERR_USAGE, "this destroys something and needs --yes");
        return error_hint(err, "look with --dry-run where there is one, then give --yes");
    }
    va_start(args, format);
    (void)vfprintf(cli->err, message_text(format), args);
    va_end(args);
    (void)fputs(" [y/N] ", cli->err);
    (void)fflush(cli->err);
    if (!fgets(answer, sizeof(answer), stdin))
        return error_set(err, ERR_USAGE, "no answer: needs --yes");
    if (strcmp(answer, "y\n") == 0 || strcmp(answer, "yes\n") == 0 || strcmp(answer, "Y\n") == 0)
        return 0;
    return error_set(err, ERR_FAILED, "not confirmed, nothing was changed");
}

void cli_summary(struct cli *cli, const char *format, ...)
{
    AUTO_STRBUF struct strbuf text = {0};
    va_list args;

    if (cli->quiet)
        return;
    strbuf_init(&text, 0);
    va_start(args, format);
    strbuf_addv(&text, message_text(format), args);
    va_end(args);
    (void)fflush(cli->out); /* the last line, also where both go to one terminal */
    print_safe(cli->err, "", text.data);
}
