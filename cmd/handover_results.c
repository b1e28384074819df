/* cmd/handover_results.c - what was measured, when it is given. */
#include "core/fileio.h"
#include "core/message.h"
#include "format/test_results.h"
#include "handover.h"
#include <ctype.h>
#include <inttypes.h>

#define RESULTS_BYTES_MAX ((size_t)16 << 20)
#define BENCH_BYTES_MAX   ((size_t)256 << 10)

static int not_measured(struct strbuf *out)
{
    strbuf_adds(out, message_text("Not measured for this document."));
    return ERR_OK;
}

int handover_tests(struct handover *h, const char *argument, struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    struct test_results r;
    (void)argument;
    if (h->tests == NULL)
        return not_measured(out);
    strbuf_init(&text, RESULTS_BYTES_MAX + 1);
    TRY(file_read(h->tests, RESULTS_BYTES_MAX, &text, err));
    if (test_results_read(text.data, text.len, &r, err) != ERR_OK)
        return error_context(err, "'%s'", h->tests);
    strbuf_addf(out, "| %s | %s | %s | %s |\n|---|---|---|---|\n", message_text("form"),
                message_text("passed"), message_text("failed"), message_text("skipped"));
    strbuf_addf(out, "| %s | %" PRId64 " | %" PRId64 " | %" PRId64 " |", r.form, r.passed, r.failed,
                r.skipped);
    return ERR_OK;
}

/* The most backticks in a row: the fence has one more. */
static int longest_fence(const char *text)
{
    int longest = 2, here = 0;
    for (; *text != '\0'; text++) {
        here = *text == '`' ? here + 1 : 0;
        longest = here > longest ? here : longest;
    }
    return longest;
}

/* As it was printed: a figure without its peer and its spread would say too much. */
int handover_bench(struct handover *h, const char *argument, struct strbuf *out, struct error *err)
{
    AUTO_STRBUF struct strbuf text = {0};
    (void)argument;
    if (h->bench == NULL)
        return not_measured(out);
    strbuf_init(&text, BENCH_BYTES_MAX + 1);
    TRY(file_read(h->bench, BENCH_BYTES_MAX, &text, err));
    for (size_t i = 0; i < text.len; i++)
        if (iscntrl((unsigned char)text.data[i]) && text.data[i] != '\n')
            text.data[i] = ' ';
    while (text.len > 0 && isspace((unsigned char)text.data[text.len - 1]))
        strbuf_truncate(&text, text.len - 1);
    if (text.len == 0)
        return error_set(err, ERR_DATA, "'%s' is empty", h->bench);
    int fence = longest_fence(text.data) + 1;
    for (int i = 0; i < fence; i++)
        strbuf_addch(out, '`');
    strbuf_addf(out, "text\n%s\n", text.data);
    for (int i = 0; i < fence; i++)
        strbuf_addch(out, '`');
    return ERR_OK;
}
