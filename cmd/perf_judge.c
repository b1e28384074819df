/* cmd/perf_judge.c - the phases of perf-report that judge studies: diagnose, compare, gate. */
#include "perf.h"

#include "cli/table.h"
#include "core/secret.h"
#include "perf/diagnose.h"

struct judge_args {
    const char *study, *before, *config;
    struct field_strings targets;
    int64_t min_change;
    bool strict;
};
#define JUDGE(m) .offset = offsetof(struct judge_args, m)

/* ---- diagnose ------------------------------------------------------------------------------- */

struct diagnose_args {
    const char *study, *db, *out_file;
    int64_t target_p95_ms;
};
#define DIAGNOSE(m) .offset = offsetof(struct diagnose_args, m)
static const struct field diagnose_fields[] = {
    {"study", FIELD_STRING, DIAGNOSE(study), "what was measured", .arg = "STUDY",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "file"},
    {"db", FIELD_STRING, DIAGNOSE(db),
     "the study's database, to prove indexes by plans: a connection's name, env:NAME, file:PATH or "
     "a DSN without password",
     .arg = "DSN"},
    {"target-p95", FIELD_DURATION, DIAGNOSE(target_p95_ms), "an endpoint above it is slow",
     .config = "perf.target_p95"},
    {"out-file", FIELD_STRING, DIAGNOSE(out_file), "write the study there instead of to stdout",
     .arg = "FILE", .complete = "file"},
    {0},
};
static const struct field_set diagnose_set = {
    .name = "perf-report-diagnose",
    .help = "What is diagnosed",
    .struct_size = sizeof(struct diagnose_args),
    .fields = diagnose_fields,
};

int perf_find_causes(struct cli *cli, struct perf_study *s, const char *db, int64_t target_p95_ms,
                     struct error *err)
{
    struct perf_diagnose_options options;
    char *dsn = NULL;
    perf_diagnose_options_default(&options);
    options.p95_target_ms = (double)target_p95_ms;
    if (db != NULL)
        TRY(perf_resolve_dsn(cli, db, &dsn, err));
    int code = perf_diagnose(s, dsn, &options, cli->arena, err);
    secret_free(dsn);
    return code;
}

static int run_diagnose(struct cli *cli, const void *bound, struct error *err)
{
    const struct diagnose_args *a = bound;
    struct perf_study s;
    TRY(perf_read_study(cli, a->study, &s, err));
    int code = perf_find_causes(cli, &s, a->db, a->target_p95_ms, err);
    if (code == 0)
        code = perf_write_study(cli, &s, a->out_file, err);
    if (code == 0)
        cli_summary(cli, "diagnosis: %zu finding%s", s.nfindings, s.nfindings == 1 ? "" : "s");
    perf_study_release(&s);
    return code;
}

const struct command command_perf_diagnose = {
    .name = "diagnose",
    .summary = "find why it is slow, and the cure, proved as far as it can be",
    .description =
        "Adds findings to a study: repeated queries, missing pages and indexes, what is cacheable, "
        "what waits for connections, the health of tables and indexes; each with its evidence, the "
        "endpoints it touches, its gain and its cost. With --db indexes are tried as hypothetical "
        "ones (hypopg) in a session that only reads; no statement is run, nothing is created.",
    .args = &diagnose_set,
    .examples =
        (const struct command_example[]){
            {"diner perf-report diagnose study.json --db warehouse --out-file study.json",
             "add what is wrong"},
            {0}},
    .run = run_diagnose,
};

/* ---- compare -------------------------------------------------------------------------------- */

static const struct field compare_fields[] = {
    {"before", FIELD_STRING, JUDGE(before), "the study it is compared with", .arg = "BEFORE",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "file"},
    {"study", FIELD_STRING, JUDGE(study), "the study", .arg = "AFTER",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "file"},
    {"min-change", FIELD_FRACTION, JUDGE(min_change), "smaller changes are called the same",
     .arg = "PERCENT", .def = "10%"},
    {0},
};
static const struct field_set compare_set = {
    .name = "perf-report-compare",
    .help = "Two studies",
    .struct_size = sizeof(struct judge_args),
    .fields = compare_fields,
};

static const char *number_text(struct arena *arena, bool known, double value)
{
    return known ? arena_printf(arena, "%.6g", value) : NULL;
}

static int write_changes(struct cli *cli, const struct perf_study *after,
                         const struct study_comparison *c, struct error *err)
{
    const struct table_column columns[] = {
        {"endpoint", TABLE_TEXT}, {"figure", TABLE_TEXT}, {"before", TABLE_JSON},
        {"after", TABLE_JSON},    {"change", TABLE_TEXT}, {"p", TABLE_JSON},
        {"verdict", TABLE_TEXT},  {"why", TABLE_TEXT},    {NULL, TABLE_TEXT}};
    struct table *t = table_new(cli, columns);
    for (size_t i = 0; i < c->nchanges; i++) {
        const struct study_change *x = &c->changes[i];
        bool known = x->verdict != CHANGE_NOT_COMPARED;
        const char *cells[] = {
            x->endpoint == FIGURE_WHOLE ? "(whole)" : after->endpoints[x->endpoint].name,
            figure_key(x->figure),
            number_text(cli->arena, known, x->before),
            number_text(cli->arena, known, x->after),
            known ? arena_printf(cli->arena, "%+.1f %%", x->relative * 100) : NULL,
            number_text(cli->arena, x->tested, x->p),
            change_verdict_name(x->verdict),
            x->why};
        table_row(t, cells);
    }
    return table_end(t, NULL, err);
}

