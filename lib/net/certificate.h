/* lib/net/certificate.h - how long certificates are good for: that of a host, those of a file. */
#ifndef DINER_NET_CERTIFICATE_H
#define DINER_NET_CERTIFICATE_H

#include "core/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct certificate_host {
    bool has_tls;
    int64_t ends_s; /* Unix time at which the host's certificate ends; 0 without TLS */
};
/* Connects to where the URL says (http, https, smtp, smtps, amqp, amqps) and says nothing there; of
 * smtp it goes on to STARTTLS unless is_plain. ca_file NULL: the system's authorities. A
 * certificate that is not believed, an ended one among them, is an error. ERR_UNAVAILABLE,
 * ERR_CONFIG; messages have no more of the URL than its host. Blocks, at most the time limit. */
int certificate_of_host(const char *url, bool is_plain, const char *ca_file, int64_t timeout_ms,
                        struct certificate_host *ret, struct error *err);
/* "host:port" of such a URL, cut to the size. */
void certificate_host_name(const char *url, char *ret, size_t size);

struct certificate_file {
    size_t count;
    int64_t ends_s; /* of the one that is good for longest */
};
/* A PEM file. ERR_DATA when it holds no certificate, ERR_NOT_FOUND, ERR_IO. */
int certificate_of_file(const char *path, struct certificate_file *ret, struct error *err);

#endif
