/* cmd/handover.c - diner docs: the documents for whoever takes the platform over. */
#include "handover.h"
#include "commands.h"
#include "core/message.h"
#include "gen/embed.h"
#include "perf.h"

struct docs_args {
    const char *tests, *bench, *out;
    int language;
};

static const char *const languages[] = {"en", "zh", NULL};
#define DOCS(m) offsetof(struct docs_args, m)
static const struct field fields[] = {
    {"lang", FIELD_CHOICE, DOCS(language), "language of the document (default: the program's)",
     .choices = languages},
    {"out", FIELD_STRING, DOCS(out), "write it there instead of to stdout", .arg = "FILE",
     .complete = "file"},
    {"tests", FIELD_STRING, DOCS(tests),
     "results of the tests: JUnit, TAP, or what `make test` printed; else: not measured",
     .arg = "FILE", .complete = "file"},
    {"bench", FIELD_STRING, DOCS(bench), "what `make bench` printed; else: not measured",
     .arg = "FILE", .complete = "file"},
    {0},
};
static const struct field_set args_set = {
    .name = "docs",
    .help = "In which language, with which results",
    .struct_size = sizeof(struct docs_args),
    .fields = fields,
};

static bool is_chinese(const struct cli *cli, const struct docs_args *a)
{
    if (cli_option_given(cli, "lang"))
        return a->language == 1;
    return strcmp(message_text_of("language of reports", "en"), "zh") == 0;
}

static int write_document(struct cli *cli, const struct docs_args *a, const char *english,
                          const char *chinese, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct handover h = {
        .arena = cli->arena, .root = cli->root, .tests = a->tests, .bench = a->bench};
    bool zh = is_chinese(cli, a);
    strbuf_init(&text, 0);
    message_set_language(zh ? "zh_CN" : "en");
    TRY(handover_open(&h, err));
    TRY(handover_render(&h, zh ? chinese : english, &text, err));
    if (text.overflow)
        return error_set(err, ERR_LIMIT, "the document would be too large");
    return perf_write_text(cli, &text, a->out, err);
}

static int run_delivery(struct cli *cli, const void *args, struct error *err)
{
    return write_document(cli, args, embedded_delivery_en_md, embedded_delivery_zh_md, err);
}

static int run_architecture(struct cli *cli, const void *args, struct error *err)
{
    return write_document(cli, args, embedded_architecture_en_md, embedded_architecture_zh_md, err);
}

static const struct command command_delivery = {
    .name = "delivery",
    .summary = "what is delivered: API, data, code, tests, performance, operation",
    .description =
        "The service delivery document, in Markdown: overview, the API with its parameters, "
        "examples and errors, the data model, the code map, tests, performance and security, "
        "deployment and monitoring, what is next. It is made from the declarations of this very "
        "program; results of tests and benches stand in it when they are given.",
    .args = &args_set,
    .flags = CLI_NO_CONFIG,
    .examples =
        (const struct command_example[]){
            {"diner docs delivery --lang zh --out delivery.md", "in Chinese, for the customer"},
            {"diner docs delivery", "with the results of tests: --tests FILE, --bench FILE"},
            {0}},
    .run = run_delivery,
};

static const struct command command_architecture = {
    .name = "architecture",
    .summary = "how it is built: services, communication, data, deployment, tests",
    .description =
        "The architecture document, in Markdown: overview with a diagram, services and what they "
        "depend on, communication, discovery, gateway and breaker, data and sagas, deployment, the "
        "strategy of tests, conclusions, and why it is one process over one database. Made from "
        "the same declarations.",
    .args = &args_set,
    .flags = CLI_NO_CONFIG,
    .examples =
        (const struct command_example[]){
            {"diner docs architecture --lang zh --out architecture.md", "in Chinese"}, {0}},
    .run = run_architecture,
};

static const struct command *const children[] = {&command_delivery, &command_architecture, NULL};

const struct command command_handover = {
    .name = "docs",
    .summary = "the documents of a handover, made from the declarations",
    .description = "Both are printed as Markdown (GitHub's, with Mermaid diagrams), in English or "
                   "Chinese. No database and no configuration is needed.",
    .children = children,
};
