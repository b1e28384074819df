/* lib/platform/server/proxies.c - X-Forwarded-For, believed of those who may say it. */
#include "platform/server/proxies.h"
#include "core/mem.h"
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An address of IPv4 is ::ffff:a.b.c.d: one form to compare. */
struct block {
    unsigned char bytes[16];
    int bits;
};
struct proxies {
    struct block *blocks;
    size_t count;
};

static bool address_parse(const char *text, unsigned char ret[16], int *ret_first_bit)
{
    static const unsigned char mapped[12] = {[10] = 0xff, [11] = 0xff};
    unsigned char v4[4];
    *ret_first_bit = 0;
    if (inet_pton(AF_INET6, text, ret) == 1)
        return true;
    if (inet_pton(AF_INET, text, v4) != 1)
        return false;
    memcpy(ret, mapped, sizeof mapped);
    memcpy(ret + sizeof mapped, v4, sizeof v4);
    *ret_first_bit = 96;
    return true;
}

static int block_parse(const char *text, struct block *ret, struct error *err)
{
    char address[INET6_ADDRSTRLEN + 1], *end = NULL;
    size_t length = strcspn(text, "/");
    int first_bit = 0;
    snprintf(address, sizeof address, "%.*s", (int)length, text);
    bool is_address = length < sizeof address && address_parse(address, ret->bytes, &first_bit);
    long bits = text[length] == '/' ? strtol(text + length + 1, &end, 10) : 128 - first_bit;
    bool is_length = end == NULL || (end != text + length + 1 && *end == '\0');
    if (!is_address || !is_length || bits < 0 || bits > 128 - first_bit) {
        error_set(err, ERR_CONFIG, "rate.proxies: '%s' is no address", text);
        return error_hint(err, "127.0.0.1, 10.0.0.0/8 or fd00::/8");
    }
    ret->bits = (int)bits + first_bit;
    return ERR_OK;
}

int proxies_new(const struct field_strings *blocks, struct proxies **ret, struct error *err)
{
    *ret = NULL;
    if (blocks->count == 0)
        return ERR_OK;
    struct proxies *p = mem_alloc(sizeof *p);
    p->blocks = mem_array(blocks->count, sizeof *p->blocks);
    for (size_t i = 0; i < blocks->count; i++)
        if (block_parse(blocks->items[i], &p->blocks[p->count++], err) != ERR_OK) {
            proxies_free(p);
            return (int)err->code;
        }
    *ret = p;
    return ERR_OK;
}

void proxies_free(struct proxies *p)
{
    if (p == NULL)
        return;
    free(p->blocks);
    free(p);
}

static bool is_in(const struct block *b, const unsigned char address[16])
{
    int whole = b->bits / 8, rest = b->bits % 8;
    return memcmp(b->bytes, address, (size_t)whole) == 0 &&
           (rest == 0 || ((b->bytes[whole] ^ address[whole]) >> (8 - rest)) == 0);
}

bool proxies_have(const struct proxies *p, const char *text)
{
    unsigned char address[16];
    int first_bit;
    if (p == NULL || !address_parse(text, address, &first_bit))
        return false;
    for (size_t i = 0; i < p->count; i++)
        if (is_in(&p->blocks[i], address))
            return true;
    return false;
}

/* The last address of the first `length` bytes, without blanks. False: it is none. */
static bool last_address(const char *list, size_t *length, char ret[INET6_ADDRSTRLEN])
{
    unsigned char ignored[16];
    int first_bit;
    size_t end = *length;
    while (end > 0 && strchr(" \t", list[end - 1]) != NULL)
        end--;
    size_t from = end;
    while (from > 0 && strchr(", \t", list[from - 1]) == NULL)
        from--;
    if (from == end || end - from >= INET6_ADDRSTRLEN)
        return false;
    snprintf(ret, INET6_ADDRSTRLEN, "%.*s", (int)(end - from), list + from);
    while (from > 0 && list[from - 1] != ',')
        from--;
    *length = from > 0 ? from - 1 : 0;
    return address_parse(ret, ignored, &first_bit);
}

void proxies_client(const struct proxies *p, const char *peer, const char *forwarded,
                    char ret[INET6_ADDRSTRLEN])
{
    char before[INET6_ADDRSTRLEN];
    size_t length = forwarded != NULL ? strlen(forwarded) : 0;
    snprintf(ret, INET6_ADDRSTRLEN, "%s", peer);
    while (proxies_have(p, ret) && last_address(forwarded, &length, before))
        memcpy(ret, before, sizeof before);
}
