/* cmd/schedule.h - what schedule.c and schedule_systemd.c share. */
#ifndef DINER_CMD_SCHEDULE_H
#define DINER_CMD_SCHEDULE_H

#include "cli/command.h"

#define JOB_PATH          "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#define CRONTAB_MAX_BYTES ((size_t)1 << 20)

/* What is scheduled, worked out once from where we are now. */
struct job {
    const char *name, *command, *setting; /* when: the setting that says it */
    bool is_pipeline;
    const char *zone;      /* of the business */
    int32_t at_s;          /* after midnight there */
    int32_t here_s;        /* after midnight by this machine's clock */
    int64_t every_min;     /* 0: daily, at that time */
    const char *program;   /* absolute */
    const char *config;    /* absolute; NULL: none */
    const char *directory; /* where relative paths of the configuration start; NULL: nowhere */
    const char *log;
};

/* Where the job runs from: "crontab", "systemd", or the file of the machine's own cron or systemd
 * that has its command; NULL: nowhere that is known. In the arena. */
const char *schedule_place(struct cli *cli, const char *name);

const char *schedule_hhmm(struct cli *cli, int32_t seconds);
/* Each line of a text with - or + before it. */
void schedule_print_lines(struct cli *cli, char sign, const char *text, size_t n);

/* *ret_changed: it was not so already. */
int systemd_install(struct cli *cli, const struct job *job, bool *ret_changed, struct error *err);
int systemd_remove(struct cli *cli, const struct job *job, bool *ret_changed, struct error *err);
int systemd_is_installed(struct cli *cli, const struct job *job, bool *ret, struct error *err);

#endif
