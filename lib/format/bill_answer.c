/* What a channel says when it gives no bill: WeChat's v2 in XML with HTTP status 200, its v3 and
 * Alipay's gateway in JSON. */
#include "format/bill.h"
#include "format/encoding.h"
#include "format/jsonx.h"
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 256

/* The text of an element, out of its CDATA; "" when there is none. */
static void xml_text(struct span body, const char *tag, char ret[TEXT_MAX])
{
    char opening[40], closing[40];
    int open_len = snprintf(opening, sizeof opening, "<%s>", tag);
    int close_len = snprintf(closing, sizeof closing, "</%s>", tag);
    ret[0] = '\0';
    const char *at = memmem(body.ptr, body.len, opening, (size_t)open_len);
    if (at == NULL)
        return;
    at += open_len;
    size_t left = body.len - (size_t)(at - body.ptr);
    const char *end = memmem(at, left, closing, (size_t)close_len);
    size_t n = end ? (size_t)(end - at) : 0;
    if (n >= strlen("<![CDATA[]]>") && memcmp(at, "<![CDATA[", 9) == 0) {
        at += 9;
        n -= strlen("<![CDATA[]]>");
    }
    snprintf(ret, TEXT_MAX, "%.*s", (int)(n < TEXT_MAX - 1 ? n : TEXT_MAX - 1), at);
}

/* "No Bill Exist" and NO_BILL_EXIST are the same. */
static bool says(const char *text, const char *words)
{
    char plain[TEXT_MAX];
    snprintf(plain, sizeof plain, "%s", text);
    for (char *p = plain; *p != '\0'; p++)
        *p = *p == '_' ? ' ' : *p;
    return strcasestr(plain, words) != NULL;
}

static void reason_set(char *ret, size_t size, const char *message, const char *code)
{
    if (ret == NULL || size == 0)
        return;
    snprintf(ret, size, "%s%s%s%s", message, code[0] != '\0' && message[0] != '\0' ? " (" : "",
             code, code[0] != '\0' && message[0] != '\0' ? ")" : "");
    ret[utf8_valid_prefix(ret, strlen(ret), &(uint64_t){0})] = '\0';
    for (char *p = ret; *p != '\0'; p++)
        *p = (unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p;
}

static enum bill_answer of_xml(struct span body, char *ret_reason, size_t size)
{
    char message[TEXT_MAX], code[TEXT_MAX], number[TEXT_MAX], described[TEXT_MAX];
    xml_text(body, "return_msg", message);
    xml_text(body, "err_code", code);
    xml_text(body, "error_code", number);
    xml_text(body, "err_code_des", described);
    const char *said = described[0] != '\0' ? described : message;
    reason_set(ret_reason, size, said, code[0] != '\0' ? code : number);
    /* Both have had the number 20002. */
    if (says(message, "bill creating") || says(code, "bill creating"))
        return BILL_ANSWER_MAKING;
    if (says(message, "no bill exist") || says(code, "no bill exist") ||
        strcmp(number, "20002") == 0)
        return BILL_ANSWER_NO_BILL;
    return BILL_ANSWER_REFUSED;
}

static const char *text_of(const struct jsonx *object, const char *key)
{
    const char *text = jsonx_text(jsonx_get(object, key));
    return text != NULL ? text : "";
}

static enum bill_answer of_gateway(const struct jsonx *answer, char *ret_reason, size_t size)
{
    const char *code = text_of(answer, "sub_code");
    const char *message = text_of(answer, "sub_msg");
    if (strcmp(text_of(answer, "code"), "10000") == 0)
        return BILL_ANSWER_NONE;
    reason_set(ret_reason, size, message[0] != '\0' ? message : text_of(answer, "msg"),
               code[0] != '\0' ? code : text_of(answer, "code"));
    return strcasecmp(code, "isp.bill_not_exist") == 0 || strcmp(code, "BILL_NOT_EXIST") == 0
               ? BILL_ANSWER_NO_BILL
               : BILL_ANSWER_REFUSED;
}

static enum bill_answer of_json(const struct jsonx *document, enum bill_channel *ret_channel,
                                char *ret_reason, size_t size)
{
    const struct jsonx *gateway =
        jsonx_get(document, "alipay_data_dataservice_bill_downloadurl_query_response");
    const char *code = text_of(document, "code");
    if (gateway == NULL)
        gateway = jsonx_get(document, "error_response");
    if (gateway != NULL) {
        *ret_channel = BILL_ALIPAY;
        return of_gateway(gateway, ret_reason, size);
    }
    *ret_channel = BILL_WECHAT;
    if (code[0] == '\0')
        return BILL_ANSWER_NONE;
    reason_set(ret_reason, size, text_of(document, "message"), code);
    if (strcmp(code, "NO_STATEMENT_EXIST") == 0)
        return BILL_ANSWER_NO_BILL;
    return strcmp(code, "STATEMENT_CREATING") == 0 ? BILL_ANSWER_MAKING : BILL_ANSWER_REFUSED;
}

enum bill_answer bill_answer_of(struct span body, enum bill_channel *ret_channel, char *ret_reason,
                                size_t reason_size)
{
    struct jsonx *document = NULL;
    struct error ignored = ERROR_INIT;
    reason_set(ret_reason, reason_size, "", "");
    while (body.len > 0 && strchr(" \t\r\n", body.ptr[0]) != NULL)
        body = (struct span){body.ptr + 1, body.len - 1};
    if (body.len >= 5 && memcmp(body.ptr, "<xml>", 5) == 0) {
        *ret_channel = BILL_WECHAT;
        return of_xml(body, ret_reason, reason_size);
    }
    if (body.len == 0 || body.ptr[0] != '{' ||
        jsonx_parse(body.ptr, body.len, "answer", &document, &ignored) != 0)
        return BILL_ANSWER_NONE;
    enum bill_answer answer = of_json(document, ret_channel, ret_reason, reason_size);
    jsonx_free(document);
    return answer;
}
