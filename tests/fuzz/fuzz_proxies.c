/* X-Forwarded-For of any bytes, from a proxy and from a stranger: what comes out is an address that
 * stands in it or the one that is connected, and a stranger is never believed. */
#include "platform/server/proxies.h"
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

static void check(bool good)
{
    if (!good)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
    const char *items[] = {"127.0.0.1", "10.0.0.0/8"};
    struct proxies *p;
    struct error err = ERROR_INIT;
    char client[INET6_ADDRSTRLEN];
    unsigned char address[16];
    char *text = malloc(n + 1);
    memcpy(text, bytes, n);
    text[n] = '\0';
    check(proxies_new(&(struct field_strings){items, 2}, &p, &err) == ERR_OK);
    proxies_client(p, "192.0.2.1", text, client);
    check(strcmp(client, "192.0.2.1") == 0);
    proxies_client(p, "127.0.0.1", text, client);
    check(strcmp(client, "127.0.0.1") == 0 || strstr(text, client) != NULL);
    check(inet_pton(AF_INET, client, address) == 1 || inet_pton(AF_INET6, client, address) == 1);
    proxies_free(p);
    /* The same as a block of the settings: refused, or taken whole. */
    items[0] = text;
    if (proxies_new(&(struct field_strings){items, 1}, &p, &err) == ERR_OK)
        proxies_free(p);
    free(text);
    return 0;
}
