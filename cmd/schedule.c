/* cmd/schedule.c - diner schedule show|install|remove: the nightly job in the user's crontab or as
 * a systemd user timer. */
#include "cli/table.h"
#include "commands.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "pipeline/spec.h"
#include "platform/dev/crontab.h"
#include "platform/dev/process.h"
#include "shell.h"
#include <errno.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CRONTAB_MAX_BYTES ((size_t)1 << 20)
#define JOB_PATH          "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct schedule_args {
    bool crontab, systemd;
};
static const struct field fields[] = {
    {.name = "crontab",
     .type = FIELD_BOOL,
     .offset = offsetof(struct schedule_args, crontab),
     .help = "in the user's crontab (the default)"},
    {.name = "systemd",
     .type = FIELD_BOOL,
     .offset = offsetof(struct schedule_args, systemd),
     .help = "as systemd user timers"},
    {0},
};
static const struct field_set args_set = {
    .name = "schedule",
    .help = "Where the jobs are scheduled",
    .struct_size = sizeof(struct schedule_args),
    .fields = fields,
};

/* ---- the job ----------------------------------------------------------------------------------
 */

/* What is scheduled, worked out once from where we are now. */
struct job {
    const char *name;
    const char *zone;      /* of the business */
    int32_t at_s;          /* after midnight there */
    int32_t here_s;        /* after midnight by this machine's clock */
    const char *program;   /* absolute */
    const char *config;    /* absolute; NULL: none */
    const char *directory; /* where relative paths of the configuration start; NULL: nowhere */
    const char *log;
};

static const char *real(struct cli *cli, const char *path)
{
    char absolute[PATH_MAX];
    return path && realpath(path, absolute) ? arena_strdup(cli->arena, absolute) : path;
}

/* cron knows only the machine's clock: the same instant today. */
static int local_time_of_day(const struct job *job, int32_t *ret, struct error *err)
{
    const struct zone *zone;
    time_t now = (time_t)(clock_wall_us() / 1000000);
    struct tm here;
    TRY(zone_load(job->zone, &zone, err));
    localtime_r(&now, &here);
    int64_t shift = here.tm_gmtoff - zone_offset_s(zone, clock_wall_us());
    *ret = (int32_t)(((job->at_s + shift) % 86400 + 86400) % 86400);
    return 0;
}

static const char *current_directory(struct cli *cli)
{
    char path[PATH_MAX];
    return getcwd(path, sizeof path) ? arena_strdup(cli->arena, path) : "/";
}

static int job_init(struct cli *cli, struct job *job, struct error *err)
{
    const struct settings *s = config_settings(cli->config);
    *job = (struct job){.name = "nightly", .zone = s->timezone};
    if (time_of_day_parse(s->schedule_nightly, &job->at_s, err) != 0)
        return error_context(err, "schedule.nightly");
    TRY(local_time_of_day(job, &job->here_s, err));
    job->program = real(cli, "/proc/self/exe");
    job->config = real(cli, config_file(cli->config));
    const char *state = *s->state_dir == '/' ? s->state_dir
                                             : arena_printf(cli->arena, "%s/%s",
                                                            current_directory(cli), s->state_dir);
    job->log = arena_printf(cli->arena, "%s/%s.log", state, job->name);
    return 0;
}

/* Jobs start in another directory than this one: what is relative here must stay findable. */
static int job_find_pipeline(struct cli *cli, struct job *job, struct error *err)
{
    const char *path;
    if (pipeline_find(job->name, cli->config, cli->arena, &path, err) != 0)
        return error_context(err, "nothing to schedule");
    if (*path != '/')
        job->directory = current_directory(cli);
    return 0;
}

static const char *hhmm(struct cli *cli, int32_t seconds)
{
    return arena_printf(cli->arena, "%02d:%02d", seconds / 3600, seconds / 60 % 60);
}

/* ---- crontab ----------------------------------------------------------------------------------
 */

