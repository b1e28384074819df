#include "pipeline/guess/names.h"

#include <ctype.h>
#include <string.h>

/* Headers of Chinese ERPs and bills (Kingdee, Yonyou, WeChat Pay, Alipay) with usual names. */
static const char *const dictionary[][2] = {
    {"仓库编码", "warehouse_code"},
    {"仓库代码", "warehouse_code"},
    {"仓库名称", "warehouse_name"},
    {"仓库", "warehouse"},
    {"门店编码", "store_code"},
    {"门店编号", "store_code"},
    {"门店名称", "store_name"},
    {"门店", "store"},
    {"物料编码", "material_code"},
    {"物料代码", "material_code"},
    {"物料名称", "material_name"},
    {"存货编码", "item_code"},
    {"存货名称", "item_name"},
    {"商品编码", "product_code"},
    {"商品名称", "product_name"},
    {"产品编码", "product_code"},
    {"产品名称", "product_name"},
    {"规格型号", "specification"},
    {"规格", "specification"},
    {"批号", "batch"},
    {"单位", "unit"},
    {"基本单位", "base_unit"},
    {"计量单位", "unit"},
    {"库存数量", "stock_qty"},
    {"数量", "qty"},
    {"单价", "unit_price"},
    {"价格", "price"},
    {"金额", "amount"},
    {"总金额", "total_amount"},
    {"税率", "tax_rate"},
    {"税额", "tax_amount"},
    {"折扣", "discount"},
    {"日期", "date"},
    {"时间", "time"},
    {"单据编号", "document_no"},
    {"单据号", "document_no"},
    {"单据日期", "document_date"},
    {"最近入库日期", "last_received_on"},
    {"订单号", "order_no"},
    {"订单编号", "order_no"},
    {"订单金额", "order_amount"},
    {"商户订单号", "merchant_order_no"},
    {"商户号", "merchant_no"},
    {"交易时间", "traded_at"},
    {"交易类型", "trade_type"},
    {"交易状态", "trade_status"},
    {"退款金额", "refund_amount"},
    {"手续费", "fee"},
    {"费率", "fee_rate"},
    {"备注", "remark"},
    {"状态", "status"},
    {"类型", "type"},
    {"渠道", "channel"},
    {"供应商", "supplier"},
    {"供应商编码", "supplier_code"},
    {"条码", "barcode"},
    {"会员号", "member_no"},
    {"会员卡号", "member_card_no"},
    {"姓名", "person_name"},
    {"手机号", "phone"},
    {"手机", "phone"},
    {"电话", "phone"},
    {"地址", "address"},
    {"创建时间", "created_at"},
    {"更新时间", "updated_at"},
};

struct hint_word {
    const char *word; /* of a Latin header: a whole word of it; else a part */
    unsigned hints;
};
static const struct hint_word hint_words[] = {
    {"id", NAME_CODE},
    {"code", NAME_CODE},
    {"no", NAME_CODE},
    {"number", NAME_CODE},
    {"sku", NAME_CODE},
    {"upc", NAME_CODE},
    {"ean", NAME_CODE},
    {"barcode", NAME_CODE},
    {"batch", NAME_CODE},
    {"lot", NAME_CODE},
    {"serial", NAME_CODE},
    {"reference", NAME_CODE},
    {"material", NAME_CODE},
    {"plnt", NAME_CODE},
    {"plant", NAME_CODE},
    {"sloc", NAME_CODE},
    {"zip", NAME_CODE},
    {"postcode", NAME_CODE},
    {"account", NAME_CODE},
    {"编码", NAME_CODE},
    {"编号", NAME_CODE},
    {"代码", NAME_CODE},
    {"单号", NAME_CODE},
    {"批号", NAME_CODE},
    {"条码", NAME_CODE},
    {"货号", NAME_CODE},
    {"卡号", NAME_CODE | NAME_PERSONAL},
    {"账号", NAME_CODE | NAME_PERSONAL},
    {"邮编", NAME_CODE},
    {"商户号", NAME_CODE},
    {"会员号", NAME_CODE},
    {"订单号", NAME_CODE},
    {"ID", NAME_CODE},
    {"phone", NAME_CODE | NAME_PERSONAL},
    {"mobile", NAME_CODE | NAME_PERSONAL},
    {"tel", NAME_CODE | NAME_PERSONAL},
    {"电话", NAME_CODE | NAME_PERSONAL},
    {"手机", NAME_CODE | NAME_PERSONAL},
    {"身份证", NAME_CODE | NAME_PERSONAL},
    {"用户标识", NAME_CODE | NAME_PERSONAL},
    {"openid", NAME_CODE | NAME_PERSONAL},
    {"姓名", NAME_PERSONAL | NAME_LABEL},
    {"email", NAME_PERSONAL},
    {"邮箱", NAME_PERSONAL},
    {"address", NAME_PERSONAL | NAME_LABEL},
    {"地址", NAME_PERSONAL | NAME_LABEL},
    {"birthday", NAME_PERSONAL | NAME_TIME},
    {"生日", NAME_PERSONAL | NAME_TIME},
    {"amount", NAME_MONEY},
    {"total", NAME_MONEY},
    {"price", NAME_MONEY},
    {"cost", NAME_MONEY},
    {"fee", NAME_MONEY},
    {"value", NAME_MONEY},
    {"paid", NAME_MONEY},
    {"refund", NAME_MONEY},
    {"discount", NAME_MONEY},
    {"balance", NAME_MONEY},
    {"金额", NAME_MONEY},
    {"费", NAME_MONEY},
    {"税额", NAME_MONEY},
    {"价", NAME_MONEY},
    {"款", NAME_MONEY},
    {"qty", NAME_QUANTITY},
    {"quantity", NAME_QUANTITY},
    {"stock", NAME_QUANTITY},
    {"unrestricted", NAME_QUANTITY},
    {"weight", NAME_QUANTITY},
    {"数量", NAME_QUANTITY},
    {"库存", NAME_QUANTITY},
    {"重量", NAME_QUANTITY},
    {"date", NAME_TIME},
    {"time", NAME_TIME},
    {"day", NAME_TIME},
    {"at", NAME_TIME},
    {"on", NAME_TIME},
    {"日期", NAME_TIME},
    {"时间", NAME_TIME},
    {"name", NAME_LABEL},
    {"description", NAME_LABEL},
    {"product", NAME_LABEL},
    {"名称", NAME_LABEL},
    {"品名", NAME_LABEL},
    {"备注", NAME_LABEL},
    {"规格", NAME_LABEL},
};

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || (unsigned char)c >= 0x80;
}

