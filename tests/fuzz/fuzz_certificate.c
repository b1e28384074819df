/* The host that is shown of any URL: never what stands before an @, and never beyond its size. */
#include "net/certificate.h"
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char host[32], *url = malloc(size + 1);
    if (url == NULL)
        abort();
    memcpy(url, data, size);
    url[size] = '\0';
    certificate_host_name(url, host, sizeof host);
    if (strlen(host) >= sizeof host || strpbrk(host, "@/?#") != NULL)
        abort();
    free(url);
    return 0;
}
