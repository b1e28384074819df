/* cmd/schedule.c - diner schedule show|install|remove: the jobs in the user's crontab or as systemd
 * user timers. */
#include "schedule.h"
#include "cli/table.h"
#include "commands.h"
#include "core/clock.h"
#include "core/datetime.h"
#include "core/fileio.h"
#include "core/message.h"
#include "pipeline/spec.h"
#include "platform/dev/crontab.h"
#include "platform/dev/process.h"
#include "shell.h"
#include <errno.h>
#include <glob.h>
#include <limits.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct schedule_args {
    bool crontab, systemd, platform;
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
    {.name = "platform",
     .type = FIELD_BOOL,
     .offset = offsetof(struct schedule_args, platform),
     .help = "also what the reference platform needs: auto-cancel, settle, points, tiers, notify"},
    {0},
};
static const struct field_set args_set = {
    .name = "schedule",
    .help = "Where the jobs are scheduled",
    .struct_size = sizeof(struct schedule_args),
    .fields = fields,
};

/* ---- the jobs ---------------------------------------------------------------------------------
 */

#define DAILY(setting, member) setting, offsetof(struct settings, member), false
#define EVERY(setting, member) setting, offsetof(struct settings, member), true

static bool has_bills(const struct settings *s)
{
    return s->payments_wechat_mch_id != NULL || s->payments_alipay_app_id != NULL;
}

static bool has_channel(const struct settings *s)
{
    return s->notify_smtp_url != NULL || s->notify_webhook_url != NULL ||
           s->notify_sms_key != NULL || s->notify_dingtalk_url != NULL ||
           s->notify_wecom_url != NULL || s->notify_feishu_url != NULL ||
           s->notify_slack_url != NULL || s->notify_rabbitmq_url != NULL;
}

static const struct declared_job {
    const char *name, *command, *setting;
    size_t offset;                              /* of the setting: "HH:MM", or how often in ms */
    bool is_repeated;                           /* every so often; else daily */
    bool is_platform;                           /* needs its database; else it is a pipeline */
    bool (*has_work)(const struct settings *s); /* or NULL: always */
} declared[] = {
    {"nightly", "run nightly", DAILY("schedule.nightly", schedule_nightly), false, NULL},
    {"auto-cancel", "orders auto-cancel", EVERY("schedule.cancel_every", schedule_cancel_every_ms),
     true, NULL},
    {"settle", "orders settle", EVERY("schedule.cancel_every", schedule_cancel_every_ms), true,
     NULL},
    {"points", "members points expire", DAILY("schedule.nightly", schedule_nightly), true, NULL},
    {"tiers", "members tiers evaluate", DAILY("schedule.nightly", schedule_nightly), true, NULL},
    {"notify", "notify deliver", EVERY("schedule.notify_every", schedule_notify_every_ms), true,
     has_channel},
    {"bills", "payments bill fetch", DAILY("schedule.bills", schedule_bills), true, has_bills},
    {"reconcile", "payments reconcile --date yesterday",
     DAILY("schedule.reconcile", schedule_reconcile), true, has_bills},
};
#define JOB_COUNT (sizeof declared / sizeof *declared)

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

static int job_init(struct cli *cli, const struct declared_job *d, struct job *job,
                    struct error *err)
{
    const struct settings *s = config_settings(cli->config);
    const void *setting = (const char *)s + d->offset;
    *job = (struct job){.name = d->name,
                        .command = d->command,
                        .setting = d->setting,
                        .is_pipeline = !d->is_platform,
                        .zone = s->timezone};
    if (d->is_repeated)
        job->every_min = (*(const int64_t *)setting + 59999) / 60000;
    else if (time_of_day_parse(*(const char *const *)setting, &job->at_s, err) != 0)
        return error_context(err, "%s", d->setting);
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
    if (!job->is_pipeline)
        return 0;
    if (pipeline_find(job->name, cli->config, cli->arena, &path, err) != 0)
        return error_context(err, "nothing to schedule");
    if (*path != '/')
        job->directory = current_directory(cli);
    return 0;
}

static bool is_wanted(struct cli *cli, const struct declared_job *d, bool with_platform)
{
    return (with_platform || !d->is_platform) &&
           (d->has_work == NULL || d->has_work(config_settings(cli->config)));
}

/* All of them, or those that are to be installed: *ret_count is how many. */
static int jobs_init(struct cli *cli, const struct schedule_args *installing,
                     struct job jobs[JOB_COUNT], size_t *ret_count, struct error *err)
{
    *ret_count = 0;
    for (size_t i = 0; i < JOB_COUNT; i++)
        if (installing == NULL || is_wanted(cli, &declared[i], installing->platform))
            TRY(job_init(cli, &declared[i], &jobs[(*ret_count)++], err));
    return 0;
}

