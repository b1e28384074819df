/* cmd/commands.h - the groups of the command tree, one file each; main.c lists them. */
#ifndef DINER_CMD_COMMANDS_H
#define DINER_CMD_COMMANDS_H

#include "cli/command.h"
#include "db/migrate.h"
#include "net/connector.h"

extern const struct command command_run;            /* cmd/run.c */
extern const struct command command_pipeline;       /* cmd/pipeline.c */
extern const struct command command_pipeline_guess; /* cmd/pipeline_guess.c */
extern const struct command command_pipeline_test;  /* cmd/pipeline_test.c */
extern const struct command command_runs;           /* cmd/runs.c */
extern const struct command command_rejects;        /* cmd/rejects.c */
extern const struct command command_state;          /* cmd/state.c */
extern const struct command command_connector;      /* cmd/connector.c */
extern const struct command command_orders;         /* cmd/orders.c */
extern const struct command command_stock;          /* cmd/stock.c */
extern const struct command command_payments;       /* cmd/payments.c */
extern const struct command command_campaigns;      /* cmd/campaigns.c */
extern const struct command command_members;        /* cmd/members.c */
extern const struct command command_notify;         /* cmd/notify.c */
extern const struct command command_perf_report;    /* cmd/perf_report.c */
extern const struct command command_serve;          /* cmd/serve.c */
extern const struct command command_worker;         /* cmd/worker.c */
extern const struct command command_dev;            /* cmd/dev.c */
extern const struct command command_db;             /* cmd/db.c */
extern const struct command command_config;         /* cmd/config.c */
extern const struct command command_doctor;         /* cmd/doctor.c */
extern const struct command command_schedule;       /* cmd/schedule.c */
extern const struct command command_completion;     /* cmd/completion.c */
extern const struct command command_complete;       /* cmd/completion.c, hidden: names for shells */
extern const struct command command_docs;           /* cmd/docs.c, hidden: generated documents */
extern const struct command command_handover;       /* cmd/handover.c */

/* What is compiled in: connectors and migrations (cmd/builtin.c). */
extern const struct connector_builtin builtin_connectors[];
extern const struct migration_set builtin_migrations[];
extern const size_t builtin_migrations_count;

#endif