static int run_compare(struct cli *cli, const void *bound, struct error *err)
{
    const struct judge_args *a = bound;
    struct perf_study before, after;
    struct study_compare_rule rule;
    struct study_comparison c;
    TRY(perf_read_study(cli, a->before, &before, err));
    int code = perf_read_study(cli, a->study, &after, err);
    if (code == 0) {
        code = study_loads_check(&before, &after, err);
        perf_compare_rule(a->min_change, &rule);
        study_compare(&before, &after, &rule, cli->arena, &c);
        if (code == 0)
            code = write_changes(cli, &after, &c, err);
        if (code == 0)
            cli_summary(cli, "comparison: %s", change_verdict_name(c.verdict));
        perf_study_release(&after);
    }
    perf_study_release(&before);
    return code;
}

const struct command command_perf_compare = {
    .name = "compare",
    .summary = "set one study beside another, so that noise is not called a change",
    .description =
        "Times, rates and errors are tested over the rounds (Mann-Whitney U, adjusted over the "
        "endpoints) and must move further than the baseline differs from itself; what a request "
        "costs the database is compared exactly. Tells; `gate` stops.",
    .args = &compare_set,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){
            {"diner perf-report compare before.json after.json", "every figure of both"}, {0}},
    .run = run_compare,
};

/* ---- gate ----------------------------------------------------------------------------------- */

static const struct field gate_fields[] = {
    {"study", FIELD_STRING, JUDGE(study), "the study that is judged", .arg = "STUDY",
     .flags = FIELD_POSITIONAL | FIELD_REQUIRED, .complete = "file"},
    {"config", FIELD_STRING, JUDGE(config), "the targets of this perf.yaml", .arg = "FILE",
     .complete = "file"},
    {"target", FIELD_STRINGS, JUDGE(targets), "what must hold, in k6's words: 'p(95)<200'", 't',
     .arg = "RULE", .flags = FIELD_REPEAT},
    {"baseline", FIELD_STRING, JUDGE(before), "a study it must not be worse than", .arg = "FILE",
     .complete = "file"},
    {"min-change", FIELD_FRACTION, JUDGE(min_change), "smaller changes are called the same",
     .arg = "PERCENT", .def = "10%"},
    {"strict", FIELD_BOOL, JUDGE(strict), "what could not be decided fails too"},
    {0},
};
static const struct field_set gate_set = {
    .name = "perf-report-gate",
    .help = "What is judged, and by what",
    .struct_size = sizeof(struct judge_args),
    .fields = gate_fields,
};

static int write_checks(struct cli *cli, const struct perf_study *s, const struct study_gate *g,
                        struct error *err)
{
    const struct table_column columns[] = {{"state", TABLE_TEXT}, {"endpoint", TABLE_TEXT},
                                           {"rule", TABLE_TEXT},  {"value", TABLE_TEXT},
                                           {"why", TABLE_TEXT},   {"anchor", TABLE_TEXT},
                                           {NULL, TABLE_TEXT}};
    AUTO_STRBUF struct strbuf rule = {0}, value = {0};
    struct table *t = table_new(cli, columns);
    strbuf_init(&rule, 0);
    strbuf_init(&value, 0);
    for (size_t i = 0; i < g->nchecks; i++) {
        const struct study_check *c = &g->checks[i];
        strbuf_clear(&rule);
        strbuf_clear(&value);
        study_check_rule(c, &rule);
        study_check_value(c, &value);
        const char *cells[] = {check_state_name(c->state),
                               c->endpoint == FIGURE_WHOLE ? "(whole)"
                                                           : s->endpoints[c->endpoint].name,
                               arena_strdup(cli->arena, rule.data),
                               arena_strdup(cli->arena, value.data),
                               c->why,
                               c->anchor};
        table_row(t, cells);
    }
    return table_end(t, NULL, err);
}

static int judge(struct cli *cli, const struct judge_args *a, const struct perf_study *s,
                 const struct perf_study *before, struct error *err)
{
    struct perf_judgement j = {.after = s, .before = before, .min_change = a->min_change};
    TRY(perf_read_rules(cli, a->config, &a->targets, &j.rules, err));
    TRY(perf_judge(cli, &j, err));
    TRY(write_checks(cli, s, &j.gate, err));
    return study_gate_result(&j.gate, s, a->strict, err);
}

static int run_gate(struct cli *cli, const void *bound, struct error *err)
{
    const struct judge_args *a = bound;
    struct perf_study s, before;
    perf_study_init(&before);
    TRY(perf_read_study(cli, a->study, &s, err));
    int code = a->before != NULL ? perf_read_study(cli, a->before, &before, err) : 0;
    if (code == 0)
        code = judge(cli, a, &s, a->before != NULL ? &before : NULL, err);
    perf_study_release(&before);
    perf_study_release(&s);
    return code;
}

const struct command command_perf_gate = {
    .name = "gate",
    .summary = "check a study against targets and a baseline; exit 9 when one is missed",
    .description =
        "Exits with 0 when all that was measured is met, with 9 when a check failed; what could "
        "not "
        "be decided passes, unless --strict. Without targets those of the settings hold.",
    .args = &gate_set,
    .flags = CLI_OUTPUT,
    .examples =
        (const struct command_example[]){
            {"diner perf-report gate study.json --target 'p(95)<200' --baseline main.json",
             "what CI stops on"},
            {0}},
    .run = run_gate,
};
