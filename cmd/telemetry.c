#include "cmd/telemetry.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/trace_span.h"
#include "net/otlp.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#define SPANS_MAX     8192
#define STAY_PERIOD_S 2

static const struct settings *settings; /* of the command; NULL: no trace is wanted */
static struct trace_span whole;         /* the command */

/* ---- sending -------------------------------------------------------------------------------- */

static int send_spans(const struct trace_span *spans, size_t count, uint64_t dropped,
                      struct error *err)
{
    char *token = NULL;
    if (settings->telemetry_otlp_token != NULL)
        TRY(secret_resolve(settings->telemetry_otlp_token, &token, err));
    const struct otlp_options options = {.endpoint = settings->telemetry_otlp_endpoint,
                                         .token = token,
                                         .service_name = settings->telemetry_service_name,
                                         .ca_file = settings->telemetry_ca_file};
    int code = otlp_send(&options, spans, count, dropped, err);
    secret_free(token);
    return code;
}

static void send_kept(void)
{
    struct error err = ERROR_INIT;
    size_t count;
    uint64_t dropped;
    struct trace_span *spans = trace_spans_take(&count, &dropped);
    if ((count > 0 || dropped > 0) && send_spans(spans, count, dropped, &err) != 0)
        log_warn("the trace was not sent: %s", err.message);
    trace_spans_free(spans, count);
}

/* ---- a command ------------------------------------------------------------------------------ */

void telemetry_begin(struct cli *cli)
{
    settings = config_settings(cli->config);
    if (settings->telemetry_otlp_endpoint == NULL) {
        settings = NULL;
        return;
    }
    trace_spans_keep(SPANS_MAX);
    trace_spans_sender(send_kept);
    trace_span_begin(&whole, TRACE_SPAN_INTERNAL,
                     arena_printf(cli->arena, "%s %s", cli->root->name, cli->words));
    trace_span_enter(&whole);
}

void telemetry_end(struct cli *cli, int code)
{
    (void)cli;
    if (settings == NULL)
        return;
    if (code != 0)
        trace_span_fail(&whole, error_code_name((enum error_code)code));
    trace_span_number(&whole, "process.exit.code", error_exit_status((enum error_code)code));
    bool is_news = code != 0 || trace_spans_any(); /* `config show` is none */
    trace_span_end(&whole);
    if (is_news)
        trace_spans_flush();
    trace_spans_sender(NULL);
    trace_spans_keep(0);
    settings = NULL;
}

/* ---- one that stays ------------------------------------------------------------------------- */

static pthread_t sender;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t wake = PTHREAD_COND_INITIALIZER;
static bool is_staying;

static void *send_now_and_then(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    while (is_staying) {
        struct timespec until;
        (void)clock_gettime(CLOCK_REALTIME, &until);
        until.tv_sec += STAY_PERIOD_S;
        (void)pthread_cond_timedwait(&wake, &lock, &until);
        pthread_mutex_unlock(&lock);
        trace_spans_flush();
        pthread_mutex_lock(&lock);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

void telemetry_stay(void)
{
    sigset_t all, before;
    if (settings == NULL)
        return;
    is_staying = true;
    sigfillset(&all); /* they are for the threads that were there */
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    is_staying = pthread_create(&sender, NULL, send_now_and_then, NULL) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void telemetry_leave(void)
{
    pthread_mutex_lock(&lock);
    bool was_staying = is_staying;
    is_staying = false;
    pthread_cond_signal(&wake);
    pthread_mutex_unlock(&lock);
    if (was_staying)
        pthread_join(sender, NULL);
}