static const char *crontab_lines(struct cli *cli, const struct job *job)
{
    struct arena *a = cli->arena;
    struct strbuf command AUTO_STRBUF;
    struct strbuf lines AUTO_STRBUF;
    strbuf_init(&command, 0);
    strbuf_init(&lines, 0);
    if (job->directory)
        strbuf_addf(&command, "cd %s && ", shell_quoted(a, job->directory));
    strbuf_adds(&command, "PATH=" JOB_PATH " ");
    if (job->config)
        strbuf_addf(&command, "DINER_CONFIG=%s ", shell_quoted(a, job->config));
    strbuf_addf(&command, "%s run %s >>%s 2>&1", shell_quoted(a, job->program), job->name,
                shell_quoted(a, job->log));
    strbuf_addf(&lines, "# written by 'diner schedule install'; %s at %s %s is %s here\n",
                job->name, hhmm(cli, job->at_s), job->zone, hhmm(cli, job->here_s));
    strbuf_addf(&lines, "%d %d * * * ", job->here_s / 60 % 60, job->here_s / 3600);
    crontab_escape(command.data, &lines);
    strbuf_addch(&lines, '\n');
    return arena_strdup(a, lines.data);
}

/* Having no crontab yet is an empty one. out is an empty buffer with its maximum. */
static int crontab_read(struct strbuf *out, struct error *err)
{
    static const char *const argv[] = {"crontab", "-l", NULL};
    struct strbuf errors AUTO_STRBUF;
    int status;
    strbuf_init(&errors, 64 << 10);
    int code =
        process_run(&(struct process_options){.argv = argv, .errors = &errors}, out, &status, err);
    if (code == 0)
        return out->overflow ? error_set(err, ERR_LIMIT, "the crontab is too large") : 0;
    if (status == 1 && strstr(errors.data, "no crontab for")) {
        strbuf_clear(out);
        return 0;
    }
    return status < 0 ? error_hint(err, "install the package cron, or use --systemd") : code;
}

/* crontab(1) puts the new text in place whole or not at all; it is read back to be sure. */
static int crontab_write(const struct strbuf *text, struct error *err)
{
    static const char *const argv[] = {"crontab", "-", NULL};
    struct strbuf output AUTO_STRBUF;
    struct strbuf now AUTO_STRBUF;
    strbuf_init(&output, 64 << 10);
    strbuf_init(&now, CRONTAB_MAX_BYTES);
    struct process_options options = {.argv = argv, .input = {text->data, text->len}};
    TRY(process_run(&options, &output, NULL, err));
    TRY(crontab_read(&now, err));
    if (now.len != text->len || memcmp(now.data, text->data, now.len) != 0)
        return error_set(err, ERR_FAILED, "the crontab is not what was written to it");
    return 0;
}

/* Each line of a text with - or + before it. */
static void print_lines(struct cli *cli, char sign, const char *text, size_t n)
{
    while (n > 0) {
        const char *newline = memchr(text, '\n', n);
        size_t line = newline ? (size_t)(newline - text) : n;
        (void)fprintf(cli->out, "%c%.*s\n", sign, (int)line, text);
        line += newline != NULL;
        text += line;
        n -= line;
    }
}

/* lines NULL: take the block out. *ret_changed: it was not so already. */
static int crontab_apply(struct cli *cli, const char *lines, bool *ret_changed, struct error *err)
{
    struct strbuf before AUTO_STRBUF;
    struct strbuf after AUTO_STRBUF;
    struct span old;
    strbuf_init(&before, CRONTAB_MAX_BYTES);
    strbuf_init(&after, CRONTAB_MAX_BYTES);
    TRY(crontab_read(&before, err));
    TRY(crontab_replace(before.data, lines, &after, err));
    *ret_changed = strcmp(before.data, after.data) != 0;
    if (!*ret_changed)
        return 0;
    if (!cli->dry_run)
        return crontab_write(&after, err);
    TRY(crontab_find(before.data, &old, err));
    print_lines(cli, '-', old.ptr ? old.ptr : "", old.len);
    TRY(crontab_find(after.data, &old, err));
    print_lines(cli, '+', old.ptr ? old.ptr : "", old.len);
    return 0;
}

