/* lib/net/retry.h - what may be tried again, and what a server said about when. Pure. */
#ifndef DINER_NET_RETRY_H
#define DINER_NET_RETRY_H

#include "net/http.h"

/* 408, 429, 500, 502, 503, 504. */
bool retry_status_is_transient(int status);
/* Whether this outcome says that nobody works there: no answer (code), or 502 to 504. */
bool retry_host_is_down(int code, int status);
/* GET, HEAD, PUT, DELETE, or marked by its sender as harmless to repeat. */
bool retry_request_is_repeatable(const struct http_request *req);
/* Retry-After (RFC 9110, 10.2.3): seconds or an HTTP date, as ms from now_wall_us; 0 when it is
 * absent, unreadable or in the past. */
int64_t retry_after_ms(const char *text, int64_t now_wall_us);

#endif
