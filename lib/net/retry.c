#include "net/retry.h"
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_AFTER_MAX_S ((int64_t)7 * 24 * 3600)

int64_t http_retry_wait_ms(const struct http_retry_policy *policy, int64_t attempts_made,
                           int64_t elapsed_ms, int64_t retry_after, uint64_t random)
{
    if (attempts_made >= policy->max_attempts)
        return -1;
    int64_t ceiling = policy->base_ms > 0 ? policy->base_ms : 1;
    for (int64_t i = 1; i < attempts_made && ceiling < policy->cap_ms; i++)
        ceiling *= 2;
    if (ceiling > policy->cap_ms)
        ceiling = policy->cap_ms;
    /* Full jitter: clients that failed together must not come back together. */
    int64_t wait_ms = (int64_t)(random % ((uint64_t)ceiling + 1));
    if (wait_ms < retry_after)
        wait_ms = retry_after;
    if (policy->budget_ms > 0 && elapsed_ms + wait_ms > policy->budget_ms)
        return -1;
    return wait_ms;
}

bool retry_status_is_transient(int status)
{
    switch (status) {
    case 408:
    case 429:
    case 500:
    case 502:
    case 503:
    case 504: return true;
    default: return false;
    }
}

bool retry_host_is_down(int code, int status)
{
    return code == ERR_UNAVAILABLE || (code == 0 && status >= 502 && status <= 504);
}

bool retry_request_is_repeatable(const struct http_request *req)
{
    static const char *const safe[] = {"GET", "HEAD", "PUT", "DELETE"};

    if (!req->method || req->idempotency_key || req->is_repeatable)
        return true;
    for (size_t i = 0; i < sizeof(safe) / sizeof(safe[0]); i++)
        if (strcmp(req->method, safe[i]) == 0)
            return true;
    return false;
}

int64_t retry_after_ms(const char *text, int64_t now_wall_us)
{
    if (!text || !*text)
        return 0;
    if (strspn(text, "0123456789") == strlen(text)) {
        long long seconds = strtoll(text, NULL, 10);
        return (seconds > RETRY_AFTER_MAX_S ? RETRY_AFTER_MAX_S : seconds) * 1000;
    }
    time_t when = curl_getdate(text, NULL);
    int64_t wait_ms = when < 0 ? 0 : (int64_t)when * 1000 - now_wall_us / 1000;
    if (wait_ms > RETRY_AFTER_MAX_S * 1000)
        wait_ms = RETRY_AFTER_MAX_S * 1000;
    return wait_ms > 0 ? wait_ms : 0;
}
