/* cmd/schedule_systemd.c - jobs as systemd user timers. */
#include "core/fileio.h"
#include "platform/dev/process.h"
#include "schedule.h"
#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

static const char *what(const struct job *job)
{
    return job->is_pipeline ? "the nightly run" : job->command;
}

static const char *service_text(struct cli *cli, const struct job *job)
{
    struct strbuf out AUTO_STRBUF;
    strbuf_init(&out, 0);
    strbuf_addf(&out,
                "# written by 'diner schedule install'\n"
                "[Unit]\n"
                "Description=diner: %s\n"
                "\n"
                "[Service]\n"
                "Type=oneshot\n"
                "Environment=PATH=" JOB_PATH "\n",
                what(job));
    if (job->config)
        strbuf_addf(&out, "Environment=%s\n", unit_quoted(cli, "DINER_CONFIG=", job->config));
    if (job->directory)
        strbuf_addf(&out, "WorkingDirectory=%s\n", job->directory);
    strbuf_addf(&out, "ExecStart=%s %s\n", unit_quoted(cli, "", job->program), job->command);
    return arena_strdup(cli->arena, out.data);
}

static const char *timer_text(struct cli *cli, const struct job *job)
{
    if (job->every_min > 0)
        return arena_printf(cli->arena,
                            "# written by 'diner schedule install'\n"
                            "[Unit]\n"
                            "Description=diner: %s, every %d min\n"
                            "\n"
                            "[Timer]\n"
                            "OnActiveSec=1min\n"
                            "OnUnitActiveSec=%dmin\n"
                            "\n"
                            "[Install]\n"
                            "WantedBy=timers.target\n",
                            job->command, (int)job->every_min, (int)job->every_min);
    return arena_printf(cli->arena,
                        "# written by 'diner schedule install'\n"
                        "[Unit]\n"
                        "Description=diner: %s, at %s %s\n"
                        "\n"
                        "[Timer]\n"
                        "OnCalendar=*-*-* %s:00 %s\n"
                        "Persistent=true\n"
                        "\n"
                        "[Install]\n"
                        "WantedBy=timers.target\n",
                        what(job), schedule_hhmm(cli, job->at_s), job->zone,
                        schedule_hhmm(cli, job->at_s), job->zone);
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
    schedule_print_lines(cli, sign, now.data, now.len);
}

int systemd_install(struct cli *cli, const struct job *job, bool *ret_changed, struct error *err)
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
        schedule_print_lines(cli, '+', texts[i], strlen(texts[i]));
    }
    if (cli->dry_run)
        return 0;
    TRY(systemctl("daemon-reload", NULL, NULL, err));
    return systemctl("enable", "--now", u.timer_name, err);
}

int systemd_remove(struct cli *cli, const struct job *job, bool *ret_changed, struct error *err)
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

int systemd_is_installed(struct cli *cli, const struct job *job, bool *ret, struct error *err)
{
    struct units u = {"", "", "", ""};
    TRY(units_init(cli, job, &u, err));
    *ret = access(u.timer, F_OK) == 0;
    return 0;
}
