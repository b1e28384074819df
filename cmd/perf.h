/* cmd/perf.h - what the commands of perf-report share. */
#ifndef DINER_CMD_PERF_H
#define DINER_CMD_PERF_H

#include "cli/command.h"
#include "perf/config.h"
#include "perf/study.h"
#include "perf/study_compare.h"
#include "perf/study_gate.h"

extern const struct command command_perf_snapshot;  /* cmd/perf_measure.c */
extern const struct command command_perf_load;      /* cmd/perf_measure.c */
extern const struct command command_perf_attribute; /* cmd/perf_measure.c */
extern const struct command command_perf_diagnose;  /* cmd/perf_judge.c */
extern const struct command command_perf_compare;   /* cmd/perf_judge.c */
extern const struct command command_perf_gate;      /* cmd/perf_judge.c */
extern const struct command command_perf_render;    /* cmd/perf_render.c */
extern const struct command command_perf_lint;      /* cmd/perf_common.c */

/* A name of a connection, a reference, or a DSN without a password; freed with secret_free. */
int perf_resolve_dsn(struct cli *cli, const char *text, char **ret, struct error *err);
/* A perf.yaml whose mistakes, all of them, are told on stderr. */
int perf_read_config(struct cli *cli, const char *path, struct perf_config *ret, struct error *err);
/* A study, or a result of wrk, hey, k6, vegeta or an older report as one. */
int perf_read_study(struct cli *cli, const char *path, struct perf_study *ret, struct error *err);
/* To the file, or to stdout when it is NULL. */
int perf_write_study(struct cli *cli, const struct perf_study *s, const char *path,
                     struct error *err);
int perf_write_text(struct cli *cli, const struct strbuf *text, const char *path,
                    struct error *err);
/* Adds findings; db may be NULL. */
int perf_find_causes(struct cli *cli, struct perf_study *s, const char *db, int64_t target_p95_ms,
                     struct error *err);
/* What holds where nobody wrote rules; error_rate in millionths; rps 0: no target. */
struct perf_limits {
    int64_t p95_ms, mean_ms, database_ms, error_rate, rps;
};
/* Those that were given as --target-... count as asked for, the others as defaults. */
int perf_add_limits(struct cli *cli, const struct perf_limits *limits, struct study_rules *rules,
                    struct error *err);
/* Targets of a configuration (NULL: none), then of the command line, then those of the settings. */
int perf_rules(struct cli *cli, const struct perf_config *c, const struct field_strings *targets,
               struct study_rules *ret, struct error *err);

/* A study held against its rules and, where there is one, against the study before. */
struct perf_judgement {
    const struct perf_study *after, *before; /* before: or NULL */
    struct study_rules rules;
    int64_t min_change;                      /* millionths */
    const struct study_comparison *compared; /* NULL without before; this and gate are the result */
    struct study_comparison comparison;
    struct study_gate gate;
};
/* The rules of a perf.yaml (NULL: none) and of the command line. */
int perf_read_rules(struct cli *cli, const char *config, const struct field_strings *targets,
                    struct study_rules *ret, struct error *err);
void perf_compare_rule(int64_t min_change, struct study_compare_rule *ret);
int perf_judge(struct cli *cli, struct perf_judgement *j, struct error *err);

#endif
