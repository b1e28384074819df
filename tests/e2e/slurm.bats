#!/usr/bin/env bats
# configs/slurm in a Slurm of one node.
# shellcheck disable=SC2016 # ${window.start} is the pipeline's
load ../helper
load ../cli/pipelines

setup_file() {
    dev_start
    cd "$FILE_DIR" || return 1
    export SLURM_CONF=$FILE_DIR/slurm.conf
    slurm_start
}
teardown_file() {
    slurm_stop
    dev_stop
}

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

# munge says who is who; daemons and directories of our own, no account of the machine's.
slurm_start() {
    local node
    node=$(hostname -s)
    mkdir -p state spool
    mkdir -m 700 munge
    (umask 077 && head -c 128 /dev/urandom >munge/key)
    munged --key-file="$PWD/munge/key" --socket="$PWD/munge.sock" --pid-file="$PWD/munge.pid" --seed-file="$PWD/munge/seed" \
        --log-file="$PWD/munge/log" --force 3>&- 2>/dev/null || return 1
    cat >slurm.conf <<TXT
ClusterName=diner
SlurmctldHost=$node(127.0.0.1)
SlurmctldPort=$(free_port)
SlurmdPort=$(free_port)
AuthType=auth/munge
AuthInfo=socket=$PWD/munge.sock
CredType=cred/munge
SlurmUser=$(id -un)
SlurmdUser=$(id -un)
StateSaveLocation=$PWD/state
SlurmdSpoolDir=$PWD/spool
SlurmctldPidFile=$PWD/slurmctld.pid
SlurmdPidFile=$PWD/slurmd.pid
SlurmctldLogFile=$PWD/slurmctld.log
SlurmdLogFile=$PWD/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
NodeName=$node NodeAddr=127.0.0.1 CPUs=4 RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES State=UP MaxTime=INFINITE
TXT
    slurmctld 3>&- && slurmd 3>&- && wait_for 20 is_idle
}
is_idle() { [ "$(sinfo -h -o %t)" = idle ]; }

slurm_stop() {
    local name pid
    for name in slurmd slurmctld munge; do
        pid=$(cat "$FILE_DIR/$name.pid" 2>/dev/null) && kill -KILL "$pid" && tail --pid="$pid" -f /dev/null
    done
    true
}

setup() {
    pipelines_setup
    mkdir -p bin
    ln -sf "$DINER" bin/diner
    export PATH=$PWD/bin:$PATH
    sql "create schema if not exists t; drop table if exists t.sales;
        create table t.sales as select n, timestamptz '2026-11-01 00:00Z' + n * interval '30 min' as at from generate_series(0, 383) n"
    pipeline sales <<YAML
streams:
  sold:
    source: { connection: warehouse, query: 'select n, at from t.sales where at >= \${window.start} and at < \${window.end}' }
    incremental: { cursor: at, start: 2026-11-01T00:00:00Z, window: 1d }
    mode: merge
    key: [n]
    columns: { n: int, at: timestamptz }
YAML
}

submit() { sbatch --parsable --array=0-3 "$@"; }

@test "four tasks of an array make one run of eight windows, each window once" {
    submit "$PROJECT/configs/slurm/diner.sbatch" sales --to 2026-11-09T00:00:00Z
    is_done() { [ "$(grep -lE ' (done|failed): ' diner-*.log | wc -l)" = 4 ] && local left && left=$(squeue -h) && [ -z "$left" ]; }
    wait_for 30 is_done || fail "$(cat diner-*.log)"
    [ "$(grep -l ' done: ' diner-*.log | wc -l)" = 4 ] || fail "$(cat diner-*.log)"
    assert_sql "select count(*) from t.sold" 384
    assert_sql "select string_agg(shard, ' ' order by shard) from diner.run where pipeline = 'sales' and status = 'succeeded'" "0/4 1/4 2/4 3/4"
    assert_sql "select sum(inserted) || ' ' || sum(updated) from diner.run_stream s join diner.run r on r.id = s.run_id where r.pipeline = 'sales'" "384 0"
}

@test "a task that found the remote side away is put back, any other failure is final" {
    printf '#!/bin/sh\nexit "$(cat %s/status)"\n' "$PWD" >bin/away
    chmod +x bin/away
    mv bin/away bin/diner
    echo 5 >status
    job=$(submit --array=2 "$PROJECT/configs/slurm/diner.sbatch" sales)
    is_back() { scontrol show job "${job}_2" | grep -q ' Restarts=1 '; }
    wait_for 20 is_back
    scancel "$job"
    echo 7 >status
    job=$(submit --array=2 "$PROJECT/configs/slurm/diner.sbatch" sales)
    is_final() { scontrol show job "${job}_2" | grep -q 'JobState=FAILED .*' && scontrol show job "${job}_2" | grep -q ' Restarts=0 .*ExitCode=7:0'; }
    wait_for 20 is_final
}
