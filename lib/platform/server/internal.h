/* lib/platform/server/internal.h - what the files of the server share; nobody else includes it.
 *
 * A request belongs to one thread from its first byte to its last; the server is shared, and says
 * at each member what guards it. */
#ifndef DINER_PLATFORM_INTERNAL_H
#define DINER_PLATFORM_INTERNAL_H

#include "core/log.h"
#include "core/trace_span.h"
#include "domain/context.h"
#include "domain/listing.h"
#include "domain/points_rules.h"
#include "domain/read_cache.h"
#include "platform/server/metrics.h"
#include "platform/server/pool.h"
#include "platform/server/proxies.h"
#include "platform/server/rate.h"
#include "platform/server/server.h"
#include "platform/server/token.h"
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>

#define BODY_BYTES_MAX ((size_t)1 << 20)
/* Of the first line and the headers. Up to the memory of a connection, which a header takes 64
 * bytes of besides its text, we refuse more by an envelope, beyond it libmicrohttpd does by its own
 * page. */
#define HEAD_BYTES_MAX     ((size_t)16 << 10)
#define HEADERS_MAX        100
#define HEAD_MEMORY_BYTES  ((size_t)128 << 10)
#define POOL_WAIT_MS       5000
#define STATEMENT_LIMIT_MS 10000
#define DRAIN_MS           10000
#define SEGMENTS_MAX       16
#define QUERY_MAX          24
#define CAPTURES_MAX       2
#define RELOADS_MAX        1000

/* ---- the server --------------------------------------------------------------------------- */

/* One client connection; in the server's list from accept to close. */
struct connection {
    struct connection *next, *previous;
    MHD_socket socket;
    char address[INET6_ADDRSTRLEN]; /* of who is connected */
    int64_t deadline_ms;            /* 0: none (the request is being worked on) */
};

struct server_limits {
    int64_t page_size_default, page_size_max;
    int64_t access_token_ms, refresh_token_ms;
    struct field_rate rate_minute, rate_hour, rate_integration_minute, rate_integration_hour;
    int64_t receive_timeout_ms, idle_timeout_ms;
    int64_t lock_timeout_ms, unpaid_after_ms;
    int64_t connections_of_address; /* 0: any number */
    bool has_points;                /* else orders earn none */
    struct points_rules points;
};

struct channel_local;
struct channel;
struct consul;
struct idempotency_request;
struct platform_server {
    /* Replaced as a whole by a reload; the old one may still be read, so all are kept to the end.
     */
    _Atomic(const struct server_limits *) limits;
    struct server_limits *all_limits[RELOADS_MAX];
    size_t limits_count;
    struct metrics *metrics;
    bool *left_out; /* endpoints of modules that are served elsewhere; NULL: none */
    char *dsn, *jwt_secret, *port_file;
    struct pool *pool;
    struct read_cache *cache; /* NULL: none */
    struct rate_limiter *rate;
    struct proxies *proxies;       /* NULL: none */
    struct consul *consul;         /* NULL: it is not registered */
    const struct channel *channel; /* takes payments; NULL: none does */
    struct channel_local *channel_local;
    char *callback_secret; /* or NULL */
    char *hash_key;        /* of members, or NULL */
    struct MHD_Daemon *daemon;
    int port;
    pthread_mutex_t log_lock; /* core/log.h is for one thread */
    atomic_bool is_stopping;
    atomic_int active;                /* requests in progress */
    pthread_mutex_t connections_lock; /* the list, and each deadline */
    pthread_cond_t reaper_wake;
    struct connection *connections;
    pthread_t reaper;
    bool reaper_runs, reaper_stops; /* connections_lock */
};

/* ---- a request ---------------------------------------------------------------------------- */

enum request_stage { REQUEST_NEW, REQUEST_BODY, REQUEST_ANSWERED };

struct query_pair {
    const char *name, *value;
};

struct route;
struct request {
    struct platform_server *server;
    struct MHD_Connection *mhd;
    struct connection *connection; /* may be NULL */
    struct arena *arena;
    enum request_stage stage;
    int64_t started_ns;
    char trace_id[65];      /* of traceparent, else the request's own */
    char request_id[65];    /* of X-Request-Id, else a new one */
    struct trace_span span; /* for whoever collects traces */
    char comment[80];       /* put behind SQL statements: a traceparent; or empty */

    const char *method;
    const char *target;           /* as it came: path and query, escaped */
    const char *path;             /* escaped, without the query: for log and idempotency */
    char *segments[SEGMENTS_MAX]; /* of the path, decoded */
    size_t segment_count;
    struct query_pair query[QUERY_MAX];
    size_t query_count;
    struct strbuf body;
    bool is_body_too_big;
    size_t dropped_bytes;