const char *schedule_hhmm(struct cli *cli, int32_t seconds)
{
    return arena_printf(cli->arena, "%02d:%02d", seconds / 3600, seconds / 60 % 60);
}

/* ---- crontab ----------------------------------------------------------------------------------
 */

/* "15 21 * * *", or every N minutes: cron's minutes begin anew each hour. */
static int crontab_time(struct cli *cli, const struct job *job, const char **ret, struct error *err)
{
    int64_t n = job->every_min;
    if (n == 0)
        *ret = arena_printf(cli->arena, "%d %d * * *", job->here_s / 60 % 60, job->here_s / 3600);
    else if (n < 60 && 60 % n == 0)
        *ret = arena_printf(cli->arena, "*/%d * * * *", (int)n);
    else if (n % 60 == 0 && n < 1440 && 1440 % n == 0)
        *ret = arena_printf(cli->arena, "0 */%d * * *", (int)(n / 60));
    else {
        error_set(err, ERR_CONFIG, "%s: cron cannot run something every %d min", job->setting,
                  (int)n);
        return error_hint(err, "1, 2, 3, 4, 5, 6, 10, 12, 15, 20 or 30 minutes; or --systemd");
    }
    return 0;
}

static int add_crontab_lines(struct cli *cli, const struct job *job, struct strbuf *lines,
                             struct error *err)
{
    struct arena *a = cli->arena;
    const char *when = "";
    struct strbuf command AUTO_STRBUF;
    TRY(crontab_time(cli, job, &when, err));
    strbuf_init(&command, 0);
    if (job->directory)
        strbuf_addf(&command, "cd %s && ", shell_quoted(a, job->directory));
    strbuf_adds(&command, "PATH=" JOB_PATH " ");
    if (job->config)
        strbuf_addf(&command, "DINER_CONFIG=%s ", shell_quoted(a, job->config));
    strbuf_addf(&command, "%s %s >>%s 2>&1", shell_quoted(a, job->program), job->command,
                shell_quoted(a, job->log));
    if (job->every_min == 0)
        strbuf_addf(lines, "# written by 'diner schedule install'; %s at %s %s is %s here\n",
                    job->name, schedule_hhmm(cli, job->at_s), job->zone,
                    schedule_hhmm(cli, job->here_s));
    strbuf_addf(lines, "%s ", when);
    crontab_escape(command.data, lines);
    strbuf_addch(lines, '\n');
    return 0;
}

static int crontab_lines(struct cli *cli, const struct job *jobs, size_t count, const char **ret,
                         struct error *err)
{
    struct strbuf lines AUTO_STRBUF;
    strbuf_init(&lines, 0);
    for (size_t i = 0; i < count; i++)
        TRY(add_crontab_lines(cli, &jobs[i], &lines, err));
    *ret = arena_strdup(cli->arena, lines.data);
    return 0;
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

void schedule_print_lines(struct cli *cli, char sign, const char *text, size_t n)
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
    schedule_print_lines(cli, '-', old.ptr ? old.ptr : "", old.len);
    TRY(crontab_find(after.data, &old, err));
    schedule_print_lines(cli, '+', old.ptr ? old.ptr : "", old.len);
    return 0;
}

static bool crontab_is_installed(const struct job *job)
{
    struct strbuf text AUTO_STRBUF;
    struct span block = {0};
    struct error ignored = ERROR_INIT;
    strbuf_init(&text, CRONTAB_MAX_BYTES);
    return crontab_read(&text, &ignored) == 0 && crontab_find(text.data, &block, &ignored) == 0 &&
           block.ptr && memmem(block.ptr, block.len, job->command, strlen(job->command));
}

/* By hand, for a user of its own. */
static const char *machine_file_of(struct cli *cli, const struct job *job)
{
    static const char *const places[] = {"/etc/crontab", "/etc/cron.d/*",
                                         "/etc/systemd/system/*.service"};
    const char *found = NULL;
    glob_t files = {0};
    for (size_t i = 0; i < sizeof places / sizeof *places; i++)
        (void)glob(places[i], i > 0 ? GLOB_APPEND : 0, NULL, &files);
    for (size_t i = 0; found == NULL && i < files.gl_pathc; i++) {
        struct strbuf text AUTO_STRBUF;
        struct error ignored = ERROR_INIT;
        strbuf_init(&text, CRONTAB_MAX_BYTES);
        if (file_read(files.gl_pathv[i], CRONTAB_MAX_BYTES, &text, &ignored) == 0 &&
            strstr(text.data, arena_printf(cli->arena, "diner %s", job->command)) != NULL)
            found = arena_strdup(cli->arena, files.gl_pathv[i]);
    }
    globfree(&files);
    return found;
}

