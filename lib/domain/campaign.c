/* lib/domain/campaign.c - campaigns: reading, making, ending. */
#include "domain/campaign.h"
#include "domain/pricing.h"
#include "format/jsonx.h"
#include "gen/embed.h"

#define TERMS_BYTES_MAX ((size_t)1 << 20)
#define PROBLEMS_SAID   5

bool campaign_status_is_known(const char *status)
{
    return strcmp(status, "scheduled") == 0 || strcmp(status, "active") == 0 ||
           strcmp(status, "ended") == 0;
}

/* ---- reading ------------------------------------------------------------------------------ */

static const struct listing_sort campaign_sorts[] = {
    {"code", {"c.code", "text"}},
    {"priority", {"c.priority", "integer"}},
    {"created_at", {"c.created_at", "timestamptz"}},
    {"updated_at", {"c.updated_at", "timestamptz"}},
    {0}};
const struct listing_spec campaign_listing = {.sql = sql_campaign_list,
                                              .count = sql_campaign_count,
                                              .ncount = 2,
                                              .sorts = campaign_sorts,
                                              .ties = {{"c.id", "bigint"}},
                                              .order = "code"};

int campaign_list(struct domain_context *ctx, const struct campaign_filter *f,
                  const struct listing_from *from, struct listing *out, struct error *err)
{
    return listing_run(ctx, &campaign_listing,
                       DB_PARAMS(f->status, f->store != NULL ? f->store : ctx->only_store), from,
                       out, err);
}

int campaign_refuse_unknown(struct domain_context *ctx, const char *code, enum error_code class,
                            struct error *err)
{
    return domain_refuse(ctx, err, class, API_ERROR(unknown_campaign),
                         domain_detail(ctx, "campaign", code), "there is no campaign '%s'", code);
}

static int find(struct domain_context *ctx, const char *code, const char **ret_document,
                struct error *err)
{
    int status =
        listing_one(ctx, sql_campaign_get, DB_PARAMS(code, ctx->only_store), ret_document, err);
    return status == ERR_NOT_FOUND ? campaign_refuse_unknown(ctx, code, ERR_NOT_FOUND, err)
                                   : status;
}

int campaign_get(struct domain_context *ctx, const char *code, const char **ret_document,
                 struct error *err)
{
    const char *campaign, *figures;
    TRY(find(ctx, code, &campaign, err));
    TRY(listing_one(ctx, sql_campaign_figures, DB_PARAMS(code, ctx->only_store), &figures, err));
    *ret_document = arena_printf(ctx->arena, "%.*s, \"figures\" : %s}", (int)strlen(campaign) - 1,
                                 campaign, figures);
    return ERR_OK;
}

/* ---- making ------------------------------------------------------------------------------- */

/* The first few in the message, all of them in the details. */
static int refuse_terms(struct domain_context *ctx, const struct pricing_problems *problems,
                        struct error *err)
{
    AUTO_STRBUF struct strbuf details = {0}, message = {0};
    struct jwriter w;
    strbuf_init(&details, 0);
    strbuf_init(&message, 0);
    jwriter_init(&w, &details);
    jwriter_object(&w);
    jwriter_kstring(&w, "parameter", problems->items[0].field);
    jwriter_key(&w, "errors");
    jwriter_array(&w);
    for (size_t i = 0; i < problems->count; i++) {
        const char *field = problems->items[i].field, *text = problems->items[i].message;
        jwriter_object(&w);
        jwriter_kstring(&w, "field", field);
        jwriter_kstring(&w, "message", text);
        jwriter_end(&w);
        if (i < PROBLEMS_SAID)
            strbuf_addf(&message, "%s'%.60s' %s", i > 0 ? "; " : "", field, text);
    }
    jwriter_end(&w);
    jwriter_end(&w);
    return domain_refuse(ctx, err, ERR_USAGE, API_ERROR(bad_parameter),
                         arena_strndup(ctx->arena, details.data, details.len), "%s", message.data);
}

static int check_names(struct domain_context *ctx, const char *terms, struct error *err)
{
    AUTO_RESULT struct db_result *row = NULL;
    TRY(db_query(ctx->conn, sql_campaign_unknown, DB_PARAMS(terms), &row, err));
    if (db_result_rows(row) == 0)
        return ERR_OK;
    const char *name = db_result_text(row, 0, 1);
    if (strcmp(db_result_text(row, 0, 0), "stores") == 0)
        return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_store),
                             domain_detail(ctx, "store", name), "there is no store '%s'", name);
    return domain_refuse(ctx, err, ERR_DATA, API_ERROR(unknown_product),
                         domain_detail(ctx, "product", name), "there is no product '%s'", name);
}

int campaign_create(struct domain_context *ctx, struct span raw, const char **ret_document,
                    struct error *err)
{
    AUTO_STRBUF struct strbuf terms = {0};
    struct pricing_terms read;
    struct pricing_problems problems;
    int64_t made = 0;
    pricing_terms_read(raw, ctx->arena, &read, &problems);
    if (problems.count > 0)
        return refuse_terms(ctx, &problems, err);
    strbuf_init(&terms, TERMS_BYTES_MAX);
    pricing_terms_write(&read, &terms);
    TRY(check_names(ctx, terms.data, err));
    TRY(db_execute(ctx->conn, sql_campaign_insert, DB_PARAMS(terms.data), &made, err));
    if (made == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(campaign_exists),
                             domain_detail(ctx, "campaign", read.code),
                             "there is a campaign '%s' already", read.code);
    return find(ctx, read.code, ret_document, err);
}

int campaign_end(struct domain_context *ctx, const char *code, const char *at,
                 const char **ret_document, struct error *err)
{
    int64_t ended = 0;
    TRY(find(ctx, code, ret_document, err));
    TRY(db_execute(ctx->conn, sql_campaign_end, DB_PARAMS(code, at), &ended, err));
    if (ended == 0)
        return domain_refuse(ctx, err, ERR_CONFLICT, API_ERROR(campaign_ended),
                             domain_detail(ctx, "campaign", code), "campaign '%s' has ended", code);
    return find(ctx, code, ret_document, err);
}