    const struct route *route;
    const char *captures[CAPTURES_MAX]; /* the {parts} of the route */
    struct token_claims user;           /* role NULL: nobody */
    char client[80];                    /* who the rate limit counts */
    struct domain_context ctx;
    const struct idempotency_request *once; /* of a write */

    int status;
    struct strbuf out;
    const char *content_type;
    const char *allow;     /* header of a 405 */
    int64_t retry_after_s; /* 0: no header */
    bool is_replayed, must_close;
    bool is_committed; /* by the handler */
};

struct request *request_new(struct platform_server *server, struct MHD_Connection *mhd,
                            const char *target);
void request_free(struct request *r);
const char *request_header(const struct request *r, const char *name);
/* Splits and decodes the target; refused as bad_request. */
int request_parse_target(struct request *r, struct error *err);

/* A query parameter, NULL when absent or empty. */
const char *request_query(const struct request *r, const char *name);
/* Refuses names not in the blank-separated list, and names given twice. */
int request_check_query(struct request *r, const char *allowed, struct error *err);
/* An RFC 3339 instant in canonical form, or NULL. */
int request_query_time(struct request *r, const char *name, const char **ret, struct error *err);
int request_query_int(struct request *r, const char *name, int64_t min, int64_t max,
                      int64_t *ret_value, struct error *err); /* untouched when absent */

