/* lib/perf/health.h - what the server's counters and catalog say of its own health: cache, spills,
 * locks, connections, transactions, vacuum, statistics, sequences. See docs/perf-diagnosis.md. */
#ifndef DINER_PERF_HEALTH_H
#define DINER_PERF_HEALTH_H

#include "db/conn.h"
#include "perf/finding.h"

void diagnose_health(struct diagnosis *d);
/* Needs the database: how far each sequence has come. */
int diagnose_sequences(struct diagnosis *d, struct db_conn *conn, struct error *err);

#endif