/* A Latin word stands by itself (order_id, Order ID, orderId); others are parts of the header. */
static bool has_word(const char *header, const char *word)
{
    size_t n = strlen(word);
    if ((unsigned char)word[0] >= 0x80 || isupper((unsigned char)word[0]))
        return strstr(header, word) != NULL;
    for (const char *at = header; *at != '\0'; at++) {
        if (strncasecmp(at, word, n) != 0)
            continue;
        bool begins = at == header || !is_word_char(at[-1]) ||
                      (isupper((unsigned char)at[0]) && islower((unsigned char)at[-1]));
        bool ends = !is_word_char(at[n]) ||
                    (isupper((unsigned char)at[n]) && islower((unsigned char)at[n - 1]));
        if (begins && ends)
            return true;
    }
    return false;
}

unsigned name_hints(const char *header)
{
    unsigned hints = 0;
    for (size_t i = 0; header != NULL && i < sizeof hint_words / sizeof *hint_words; i++)
        if (has_word(header, hint_words[i].word))
            hints |= hint_words[i].hints;
    return hints;
}

/* ---- identifiers ------------------------------------------------------------------------ */

/* Bytes of a letter of another script at s: CJK ideographs, kana; 0 for anything else. */
static size_t foreign_letter(const char *s)
{
    const unsigned char *u = (const unsigned char *)s;
    bool is_three = u[0] >= 0xE3 && u[0] <= 0xE9 && u[1] >= 0x80 && u[2] >= 0x80;
    if (!is_three)
        return 0;
    unsigned code = (u[0] & 0xFU) << 12 | (u[1] & 0x3FU) << 6 | (u[2] & 0x3FU);
    return (code >= 0x4E00 && code <= 0x9FFF) || (code >= 0x3041 && code <= 0x30FF) ? 3 : 0;
}

static void add_identifier(struct strbuf *out, const char *text, bool latin_only, size_t max)
{
    bool gap = false;
    for (const char *c = text; *c != '\0' && out->len + 4 < max;) {
        size_t n = latin_only ? 0 : foreign_letter(c);
        bool is_latin = isalnum((unsigned char)*c) && (unsigned char)*c < 0x80;
        bool hump = c > text && isupper((unsigned char)*c) && islower((unsigned char)c[-1]);
        if (n == 0 && !is_latin) {
            gap = true;
            c++;
            continue;
        }
        if ((gap || hump) && out->len > 0 && out->data[out->len - 1] != '_')
            strbuf_addch(out, '_');
        gap = false;
        if (n > 0)
            strbuf_add(out, c, n);
        else
            strbuf_addch(out, (char)tolower((unsigned char)*c));
        c += n > 0 ? n : 1;
    }
}

