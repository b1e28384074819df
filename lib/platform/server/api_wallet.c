/* lib/platform/server/api_wallet.c - /members/{member_no}/wallet: what is in it, its ledger,
 * top-ups. */
#include "core/decimal.h"
#include "domain/wallet.h"
#include "platform/server/internal.h"

static int get_wallet(struct request *r, struct error *err)
{
    const char *document;
    TRY(wallet_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int get_wallet_log(struct request *r, struct error *err)
{
    struct list_request l;
    const char *kind = request_query(r, "kind");
    AUTO_LISTING struct listing found;
    listing_init(&found);
    if (kind != NULL && !wallet_kind_is_known(kind))
        return request_refuse(r, err, "kind", "'kind' is topup, payment, refund or adjust");
    TRY(list_begin(r, &wallet_log_listing, &l, err));
    TRY(wallet_log_list(&r->ctx, r->captures[0], kind, &l.from, &found, err));
    return list_end(r, &l, &found, err);
}

static int read_topup(struct request *r, struct wallet_topup *ret, struct error *err)
{
    struct span body;
    struct members m;
    struct decimal amount, zero = decimal_from_int(0, 0);
    *ret = (struct wallet_topup){.member_no = r->captures[0]};
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "amount ref note", &m, err));
    TRY(members_decimal(r, &m, "amount", true, 8, 2, &ret->amount, err));
    TRY(members_text(r, &m, "note", false, 500, &ret->note, err));
    if (decimal_parse(ret->amount, strlen(ret->amount), &amount) &&
        decimal_compare(&amount, &zero) <= 0)
        return request_refuse(r, err, "amount", "'amount' must be more than zero");
    return members_ref(r, &m, WALLET_REF_BYTES_MAX, &ret->ref, err);
}

/* Money comes in where it is received, not at any till. */
static int post_topup(struct request *r, struct error *err)
{
    struct wallet_topup topup;
    const char *document;
    if (strcmp(r->user.role, "admin") != 0 && strcmp(r->user.role, "integration") != 0)
        return domain_refuse(&r->ctx, err, ERR_AUTH, API_ERROR(forbidden_role), NULL,
                             "the role %s does not top up wallets", r->user.role);
    TRY(read_topup(r, &topup, err));
    TRY(wallet_top_up(&r->ctx, &topup, &document, err));
    return respond_data(r, 201, span_of(document));
}

const struct route routes_wallet[] = {
    {"GET", "/api/v1/members/{member_no}/wallet", 0, NULL, get_wallet},
    {"GET", "/api/v1/members/{member_no}/wallet/log", 0, "kind " LIST_QUERY, get_wallet_log},
    {"POST", "/api/v1/members/{member_no}/wallet/topups", ROUTE_WRITE, NULL, post_topup},
    {0},
};
