/* lib/domain/api_error.c - the catalogue of the API's error codes. */
#include "domain/api_error.h"
#include "core/message.h"
#include "core/strbuf.h"

const struct api_error api_errors[API_ERROR_COUNT] = {
#define X(code, status, other, meaning, remedy) {#code, status, other, meaning, remedy},
#include "domain/api_errors.def"
#undef X
};

const struct api_error *api_error_find(const char *code)
{
    for (size_t i = 0; i < API_ERROR_COUNT; i++)
        if (strcmp(api_errors[i].code, code) == 0)
            return &api_errors[i];
    return NULL;
}

bool api_error_has_status(const struct api_error *e, int status)
{
    return e->status == status || e->other_status == status;
}

static void statuses(const struct api_error *e, struct strbuf *out)
{
    strbuf_addf(out, "%d", e->status);
    if (e->other_status != 0)
        strbuf_addf(out, ", %d", e->other_status);
}

void api_errors_text(struct strbuf *out)
{
    strbuf_addf(out, "%s\n\n",
                message_text("error codes of the platform's API: the member 'error' of an answer"));
    for (const struct api_error *e = api_errors; e < api_errors + API_ERROR_COUNT; e++) {
        strbuf_addf(out, "  %s (", e->code);
        statuses(e, out);
        strbuf_addf(out, ")\n      %s\n      -> %s\n", message_text(e->meaning),
                    message_text(e->remedy));
    }
    strbuf_addf(out, "\n%s\n", message_text("200: only in the results of a batch."));
}

void api_errors_table(struct strbuf *out)
{
    strbuf_addf(out, "| %s | %s | %s | %s |\n|---|---|---|---|\n", message_text("status"),
                message_text("code"), message_text("means"), message_text("what to do"));
    for (const struct api_error *e = api_errors; e < api_errors + API_ERROR_COUNT; e++) {
        strbuf_adds(out, "| ");
        statuses(e, out);
        strbuf_addf(out, " | `%s` | %s | %s |\n", e->code, message_text(e->meaning),
                    message_text(e->remedy));
    }
}

void api_errors_markdown(struct strbuf *out)
{
    strbuf_adds(out, "# Error codes of the platform's API\n\n"
                     "An answer that is not a success has a stable code in `error`, beside the "
                     "HTTP status, a `message` for people and `details`.\n\n");
    api_errors_table(out);
    strbuf_adds(out, "\nStatus 200: only in the `results` of a batch, beside those that name a "
                     "product, a store, a unit or a shortage.\n");
}