const char *name_column(struct arena *arena, const char *header, size_t number)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 256);
    for (size_t i = 0; header != NULL && i < sizeof dictionary / sizeof *dictionary; i++)
        if (strcmp(dictionary[i][0], header) == 0)
            return dictionary[i][1];
    if (header != NULL)
        add_identifier(&out, header, false, 56);
    if (out.len == 0)
        strbuf_addf(&out, "column_%zu", number);
    else if (isdigit((unsigned char)out.data[0]))
        return arena_printf(arena, "c_%s", out.data);
    return arena_strdup(arena, out.data);
}

const char *name_stem(struct arena *arena, const char *path)
{
    AUTO_STRBUF struct strbuf out = {0};
    strbuf_init(&out, 256);
    const char *slash = strrchr(path, '/');
    const char *base = slash != NULL ? slash + 1 : path;
    const char *dot = strchr(base, '.');
    const char *stem =
        arena_strndup(arena, base, dot != NULL ? (size_t)(dot - base) : strlen(base));
    add_identifier(&out, stem, true, 44);
    /* A date in the name is of this file, not of the next: stock_20261121 is stock. */
    size_t n = out.len;
    while (n > 0 && (isdigit((unsigned char)out.data[n - 1]) || out.data[n - 1] == '_'))
        n--;
    if (out.len - n >= 5 && out.data[n] == '_')
        strbuf_truncate(&out, n);
    if (out.len == 0 || !islower((unsigned char)out.data[0]))
        return out.len == 0 ? "data" : arena_printf(arena, "t_%s", out.data);
    return arena_strdup(arena, out.data);
}

/* ---- texts ------------------------------------------------------------------------------ */

static bool is_plain(const char *text)
{
    static const char *const words[] = {"null", "Null", "NULL", "true", "false", "yes", "no"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strcmp(text, words[i]) == 0)
            return false;
    if (text[0] >= '1' && text[0] <= '9' && strspn(text, "0123456789") == strlen(text))
        return true; /* reads as the same number, whoever reads it */
    if (!isalpha((unsigned char)text[0]) && foreign_letter(text) == 0)
        return false;
    for (const char *c = text; *c != '\0';) {
        size_t n = foreign_letter(c);
        if (n == 0 && !isalnum((unsigned char)*c) && *c != '_')
            return false;
        c += n > 0 ? n : 1;
    }
    return true;
}

/* The character at s as a code point; *ret_n its bytes. Text is valid UTF-8. */
static unsigned code_at(const char *s, size_t *ret_n)
{
    unsigned char c = (unsigned char)s[0];
    size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
    unsigned code = n == 1 ? c : c & (0xFFU >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if (((unsigned char)s[i] & 0xC0) != 0x80) {
            *ret_n = 1;
            return 0xFFFD;
        }
        code = code << 6 | ((unsigned char)s[i] & 0x3F);
    }
    *ret_n = n;
    return code;
}

static void print_yaml(struct strbuf *out, const char *text, bool is_template)
{
    if (is_plain(text)) {
        strbuf_adds(out, text);
        return;
    }
    strbuf_addch(out, '"');
    for (size_t n; *text != '\0'; text += n) {
        unsigned code = code_at(text, &n);
        if (code == '"' || code == '\\')
            strbuf_addf(out, "\\%c", (char)code);
        else if (code == '\n')
            strbuf_adds(out, "\\n");
        else if (code == '$' && text[1] == '{' && !is_template)
            strbuf_adds(out, "$$");
        else if (code < 0x20 || (code >= 0x7F && code <= 0xA0) ||
                 (code >= 0x2028 && code <= 0x2029) || code == 0xFEFF || code == 0xFFFE ||
                 code == 0xFFFF)
            strbuf_addf(out, "\\u%04X", code);
        else
            strbuf_add(out, text, n);
    }
    strbuf_addch(out, '"');
}

void name_yaml(struct strbuf *out, const char *text)
{
    print_yaml(out, text, false);
}

void name_yaml_template(struct strbuf *out, const char *text)
{
    print_yaml(out, text, true);
}

void name_shape(struct strbuf *out, struct span value)
{
    size_t shown = 0;
    for (size_t i = 0, n; i < value.len && shown < 24; i += n, shown++) {
        unsigned char c = (unsigned char)value.ptr[i];
        n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        if (isdigit(c))
            strbuf_addch(out, '9');
        else if (c >= 0x80)
            strbuf_adds(out, "字");
        else if (isalpha(c))
            strbuf_addch(out, isupper(c) ? 'A' : 'a');
        else
            strbuf_addch(out, c < 0x20 || c == 0x7F ? ' ' : (char)c);
    }
    if (shown == 24)
        strbuf_adds(out, "...");
}

void name_regex(struct strbuf *out, struct span literal)
{
    for (size_t i = 0; i < literal.len; i++) {
        if (strchr("\\.[]{}()*+?^$|", literal.ptr[i]) != NULL && literal.ptr[i] != '\0')
            strbuf_addch(out, '\\');
        strbuf_addch(out, literal.ptr[i]);
    }
}