static bool crontab_is_installed(void)
{
    struct strbuf text AUTO_STRBUF;
    struct span block = {0};
    struct error ignored = ERROR_INIT;
    strbuf_init(&text, CRONTAB_MAX_BYTES);
    return crontab_read(&text, &ignored) == 0 && crontab_find(text.data, &block, &ignored) == 0 &&
           block.ptr;
}

/* ---- systemd ----------------------------------------------------------------------------------
 */

struct units {
    const char *directory, *service, *timer, *timer_name;
};

static int units_init(struct cli *cli, const struct job *job, struct units *ret, struct error *err)
{
    struct arena *a = cli->arena;
    const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
    const struct passwd *who = getpwuid(geteuid());
    if (!home || !*home)
        home = who ? who->pw_dir : NULL;
    if (!home && !(xdg && *xdg == '/'))
        return error_set(err, ERR_CONFIG, "this user has no home directory for systemd's units");
    ret->directory = xdg && *xdg == '/' ? arena_printf(a, "%s/systemd/user", xdg)
                                        : arena_printf(a, "%s/.config/systemd/user", home);
    ret->service = arena_printf(a, "%s/diner-%s.service", ret->directory, job->name);
    ret->timer = arena_printf(a, "%s/diner-%s.timer", ret->directory, job->name);
    ret->timer_name = arena_printf(a, "diner-%s.timer", job->name);
    return 0;
}

/* In double quotes, with % doubled: a word of a unit file. */
static const char *unit_quoted(struct cli *cli, const char *before, const char *text)
{
    struct strbuf out AUTO_STRBUF;
    strbuf_init(&out, 0);
    strbuf_addf(&out, "\"%s", before);
    for (; *text; text++) {
        if (*text == '%')
            strbuf_addch(&out, '%');
        if (*text == '"' || *text == '\\')
            strbuf_addch(&out, '\\');
        strbuf_addch(&out, *text);
    }
    strbuf_addch(&out, '"');
    return arena_strdup(cli->arena, out.data);
}

static const char *service_text(struct cli *cli, const struct job *job)
{
    struct strbuf out AUTO_STRBUF;
    strbuf_init(&out, 0);
    strbuf_addf(&out,
                "# written by 'diner schedule install'\n"
                "[Unit]\n"
                "Description=diner: the %s run\n"
                "\n"
                "[Service]\n"
                "Type=oneshot\n"
                "Environment=PATH=" JOB_PATH "\n",
                job->name);
    if (job->config)
        strbuf_addf(&out, "Environment=%s\n", unit_quoted(cli, "DINER_CONFIG=", job->config));
    if (job->directory)
        strbuf_addf(&out, "WorkingDirectory=%s\n", job->directory);
    strbuf_addf(&out, "ExecStart=%s run %s\n", unit_quoted(cli, "", job->program), job->name);
    return arena_strdup(cli->arena, out.data);
}

static const char *timer_text(struct cli *cli, const struct job *job)
{
    return arena_printf(cli->arena,
                        "# written by 'diner schedule install'\n"
                        "[Unit]\n"
                        "Description=diner: the %s run, at %s %s\n"
                        "\n"
                        "[Timer]\n"
                        "OnCalendar=*-*-* %s:00 %s\n"
                        "Persistent=true\n"
                        "\n"
                        "[Install]\n"
                        "WantedBy=timers.target\n",
                        job->name, hhmm(cli, job->at_s), job->zone, hhmm(cli, job->at_s),
                        job->zone);
}

static int systemctl(const char *verb, const char *option, const char *unit, struct error *err)
{
    const char *argv[6] = {"systemctl", "--user", verb};
    size_t n = 3;
    struct strbuf output AUTO_STRBUF;
    strbuf_init(&output, 64 << 10);
    if (option)
        argv[n++] = option;
    if (unit)
        argv[n++] = unit;
    if (process_run(&(struct process_options){.argv = argv}, &output, NULL, err) == 0)
        return 0;
    return error_hint(err, "the units are written; a user's systemd must run for them: "
                           "'loginctl enable-linger', then 'systemctl --user enable --now'");
}

