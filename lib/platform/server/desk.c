/* lib/platform/server/desk.c - the payment channel of a server, and a request's way to it. */
#include "core/secret.h"
#include "domain/channel_local.h"
#include "domain/saga.h"
#include "platform/server/internal.h"

/* In the order of the setting's choices. */
enum { CHANNEL_NONE, CHANNEL_LOCAL };

static int take_connection(void *self, struct db_conn **ret, struct error *err)
{
    return pool_take(self, POOL_WAIT_MS, ret, err);
}

static void give_connection(void *self, struct db_conn *conn)
{
    pool_give(self, conn);
}

int desk_open(struct platform_server *s, const struct settings *settings, struct error *err)
{
    if (settings == NULL || settings->payments_channel == CHANNEL_NONE)
        return ERR_OK;
    if (settings->payments_callback_secret != NULL)
        TRY(secret_resolve(settings->payments_callback_secret, &s->callback_secret, err));
    const struct channel_local_options options = {.take = take_connection,
                                                  .give = give_connection,
                                                  .self = s->pool,
                                                  .secret = s->callback_secret,
                                                  .timeout_ms = settings->http_timeout_ms};
    s->channel_local = channel_local_new(&options);
    s->channel = channel_local_port(s->channel_local);
    return ERR_OK;
}

void desk_close(struct platform_server *s)
{
    channel_local_free(s->channel_local);
    secret_free(s->callback_secret);
}

static int pause_request(void *self, struct error *err)
{
    (void)err;
    request_give_connection(self);
    return ERR_OK;
}

static int resume_request(void *self, struct error *err)
{
    return request_take_connection(self, err);
}

void request_desk(struct request *r, struct saga_desk *ret)
{
    *ret = (struct saga_desk){.ctx = &r->ctx,
                              .channel = r->server->channel,
                              .pause = pause_request,
                              .resume = resume_request,
                              .self = r};
}