/* Refuses as bad_parameter with {"parameter": name}. */
int request_refuse(struct request *r, struct error *err, const char *name, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* The members of a JSON object of the body. */
#define MEMBERS_MAX 16
struct members {
    struct {
        const char *name;
        struct span raw;
    } items[MEMBERS_MAX];
    size_t count;
};
/* Checks the whole body, once; an empty one counts as {}. */
int request_body_check(struct request *r, struct span *ret_body, struct error *err);
/* Unknown members are refused. allowed is blank-separated. */
int members_read(struct request *r, struct span object, const char *allowed, struct members *ret,
                 struct error *err);
struct span members_raw(const struct members *m, const char *name); /* ptr NULL: absent */
/* NULL when absent or null, unless required. Length in bytes. */
int members_text(struct request *r, const struct members *m, const char *name, bool is_required,
                 size_t max_bytes, const char **ret, struct error *err);
/* A JSON number or a string that is one, in plain notation, of at most that many digits. */
int members_decimal(struct request *r, const struct members *m, const char *name, bool is_required,
                    int integer_digits, int scale, const char **ret, struct error *err);
int members_int(struct request *r, const struct members *m, const char *name, int64_t min,
                int64_t max, int64_t *ret_value, struct error *err); /* untouched when absent */
/* An RFC 3339 instant in canonical form; NULL when absent or null. */
int members_time(struct request *r, const struct members *m, const char *name, const char **ret,
                 struct error *err);
/* A date YYYY-MM-DD; NULL when absent or null. */
int members_day(struct request *r, const struct members *m, const char *name, const char **ret,
                struct error *err);
int members_bool(struct request *r, const struct members *m, const char *name, bool *ret,
                 struct error *err); /* untouched when absent */
/* A list of 1 to count_max items, each given to `item`; its errors say which. */
int members_list(struct request *r, const struct members *m, const char *name, size_t count_max,
                 int (*item)(struct request *r, struct span raw, size_t index, void *self,
                             struct error *err),
                 void *self, size_t *ret_count, struct error *err);
/* `ref`, the caller's own number of what it does; without it that of the request: its key, else a
 * new one. */
int members_ref(struct request *r, const struct members *m, size_t max_bytes, const char **ret,
                struct error *err);
/* Refuses a body with members. */
int request_body_nothing(struct request *r, struct error *err);
/* The version that the client's change is based on; it must be there. */
int members_version(struct request *r, const struct members *m, int64_t *ret, struct error *err);

/* ---- lists -------------------------------------------------------------------------------- */

/* The query parameters that every list takes. */
#define LIST_QUERY "sort cursor page page_size"
struct list_request {
    const struct listing_spec *spec;
    struct listing_from from;
    const char *sort; /* the order in force */
    bool is_paged;    /* page=N was given; else by cursor */
    int64_t page, page_size;
};
/* sort, page, page_size, cursor of the query; a cursor of another list, order or other filters is
 * refused as bad_cursor. The total is counted unless a cursor was given. */
int list_begin(struct request *r, const struct listing_spec *spec, struct list_request *ret,
               struct error *err);
/* {"items","total","page","page_size","next_cursor"} */
int list_end(struct request *r, const struct list_request *l, const struct listing *found,
             struct error *err);

/* ---- answers ------------------------------------------------------------------------------ */

/* The envelope around data (JSON). */
int respond_data(struct request *r, int status, struct span data);
/* The envelope of an error or a refusal; logs what is the server's own fault. */
void respond_error(struct request *r, const struct error *err);
/* For what has no struct error: status, stable name, message. */
void respond_refusal(struct request *r, int status, const char *name, const char *message);

/* ---- routing ------------------------------------------------------------------------------ */

enum route_flag {
    ROUTE_PUBLIC = 1 << 0,    /* no token asked for */
    ROUTE_UNLIMITED = 1 << 1, /* not counted by the rate limit */
    ROUTE_NO_DB = 1 << 2,     /* takes no connection, or takes it itself */
    ROUTE_WRITE = 1 << 3,     /* in a transaction, with Idempotency-Key; not for role readonly */
    ROUTE_ADMIN = 1 << 4,     /* only for role admin */
};
struct route {
    const char *method;
    const char *pattern; /* "/api/v1/orders/{order_no}/pay" */
    unsigned flags;
    const char *query; /* names of the query parameters allowed, blank-separated */
    int (*handle)(struct request *r, struct error *err);
};
/* Each resource's table ends with method NULL; all of them stand in routes.def. */
#define ROUTES(name) extern const struct route routes_##name[];
#include "platform/server/routes.def"
#undef ROUTES

/* Handlers that answer from the cache what ?max_age=SECONDS allows (cached.c). */
int get_stock_aged(struct request *r, struct error *err);
int get_product_aged(struct request *r, struct error *err);

/* Everything from the parsed head to the answer in r->out. */
void request_dispatch(struct request *r);
/* For a request that no route takes, whose answer is written: it counts like any other of its
 * client, and beyond the rate the answer is 429. */
void request_count_refused(struct request *r);
/* Which of router_endpoints a route is. */
size_t router_index(const struct route *route); /* NULL: the count */
/* Which endpoints are left out when only these modules are served; *ret is owned, indexed as the
 * endpoints are; ERR_USAGE for a module that is unknown. NULL or empty: all are served, *ret NULL.
 */
int router_leave_out(const struct field_strings *only, bool **ret, struct error *err);
int request_take_connection(struct request *r, struct error *err);
void request_give_connection(struct request *r);

/* For writes that go on outside the database: what was done so far, and the answer so far, are
 * committed; what comes after is in a transaction of its own, which the end of the request commits.
 */
int request_commit(struct request *r, struct error *err);
/* The answer so far is saved with the commit, which is the caller's and the end of the request. */
void request_save(struct request *r);
void request_begin_again(struct request *r);

/* ---- orders (api_order.c) ----------------------------------------------------------------- */

struct order_request;
/* Of the body. ret_at NULL: it says no instant. */
int order_read(struct request *r, struct order_request *ret, const char **ret_at,
               struct error *err);
/* The codes in "coupons", which may be absent. */
int coupons_read(struct request *r, const struct members *m, const char *const **ret,
                 size_t *ret_count, struct error *err);
/* Creates it, with the events of the log; the end of the request commits. */
int order_make(struct request *r, const struct order_request *order, const char **ret_no,
               const char **ret_document, struct error *err);

/* ---- payments (desk.c) -------------------------------------------------------------------- */

int desk_open(struct platform_server *s, const struct settings *settings, struct error *err);
void desk_close(struct platform_server *s);
/* A desk for this request: while the channel is asked, its connection serves others. */
struct saga_desk;
void request_desk(struct request *r, struct saga_desk *ret);

/* ---- MHD's callbacks (connection.c) ------------------------------------------------------- */

void *on_target(void *cls, const char *target, struct MHD_Connection *mhd);
enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                           const char *method, const char *version, const char *upload,
                           size_t *upload_size, void **con_cls);
void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                  enum MHD_RequestTerminationCode code);
enum MHD_Result on_accept(void *cls, const struct sockaddr *address, socklen_t length);
void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                   enum MHD_ConnectionNotificationCode code);
int reaper_start(struct platform_server *s, struct error *err);
void reaper_stop(struct platform_server *s);

/* What holds at this moment: ask once a request and field. */
static inline const struct server_limits *server_limits(struct platform_server *s)
{
    return atomic_load_explicit(&s->limits, memory_order_acquire);
}
/* One line of the server's log. */
void server_log(struct platform_server *s, enum log_level level, const struct log_field *fields,
                const char *message);

#endif