static int write_file(const char *path, const char *text, struct error *err)
{
    struct atomic_file *f = NULL;
    TRY(atomic_file_open(path, &f, err));
    int code = atomic_file_write(f, text, strlen(text), err);
    if (code == 0)
        return atomic_file_commit(f, err);
    atomic_file_discard(f);
    return code;
}

static bool has_text(const char *path, const char *text)
{
    struct strbuf now AUTO_STRBUF;
    struct error ignored = ERROR_INIT;
    strbuf_init(&now, 0);
    return file_read(path, CRONTAB_MAX_BYTES, &now, &ignored) == 0 && strcmp(now.data, text) == 0;
}

static void print_file(struct cli *cli, char sign, const char *path)
{
    struct strbuf now AUTO_STRBUF;
    struct error ignored = ERROR_INIT;
    strbuf_init(&now, 0);
    if (file_read(path, CRONTAB_MAX_BYTES, &now, &ignored) != 0)
        return;
    (void)fprintf(cli->out, "%c%c%c %s\n", sign, sign, sign, path);
    print_lines(cli, sign, now.data, now.len);
}

static int systemd_install(struct cli *cli, const struct job *job, bool *ret_changed,
                           struct error *err)
{
    struct units u = {"", "", "", ""};
    TRY(units_init(cli, job, &u, err));
    const char *paths[] = {u.service, u.timer};
    const char *texts[] = {service_text(cli, job), timer_text(cli, job)};
    *ret_changed = !has_text(paths[0], texts[0]) || !has_text(paths[1], texts[1]);
    for (size_t i = 0; i < 2 && *ret_changed; i++) {
        if (!cli->dry_run) {
            TRY(directory_make(u.directory, err));
            TRY(write_file(paths[i], texts[i], err));
            continue;
        }
        print_file(cli, '-', paths[i]);
        (void)fprintf(cli->out, "+++ %s\n", paths[i]);
        print_lines(cli, '+', texts[i], strlen(texts[i]));
    }
    if (cli->dry_run)
        return 0;
    TRY(systemctl("daemon-reload", NULL, NULL, err));
    return systemctl("enable", "--now", u.timer_name, err);
}

static int systemd_remove(struct cli *cli, const struct job *job, bool *ret_changed,
                          struct error *err)
{
    struct units u = {"", "", "", ""};
    struct error ignored = ERROR_INIT;
    TRY(units_init(cli, job, &u, err));
    *ret_changed = access(u.timer, F_OK) == 0 || access(u.service, F_OK) == 0;
    if (!*ret_changed)
        return 0;
    if (cli->dry_run) {
        print_file(cli, '-', u.service);
        print_file(cli, '-', u.timer);
        return 0;
    }
    /* Without a running systemd there is nothing to disable. */
    (void)systemctl("disable", "--now", u.timer_name, &ignored);
    if ((unlink(u.timer) != 0 && errno != ENOENT) || (unlink(u.service) != 0 && errno != ENOENT))
        return error_set_errno(err, ERR_IO, errno, "cannot remove the units in '%s'", u.directory);
    (void)systemctl("daemon-reload", NULL, NULL, &ignored);
    return 0;
}

/* ---- the commands -----------------------------------------------------------------------------
 */

static void report(struct cli *cli, const char *verb, const char *where, bool changed,
                   const char *done)
{
    cli_summary(cli, "schedule %s: %s %s", verb, where,
                !changed       ? "is so already"
                : cli->dry_run ? "would be changed"
                               : done);
}

/* What the environment gives us, cron will not. */
static void warn_environment(struct cli *cli)
{
    static const char *const names[] = {"connections.warehouse", "platform.url", "platform.user",
                                        "platform.password"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *origin = config_origin(cli->config, names[i]);
        if (origin && strncmp(origin, "env ", 4) == 0)
            cli_summary(cli, "warning: '%s' comes from %s, which a scheduled job will not have",
                        names[i], origin);
    }
}

