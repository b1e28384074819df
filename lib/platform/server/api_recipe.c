/* lib/platform/server/api_recipe.c - /products/{sku}/recipe and /products/{sku}/units/{unit}. */
#include "core/decimal.h"
#include "domain/recipe.h"
#include "domain/unit.h"
#include "platform/server/internal.h"

static int refuse_unless_positive(struct request *r, const char *name, const char *text,
                                  struct error *err)
{
    struct decimal d;
    if (text == NULL ||
        (decimal_parse(text, strlen(text), &d) && !decimal_is_zero(&d) && d.coefficient > 0))
        return ERR_OK;
    return request_refuse(r, err, name, "'%s' must be over zero", name);
}

static int read_yield(struct request *r, const struct members *m, const char **ret,
                      struct error *err)
{
    struct decimal d, one = decimal_from_int(1, 0);
    TRY(members_decimal(r, m, "yield", false, 1, 6, ret, err));
    TRY(refuse_unless_positive(r, "yield", *ret, err));
    if (*ret != NULL && decimal_parse(*ret, strlen(*ret), &d) && decimal_compare(&d, &one) > 0)
        return request_refuse(r, err, "yield", "'yield' is net / gross: at most 1");
    return ERR_OK;
}

static int read_line(struct request *r, struct span raw, size_t index, void *self,
                     struct error *err)
{
    struct members m;
    struct recipe_line *line = (struct recipe_line *)self + index;
    TRY(members_read(r, raw, "product quantity unit yield", &m, err));
    TRY(members_text(r, &m, "product", true, 64, &line->product, err));
    TRY(members_decimal(r, &m, "quantity", true, 9, 6, &line->quantity, err));
    TRY(refuse_unless_positive(r, "quantity", line->quantity, err));
    TRY(members_text(r, &m, "unit", false, UNIT_NAME_BYTES_MAX, &line->unit, err));
    return read_yield(r, &m, &line->yield, err);
}

static int get_recipe(struct request *r, struct error *err)
{
    const char *document;
    TRY(recipe_get(&r->ctx, r->captures[0], &document, err));
    return respond_data(r, 200, span_of(document));
}

static int put_recipe(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    size_t count = 0;
    int64_t version = -1;
    const char *makes, *document;
    struct recipe_line *lines = arena_array(r->arena, RECIPE_LINES_MAX, sizeof *lines);
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "makes version lines", &m, err));
    TRY(members_decimal(r, &m, "makes", false, 9, 6, &makes, err));
    TRY(refuse_unless_positive(r, "makes", makes, err));
    TRY(members_int(r, &m, "version", 0, INT32_MAX, &version, err));
    TRY(members_list(r, &m, "lines", RECIPE_LINES_MAX, read_line, lines, &count, err));
    TRY(recipe_put(&r->ctx, r->captures[0], makes != NULL ? makes : "1", version, lines, count,
                   &document, err));
    return respond_data(r, 200, span_of(document));
}

static int delete_recipe(struct request *r, struct error *err)
{
    TRY(recipe_delete(&r->ctx, r->captures[0], err));
    return respond_data(r, 200, SPAN("{\"deleted\":true}"));
}

/* ---- units -------------------------------------------------------------------------------- */

static int put_unit(struct request *r, struct error *err)
{
    struct span body;
    struct members m;
    struct unit_factor factor;
    const char *document;
    TRY(request_body_check(r, &body, err));
    TRY(members_read(r, body, "base_quantity per_base", &m, err));
    TRY(members_decimal(r, &m, "base_quantity", false, 9, 6, &factor.base_quantity, err));
    TRY(members_decimal(r, &m, "per_base", false, 9, 6, &factor.per_base, err));
    TRY(refuse_unless_positive(r, "base_quantity", factor.base_quantity, err));
    TRY(refuse_unless_positive(r, "per_base", factor.per_base, err));
    if (factor.base_quantity == NULL && factor.per_base == NULL)
        return request_refuse(r, err, "base_quantity",
                              "say how many base units are in one ('base_quantity'), or how many "
                              "of it in one base unit ('per_base')");
    if (strlen(r->captures[1]) > UNIT_NAME_BYTES_MAX)
        return request_refuse(r, err, "unit", "a unit's name has at most %d bytes",
                              UNIT_NAME_BYTES_MAX);
    TRY(unit_put(&r->ctx, r->captures[0], r->captures[1], &factor, &document, err));
    return respond_data(r, 200, span_of(document));
}

static int delete_unit(struct request *r, struct error *err)
{
    TRY(unit_delete(&r->ctx, r->captures[0], r->captures[1], err));
    return respond_data(r, 200, SPAN("{\"deleted\":true}"));
}

const struct route routes_recipe[] = {
    {"GET", "/api/v1/products/{sku}/recipe", 0, NULL, get_recipe},
    {"PUT", "/api/v1/products/{sku}/recipe", ROUTE_WRITE, NULL, put_recipe},
    {"DELETE", "/api/v1/products/{sku}/recipe", ROUTE_WRITE, NULL, delete_recipe},
    {"PUT", "/api/v1/products/{sku}/units/{unit}", ROUTE_WRITE, NULL, put_unit},
    {"DELETE", "/api/v1/products/{sku}/units/{unit}", ROUTE_WRITE, NULL, delete_unit},
    {0},
};