const char *schedule_place(struct cli *cli, const char *name)
{
    struct job jobs[JOB_COUNT] = {0};
    size_t count = 0;
    struct error ignored = ERROR_INIT;
    bool has_timer = false;
    if (jobs_init(cli, NULL, jobs, &count, &ignored) != 0)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(jobs[i].name, name) != 0)
            continue;
        if (crontab_is_installed(&jobs[i]))
            return "crontab";
        if (systemd_is_installed(cli, &jobs[i], &has_timer, &ignored) == 0 && has_timer)
            return "systemd";
        return machine_file_of(cli, &jobs[i]);
    }
    return NULL;
}

/* ---- the commands -----------------------------------------------------------------------------
 */

static void report(struct cli *cli, const char *verb, const char *where, bool changed,
                   const char *done)
{
    cli_summary(cli, "schedule %s: %s %s", verb, where,
                !changed       ? message_text("is so already")
                : cli->dry_run ? message_text("would be changed")
                               : message_text(done));
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

static int install_systemd(struct cli *cli, const struct job *jobs, size_t count, struct error *err)
{
    bool changed = false;
    for (size_t i = 0; i < count; i++) {
        bool one = false;
        TRY(systemd_install(cli, &jobs[i], &one, err));
        changed = changed || one;
    }
    report(cli, "install", "systemd", changed, "installed");
    return 0;
}

static int run_install(struct cli *cli, const void *args, struct error *err)
{
    const struct schedule_args *a = args;
    struct job jobs[JOB_COUNT] = {0};
    size_t count = 0;
    const char *lines;
    bool changed = false;
    TRY(jobs_init(cli, a, jobs, &count, err));
    for (size_t i = 0; i < count; i++)
        TRY(job_find_pipeline(cli, &jobs[i], err));
    warn_environment(cli);
    if (!cli->dry_run && count > 0 && jobs[0].log != NULL) {
        const char *slash = strrchr(jobs[0].log, '/');
        TRY(directory_make(arena_strndup(cli->arena, jobs[0].log, (size_t)(slash - jobs[0].log)),
                           err));
    }
    if (a->crontab || !a->systemd) {
        TRY(crontab_lines(cli, jobs, count, &lines, err));
        TRY(crontab_apply(cli, lines, &changed, err));
        report(cli, "install", "crontab", changed, "installed");
    }
    return a->systemd ? install_systemd(cli, jobs, count, err) : 0;
}

static int run_remove(struct cli *cli, const void *args, struct error *err)
{
    const struct schedule_args *a = args;
    struct job jobs[JOB_COUNT] = {0};
    size_t count = 0;
    bool changed = false;
    TRY(jobs_init(cli, NULL, jobs, &count, err));
    if (a->crontab || !a->systemd) {
        TRY(crontab_apply(cli, NULL, &changed, err));
        report(cli, "remove", "crontab", changed, "removed");
    }
    changed = false;
    for (size_t i = 0; a->systemd && i < count; i++) {
        bool one = false;
        TRY(systemd_remove(cli, &jobs[i], &one, err));
        changed = changed || one;
    }
    if (a->systemd)
        report(cli, "remove", "systemd", changed, "removed");
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
    struct job jobs[JOB_COUNT] = {0};
    size_t count = 0;
    (void)args;
    TRY(jobs_init(cli, NULL, jobs, &count, err));
    struct table *table = table_new(cli, columns);
    for (size_t i = 0; i < count; i++) {
        const struct job *job = &jobs[i];
        bool has_timer = false;
        const char *every = arena_printf(cli->arena, "every %d min", (int)job->every_min);
        TRY(systemd_is_installed(cli, job, &has_timer, err));
        table_row(table,
                  (const char *const[]){
                      job->name, job->every_min > 0 ? every : schedule_hhmm(cli, job->at_s),
                      job->zone, job->every_min > 0 ? every : schedule_hhmm(cli, job->here_s),
                      crontab_is_installed(job) ? "true" : "false", has_timer ? "true" : "false"});
    }
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
    {"diner schedule install --platform --dry-run", "also what the reference platform needs"},
    {0},
};
static const struct command command_install = {
    .name = "install",
    .summary = "schedule the jobs: crontab or systemd user timers",
    .description =
        "Puts the job into the user's crontab between two marker lines, and touches no other line; "
        "or writes a systemd user service and timer. The line says everything the job needs: the "
        "path of diner, PATH, DINER_CONFIG and where its output goes. The time is schedule.nightly "
        "in the business's time zone.\n\n"
        "With --platform also what the reference platform needs: `orders auto-cancel` and `orders "
        "settle`, every schedule.cancel_every; each night `members points expire` and `members "
        "tiers evaluate`; where a channel is declared, `notify deliver`, every "
        "schedule.notify_every; where a merchant number is set, `payments bill fetch` at "
        "schedule.bills and `payments reconcile` at schedule.reconcile. They need the platform's "
        "database. What is installed is what was asked for last.",
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