static int run_install(struct cli *cli, const void *args, struct error *err)
{
    const struct schedule_args *a = args;
    struct job job;
    bool changed = false;
    TRY(job_init(cli, &job, err));
    TRY(job_find_pipeline(cli, &job, err));
    warn_environment(cli);
    if (!cli->dry_run) {
        const char *slash = strrchr(job.log, '/');
        TRY(directory_make(arena_strndup(cli->arena, job.log, (size_t)(slash - job.log)), err));
    }
    if (a->crontab || !a->systemd) {
        TRY(crontab_apply(cli, crontab_lines(cli, &job), &changed, err));
        report(cli, "install", "crontab", changed, "installed");
    }
    if (a->systemd) {
        TRY(systemd_install(cli, &job, &changed, err));
        report(cli, "install", "systemd", changed, "installed");
    }
    return 0;
}

static int run_remove(struct cli *cli, const void *args, struct error *err)
{
    const struct schedule_args *a = args;
    struct job job;
    bool changed = false;
    TRY(job_init(cli, &job, err));
    if (a->crontab || !a->systemd) {
        TRY(crontab_apply(cli, NULL, &changed, err));
        report(cli, "remove", "crontab", changed, "removed");
    }
    if (a->systemd) {
        TRY(systemd_remove(cli, &job, &changed, err));
        report(cli, "remove", "systemd", changed, "removed");
    }
    return 0;
}

static int run_show(struct cli *cli, const void *args, struct error *err)
{
    static const struct table_column columns[] = {{"job", TABLE_TEXT},
                                                  {"at", TABLE_TEXT},
                                                  {"timezone", TABLE_TEXT},
                                                  {"at_here", TABLE_TEXT},
                                                  {"crontab", TABLE_BOOL},
                                                  {"systemd", TABLE_BOOL},
                                                  {0}};
    (void)args;
    struct job job;
    struct units u = {"", "", "", ""};
    TRY(job_init(cli, &job, err));
    TRY(units_init(cli, &job, &u, err));
    const char *const row[] = {job.name,
                               hhmm(cli, job.at_s),
                               job.zone,
                               hhmm(cli, job.here_s),
                               crontab_is_installed() ? "true" : "false",
                               access(u.timer, F_OK) == 0 ? "true" : "false"};
    struct table *table = table_new(cli, columns);
    table_row(table, row);
    return table_end(table, NULL, err);
}

static const struct command_example show_examples[] = {
    {"diner schedule show", "what runs when, and whether it is installed"},
    {0},
};
static const struct command command_show = {
    .name = "show",
    .summary = "show what runs when, and whether it is installed",
    .examples = show_examples,
    .flags = CLI_OUTPUT,
    .run = run_show,
};
static const struct command_example install_examples[] = {
    {"diner schedule install --dry-run", "show the lines that would be put into the crontab"},
    {"diner schedule install --systemd --dry-run", "show the units instead"},
    {0},
};
static const struct command command_install = {
    .name = "install",
    .summary = "schedule the nightly run: crontab or systemd user timer",
    .description =
        "Puts the job into the user's crontab between two marker lines, and touches no other line; "
        "or writes a systemd user service and timer. The line says everything the job needs: the "
        "path of diner, PATH, DINER_CONFIG and where its output goes. The time is schedule.nightly "
        "in the business's time zone.",
    .args = &args_set,
    .examples = install_examples,
    .flags = CLI_DRY_RUN,
    .run = run_install,
};
static const struct command_example remove_examples[] = {
    {"diner schedule remove --dry-run", "show what would be taken out"},
    {0},
};
static const struct command command_remove = {
    .name = "remove",
    .summary = "take the schedule out again",
    .args = &args_set,
    .examples = remove_examples,
    .flags = CLI_DRY_RUN,
    .run = run_remove,
};
static const struct command *const children[] = {&command_show, &command_install, &command_remove,
                                                 NULL};
const struct command command_schedule = {
    .name = "schedule",
    .summary = "run the nightly job by cron or systemd",
    .children = children,
};
