/* lib/domain/api_error.h - the catalogue of the API's error codes (api_errors.def).
 *
 * Code says API_ERROR(unknown_order), which does not compile unless the catalogue has it; what the
 * functions of the database answer is looked up. */
#ifndef DINER_DOMAIN_API_ERROR_H
#define DINER_DOMAIN_API_ERROR_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

enum api_error_id {
#define X(code, status, other, meaning, remedy) API_ERROR_ID_##code,
#include "domain/api_errors.def"
#undef X
    API_ERROR_COUNT
};

struct api_error {
    const char *code;
    int status, other_status; /* of HTTP; other 0: only one. 200: in the results of a batch */
    const char *meaning, *remedy;
};
extern const struct api_error api_errors[API_ERROR_COUNT];
#define API_ERROR(name) (api_errors[API_ERROR_ID_##name].code)

/* NULL: the catalogue does not have it. */
const struct api_error *api_error_find(const char *code);
bool api_error_has_status(const struct api_error *e, int status);

/* As text for a terminal, as a table of Markdown, and as a page of the reference. */
void api_errors_text(struct strbuf *out);
void api_errors_table(struct strbuf *out);
void api_errors_markdown(struct strbuf *out);

#endif
