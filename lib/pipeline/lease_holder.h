/* lib/pipeline/lease_holder.h - what of a holder its tasks need to know. Included by lease*.c. */
#ifndef DINER_PIPELINE_LEASE_HOLDER_H
#define DINER_PIPELINE_LEASE_HOLDER_H

#include "pipeline/lease.h"

#include <pthread.h>

#define LEASE_SESSION_MAX 32

struct lease_holder {
    char name[300], session[LEASE_SESSION_MAX];
    char *dsn;
    int64_t lease_ms, lost_max;
    bool is_worker;
    struct db_conn *rates; /* of whoever asks for places; NULL: not yet */
    /* the heart */
    pthread_t thread;
    pthread_mutex_t lock; /* is_over */
    pthread_cond_t woken;
    bool is_over, has_thread;
};

/* "diner 1f2e3d4c": no other worker has a name that begins so. */
void lease_session_print(const char *mark, char ret[LEASE_SESSION_MAX]);

#endif
