# bash completion for diner, made by 'diner completion bash'
# shellcheck shell=bash

# Candidates, one a line, that go on with what stands there.
_diner_words() {
    local candidate
    while IFS= read -r candidate; do
        [[ $candidate == "$cur"* ]] && COMPREPLY+=("$candidate")
    done
}

_diner_files() {
    mapfile -t COMPREPLY < <(compgen "$1" -- "$cur")
    compopt -o filenames 2>/dev/null
}

_diner_takes() {
    case $1 in
    *:--config) return 0 ;;
    *:--log-level) return 0 ;;
    *:--log-format) return 0 ;;
    *:--color) return 0 ;;
    'diner run':--param | 'diner run':-p) return 0 ;;
    'diner run':--only) return 0 ;;
    'diner run':--from) return 0 ;;
    'diner run':--to) return 0 ;;
    'diner run':--jobs | 'diner run':-j) return 0 ;;
    'diner run':--shard) return 0 ;;
    'diner run':--report) return 0 ;;
    'diner run':--metrics) return 0 ;;
    'diner run':--output | 'diner run':-o) return 0 ;;
    'diner pipeline list':--output | 'diner pipeline list':-o) return 0 ;;
    'diner pipeline show':--output | 'diner pipeline show':-o) return 0 ;;
    'diner pipeline graph':--format) return 0 ;;
    'diner pipeline preview':--stream) return 0 ;;
    'diner pipeline preview':--rows | 'diner pipeline preview':-r) return 0 ;;
    'diner pipeline preview':--param | 'diner pipeline preview':-p) return 0 ;;
    'diner pipeline preview':--output | 'diner pipeline preview':-o) return 0 ;;
    'diner pipeline plan':--only) return 0 ;;
    'diner pipeline plan':--rows | 'diner pipeline plan':-r) return 0 ;;
    'diner pipeline plan':--param | 'diner pipeline plan':-p) return 0 ;;
    'diner pipeline plan':--output | 'diner pipeline plan':-o) return 0 ;;
    'diner pipeline guess':--name) return 0 ;;
    'diner pipeline guess':--schema) return 0 ;;
    'diner pipeline guess':--connector) return 0 ;;
    'diner pipeline guess':--rows) return 0 ;;
    'diner pipeline test':--only) return 0 ;;
    'diner pipeline test':--format) return 0 ;;
    'diner pipeline test':--output | 'diner pipeline test':-o) return 0 ;;
    'diner runs list':--pipeline) return 0 ;;
    'diner runs list':--status) return 0 ;;
    'diner runs list':--limit) return 0 ;;
    'diner runs list':--output | 'diner runs list':-o) return 0 ;;
    'diner runs show':--output | 'diner runs show':-o) return 0 ;;
    'diner runs findings':--check) return 0 ;;
    'diner runs findings':--limit) return 0 ;;
    'diner runs findings':--output | 'diner runs findings':-o) return 0 ;;
    'diner runs resume':--jobs | 'diner runs resume':-j) return 0 ;;
    'diner runs resume':--output | 'diner runs resume':-o) return 0 ;;
    'diner rejects list':--pipeline) return 0 ;;
    'diner rejects list':--stream) return 0 ;;
    'diner rejects list':--run) return 0 ;;
    'diner rejects list':--limit) return 0 ;;
    'diner rejects list':--output | 'diner rejects list':-o) return 0 ;;
    'diner rejects show':--output | 'diner rejects show':-o) return 0 ;;
    'diner rejects export':--pipeline) return 0 ;;
    'diner rejects export':--stream) return 0 ;;
    'diner rejects export':--run) return 0 ;;
    'diner rejects export':--out-file) return 0 ;;
    'diner rejects replay':--stream) return 0 ;;
    'diner rejects replay':--mended) return 0 ;;
    'diner rejects replay':--output | 'diner rejects replay':-o) return 0 ;;
    'diner state get':--output | 'diner state get':-o) return 0 ;;
    'diner state rewind':--to) return 0 ;;
    'diner connector list':--output | 'diner connector list':-o) return 0 ;;
    'diner connector check':--param | 'diner connector check':-p) return 0 ;;
    'diner connector check':--output | 'diner connector check':-o) return 0 ;;
    'diner connector call':--param | 'diner connector call':-p) return 0 ;;
    'diner connector call':--body | 'diner connector call':-d) return 0 ;;
    'diner connector call':--key) return 0 ;;
    'diner connector call':--output | 'diner connector call':-o) return 0 ;;
    'diner connector sign':--param | 'diner connector sign':-p) return 0 ;;
    'diner connector sign':--body | 'diner connector sign':-d) return 0 ;;
    'diner connector sign':--at) return 0 ;;
    'diner connector sign':--nonce) return 0 ;;
    'diner connector sign':--output | 'diner connector sign':-o) return 0 ;;
    'diner orders list':--store | 'diner orders list':-s) return 0 ;;
    'diner orders list':--status) return 0 ;;
    'diner orders list':--since) return 0 ;;
    'diner orders list':--until) return 0 ;;
    'diner orders list':--limit) return 0 ;;
    'diner orders list':--output | 'diner orders list':-o) return 0 ;;
    'diner orders show':--output | 'diner orders show':-o) return 0 ;;
    'diner orders create':--store | 'diner orders create':-s) return 0 ;;
    'diner orders create':--item | 'diner orders create':-i) return 0 ;;
    'diner orders create':--channel) return 0 ;;
    'diner orders create':--guests) return 0 ;;
    'diner orders create':--table) return 0 ;;
    'diner orders create':--payment-method) return 0 ;;
    'diner orders create':--member) return 0 ;;
    'diner orders create':--output | 'diner orders create':-o) return 0 ;;
    'diner orders pay':--payment-method) return 0 ;;
    'diner orders pay':--output | 'diner orders pay':-o) return 0 ;;
    'diner orders cancel':--reason) return 0 ;;
    'diner orders cancel':--output | 'diner orders cancel':-o) return 0 ;;
    'diner orders sync':--from) return 0 ;;
    'diner orders sync':--to) return 0 ;;
    'diner orders sync':--output | 'diner orders sync':-o) return 0 ;;
    'diner stock show':--store | 'diner stock show':-s) return 0 ;;
    'diner stock show':--product) return 0 ;;
    'diner stock show':--limit) return 0 ;;
    'diner stock show':--output | 'diner stock show':-o) return 0 ;;
    'diner stock adjust':--store | 'diner stock adjust':-s) return 0 ;;
    'diner stock adjust':--by) return 0 ;;
    'diner stock adjust':--reason) return 0 ;;
    'diner stock adjust':--note) return 0 ;;
    'diner stock sync':--from) return 0 ;;
    'diner stock sync':--output | 'diner stock sync':-o) return 0 ;;
    'diner perf-report':--from) return 0 ;;
    'diner perf-report':--rate) return 0 ;;
    'diner perf-report':--connections | 'diner perf-report':-c) return 0 ;;
    'diner perf-report':--duration | 'diner perf-report':-d) return 0 ;;
    'diner perf-report':--warmup) return 0 ;;
    'diner perf-report':--timeout) return 0 ;;
    'diner perf-report':--max-requests) return 0 ;;
    'diner perf-report':--method | 'diner perf-report':-X) return 0 ;;
    'diner perf-report':--header | 'diner perf-report':-H) return 0 ;;
    'diner perf-report':--body-file) return 0 ;;
    'diner perf-report':--ca-file) return 0 ;;
    'diner perf-report':--db) return 0 ;;
    'diner perf-report':--baseline) return 0 ;;
    'diner perf-report':--min-change) return 0 ;;
    'diner perf-report':--out-file) return 0 ;;
    'diner perf-report':--save) return 0 ;;
    'diner perf-report':--target-p95) return 0 ;;
    'diner perf-report':--target-mean) return 0 ;;
    'diner perf-report':--target-database) return 0 ;;
    'diner perf-report':--target-rps) return 0 ;;
    'diner perf-report':--target-error-rate) return 0 ;;
    'diner perf-report':--output | 'diner perf-report':-o) return 0 ;;
    'diner serve':--listen) return 0 ;;
    'diner serve':--db) return 0 ;;
    'diner serve':--port-file) return 0 ;;
    'diner serve':--jwt-secret) return 0 ;;
    'diner config show':--output | 'diner config show':-o) return 0 ;;
    'diner db migrate':--connection) return 0 ;;
    'diner db migrate':--output | 'diner db migrate':-o) return 0 ;;
    'diner db status':--connection) return 0 ;;
    'diner db status':--output | 'diner db status':-o) return 0 ;;
    'diner doctor':--output | 'diner doctor':-o) return 0 ;;
    'diner schedule show':--output | 'diner schedule show':-o) return 0 ;;
    'diner dev up':--dir) return 0 ;;
    'diner dev down':--dir) return 0 ;;
    'diner dev status':--dir) return 0 ;;
    'diner dev status':--output | 'diner dev status':-o) return 0 ;;
    'diner dev env':--dir) return 0 ;;
    'diner dev psql':--dir) return 0 ;;
    'diner dev seed':--dir) return 0 ;;
    'diner dev seed':--orders) return 0 ;;
    'diner dev seed':--stores) return 0 ;;
    'diner dev seed':--seed) return 0 ;;
    'diner dev seed':--days) return 0 ;;
    'diner dev seed':--as-of) return 0 ;;
    esac
    return 1
}

_diner_value() {
    case $1 in
    *:--config) _diner_files -f ;;
    *:--log-level) _diner_words < <(printf '%s\n' error warn notice info sql debug trace) ;;
    *:--log-format) _diner_words < <(printf '%s\n' auto text json) ;;
    *:--color) _diner_words < <(printf '%s\n' auto always never) ;;
    'diner run':--report) _diner_files -f ;;
    'diner run':--metrics) _diner_files -f ;;
    'diner run':--output | 'diner run':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner pipeline list':--output | 'diner pipeline list':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner pipeline show':--output | 'diner pipeline show':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner pipeline graph':--format) _diner_words < <(printf '%s\n' text mermaid dot) ;;
    'diner pipeline preview':--output | 'diner pipeline preview':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner pipeline plan':--output | 'diner pipeline plan':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner pipeline guess':--connector) _diner_files -f ;;
    'diner pipeline test':--format) _diner_words < <(printf '%s\n' text tap junit) ;;
    'diner pipeline test':--output | 'diner pipeline test':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner runs list':--pipeline) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner runs list':--status) _diner_words < <(printf '%s\n' all running succeeded partial failed interrupted) ;;
    'diner runs list':--output | 'diner runs list':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner runs show':--output | 'diner runs show':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner runs findings':--output | 'diner runs findings':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner runs resume':--output | 'diner runs resume':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner rejects list':--pipeline) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner rejects list':--output | 'diner rejects list':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner rejects show':--output | 'diner rejects show':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner rejects export':--pipeline) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner rejects export':--out-file) _diner_files -f ;;
    'diner rejects replay':--mended) _diner_files -f ;;
    'diner rejects replay':--output | 'diner rejects replay':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner state get':--output | 'diner state get':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner connector list':--output | 'diner connector list':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner connector check':--output | 'diner connector check':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner connector call':--body | 'diner connector call':-d) _diner_files -f ;;
    'diner connector call':--output | 'diner connector call':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner connector sign':--body | 'diner connector sign':-d) _diner_files -f ;;
    'diner connector sign':--output | 'diner connector sign':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner orders list':--store | 'diner orders list':-s) _diner_words < <(diner __complete stores 2>/dev/null) ;;
    'diner orders list':--status) _diner_words < <(printf '%s\n' all pending paid accepted fulfilled cancelled) ;;
    'diner orders list':--output | 'diner orders list':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner orders show':--output | 'diner orders show':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner orders create':--store | 'diner orders create':-s) _diner_words < <(diner __complete stores 2>/dev/null) ;;
    'diner orders create':--channel) _diner_words < <(printf '%s\n' dine_in takeout delivery) ;;
    'diner orders create':--output | 'diner orders create':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner orders pay':--output | 'diner orders pay':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner orders cancel':--output | 'diner orders cancel':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner orders sync':--output | 'diner orders sync':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner stock show':--store | 'diner stock show':-s) _diner_words < <(diner __complete stores 2>/dev/null) ;;
    'diner stock show':--output | 'diner stock show':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner stock adjust':--store | 'diner stock adjust':-s) _diner_words < <(diner __complete stores 2>/dev/null) ;;
    'diner stock adjust':--reason) _diner_words < <(printf '%s\n' adjust count waste) ;;
    'diner stock sync':--from) _diner_files -f ;;
    'diner stock sync':--output | 'diner stock sync':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner perf-report':--from) _diner_files -f ;;
    'diner perf-report':--body-file) _diner_files -f ;;
    'diner perf-report':--ca-file) _diner_files -f ;;
    'diner perf-report':--baseline) _diner_files -f ;;
    'diner perf-report':--out-file) _diner_files -f ;;
    'diner perf-report':--save) _diner_files -f ;;
    'diner perf-report':--output | 'diner perf-report':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner serve':--port-file) _diner_files -f ;;
    'diner config show':--output | 'diner config show':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner db migrate':--output | 'diner db migrate':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner db status':--output | 'diner db status':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner doctor':--output | 'diner doctor':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner schedule show':--output | 'diner schedule show':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner dev up':--dir) _diner_files -d ;;
    'diner dev down':--dir) _diner_files -d ;;
    'diner dev status':--dir) _diner_files -d ;;
    'diner dev status':--output | 'diner dev status':-o) _diner_words < <(printf '%s\n' table json jsonl csv) ;;
    'diner dev env':--dir) _diner_files -d ;;
    'diner dev psql':--dir) _diner_files -d ;;
    'diner dev seed':--dir) _diner_files -d ;;
    esac
}

_diner_child() {
    case $1 in
    'diner help') return 0 ;;
    'diner run') return 0 ;;
    'diner pipeline') return 0 ;;
    'diner pipeline list') return 0 ;;
    'diner pipeline lint') return 0 ;;
    'diner pipeline show') return 0 ;;
    'diner pipeline graph') return 0 ;;
    'diner pipeline preview') return 0 ;;
    'diner pipeline plan') return 0 ;;
    'diner pipeline guess') return 0 ;;
    'diner pipeline test') return 0 ;;
    'diner runs') return 0 ;;
    'diner runs list') return 0 ;;
    'diner runs show') return 0 ;;
    'diner runs findings') return 0 ;;
    'diner runs resume') return 0 ;;
    'diner rejects') return 0 ;;
    'diner rejects list') return 0 ;;
    'diner rejects show') return 0 ;;
    'diner rejects export') return 0 ;;
    'diner rejects replay') return 0 ;;
    'diner state') return 0 ;;
    'diner state get') return 0 ;;
    'diner state set') return 0 ;;
    'diner state rewind') return 0 ;;
    'diner connector') return 0 ;;
    'diner connector list') return 0 ;;
    'diner connector lint') return 0 ;;
    'diner connector check') return 0 ;;
    'diner connector call') return 0 ;;
    'diner connector sign') return 0 ;;
    'diner orders') return 0 ;;
    'diner orders list') return 0 ;;
    'diner orders show') return 0 ;;
    'diner orders create') return 0 ;;
    'diner orders pay') return 0 ;;
    'diner orders cancel') return 0 ;;
    'diner orders sync') return 0 ;;
    'diner stock') return 0 ;;
    'diner stock show') return 0 ;;
    'diner stock adjust') return 0 ;;
    'diner stock sync') return 0 ;;
    'diner perf-report') return 0 ;;
    'diner serve') return 0 ;;
    'diner config') return 0 ;;
    'diner config show') return 0 ;;
    'diner config check') return 0 ;;
    'diner db') return 0 ;;
    'diner db migrate') return 0 ;;
    'diner db status') return 0 ;;
    'diner doctor') return 0 ;;
    'diner schedule') return 0 ;;
    'diner schedule show') return 0 ;;
    'diner schedule install') return 0 ;;
    'diner schedule remove') return 0 ;;
    'diner dev') return 0 ;;
    'diner dev up') return 0 ;;
    'diner dev down') return 0 ;;
    'diner dev status') return 0 ;;
    'diner dev env') return 0 ;;
    'diner dev psql') return 0 ;;
    'diner dev seed') return 0 ;;
    'diner completion') return 0 ;;
    esac
    return 1
}

_diner_children() {
    case $1 in
    'diner help') _diner_words < <(printf '%s\n' run pipeline runs rejects state connector orders stock perf-report serve config db doctor schedule dev completion exit-codes environment settings) ;;
    'diner') _diner_words < <(printf '%s\n' run pipeline runs rejects state connector orders stock perf-report serve config db doctor schedule dev completion help version) ;;
    'diner pipeline') _diner_words < <(printf '%s\n' list lint show graph preview plan guess test) ;;
    'diner runs') _diner_words < <(printf '%s\n' list show findings resume) ;;
    'diner rejects') _diner_words < <(printf '%s\n' list show export replay) ;;
    'diner state') _diner_words < <(printf '%s\n' get set rewind) ;;
    'diner connector') _diner_words < <(printf '%s\n' list lint check call sign) ;;
    'diner orders') _diner_words < <(printf '%s\n' list show create pay cancel sync) ;;
    'diner stock') _diner_words < <(printf '%s\n' show adjust sync) ;;
    'diner config') _diner_words < <(printf '%s\n' show check) ;;
    'diner db') _diner_words < <(printf '%s\n' migrate status) ;;
    'diner schedule') _diner_words < <(printf '%s\n' show install remove) ;;
    'diner dev') _diner_words < <(printf '%s\n' up down status env psql seed) ;;
    esac
}

_diner_options() {
    case $1 in
    'diner') _diner_words < <(printf '%s\n' --help -h --version --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner run') _diner_words < <(printf '%s\n' --param -p --only --from --to --full-refresh --jobs -j --shard --verify --strict --report --metrics --output -o --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline list') _diner_words < <(printf '%s\n' --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline lint') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline show') _diner_words < <(printf '%s\n' --resolved --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline graph') _diner_words < <(printf '%s\n' --format --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline preview') _diner_words < <(printf '%s\n' --stream --rows -r --param -p --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline plan') _diner_words < <(printf '%s\n' --only --diff --rows -r --raw --param -p --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline guess') _diner_words < <(printf '%s\n' --name --schema --connector --rows --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner pipeline test') _diner_words < <(printf '%s\n' --only --record --format --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner runs') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner runs list') _diner_words < <(printf '%s\n' --pipeline --status --limit --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner runs show') _diner_words < <(printf '%s\n' --slices --left-behind --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner runs findings') _diner_words < <(printf '%s\n' --check --limit --raw --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner runs resume') _diner_words < <(printf '%s\n' --jobs -j --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner rejects') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner rejects list') _diner_words < <(printf '%s\n' --pipeline --stream --run --limit --group --all --raw --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner rejects show') _diner_words < <(printf '%s\n' --raw --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner rejects export') _diner_words < <(printf '%s\n' --pipeline --stream --run --out-file --all --raw --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner rejects replay') _diner_words < <(printf '%s\n' --stream --mended --output -o --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner state') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner state get') _diner_words < <(printf '%s\n' --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner state set') _diner_words < <(printf '%s\n' --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner state rewind') _diner_words < <(printf '%s\n' --to --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner connector') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner connector list') _diner_words < <(printf '%s\n' --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner connector lint') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner connector check') _diner_words < <(printf '%s\n' --param -p --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner connector call') _diner_words < <(printf '%s\n' --param -p --body -d --all -a --key --output -o --dry-run -n --yes -y --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner connector sign') _diner_words < <(printf '%s\n' --param -p --body -d --explain -e --at --nonce --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner orders') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner orders list') _diner_words < <(printf '%s\n' --store -s --status --since --until --limit --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner orders show') _diner_words < <(printf '%s\n' --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner orders create') _diner_words < <(printf '%s\n' --store -s --item -i --channel --guests --table --payment-method --member --output -o --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner orders pay') _diner_words < <(printf '%s\n' --payment-method --output -o --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner orders cancel') _diner_words < <(printf '%s\n' --reason --output -o --dry-run -n --yes -y --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner orders sync') _diner_words < <(printf '%s\n' --from --to --full-refresh --output -o --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner stock') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner stock show') _diner_words < <(printf '%s\n' --store -s --product --limit --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner stock adjust') _diner_words < <(printf '%s\n' --store -s --by --reason --note --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner stock sync') _diner_words < <(printf '%s\n' --from --output -o --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner perf-report') _diner_words < <(printf '%s\n' --from --rate --connections -c --duration -d --warmup --timeout --max-requests --method -X --header -H --body-file --ca-file --db --baseline --min-change --out-file --save --target-p95 --target-mean --target-database --target-rps --target-error-rate --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner serve') _diner_words < <(printf '%s\n' --listen --db --port-file --migrate --jwt-secret --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner config') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner config show') _diner_words < <(printf '%s\n' --origin --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner config check') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner db') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner db migrate') _diner_words < <(printf '%s\n' --connection --output -o --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner db status') _diner_words < <(printf '%s\n' --connection --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner doctor') _diner_words < <(printf '%s\n' --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner schedule') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner schedule show') _diner_words < <(printf '%s\n' --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner schedule install') _diner_words < <(printf '%s\n' --crontab --systemd --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner schedule remove') _diner_words < <(printf '%s\n' --crontab --systemd --dry-run -n --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner dev') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner dev up') _diner_words < <(printf '%s\n' --dir --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner dev down') _diner_words < <(printf '%s\n' --dir --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner dev status') _diner_words < <(printf '%s\n' --dir --output -o --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner dev env') _diner_words < <(printf '%s\n' --dir --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner dev psql') _diner_words < <(printf '%s\n' --dir --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner dev seed') _diner_words < <(printf '%s\n' --dir --orders --stores --seed --days --as-of --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    'diner completion') _diner_words < <(printf '%s\n' --help -h --verbose -v --quiet -q --config --log-level --log-format --color) ;;
    esac
}

_diner_argument() {
    case $1 in
    'diner run':*) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner pipeline lint':*) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner pipeline show':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner pipeline graph':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner pipeline preview':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner pipeline plan':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner pipeline guess':0) _diner_files -f ;;
    'diner pipeline test':*) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner rejects replay':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner state get':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner state set':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner state rewind':0) _diner_words < <(diner __complete pipelines 2>/dev/null) ;;
    'diner connector lint':*) _diner_words < <(diner __complete connectors 2>/dev/null) ;;
    'diner connector check':0) _diner_words < <(diner __complete connectors 2>/dev/null) ;;
    'diner connector check':1) _diner_words < <(diner __complete resources -- "${COMP_WORDS[@]}" 2>/dev/null) ;;
    'diner connector call':0) _diner_words < <(diner __complete connectors 2>/dev/null) ;;
    'diner connector call':1) _diner_words < <(diner __complete resources -- "${COMP_WORDS[@]}" 2>/dev/null) ;;
    'diner connector sign':0) _diner_words < <(diner __complete connectors 2>/dev/null) ;;
    'diner connector sign':1) _diner_words < <(diner __complete resources -- "${COMP_WORDS[@]}" 2>/dev/null) ;;
    'diner config show':*) _diner_words < <(diner __complete settings 2>/dev/null) ;;
    'diner completion':0) _diner_words < <(printf '%s\n' bash zsh fish) ;;
    *) ;;
    esac
}

_diner() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]}
    local at=diner word i value='' position=0 ended=''
    COMPREPLY=()
    # --option=value is three words here
    if [[ $cur == '=' ]]; then
        cur=''
    elif [[ $prev == '=' ]]; then
        prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word == '=' ]]; then
            value=1
        elif [[ -n $value ]]; then
            value=''
        elif [[ $word == '--' ]]; then
            ended=1
        elif [[ -z $ended && $word == -* ]]; then
            _diner_takes "$at:$word" && value=1
        elif ((position == 0)) && _diner_child "$at $word"; then
            at+=" $word"
        else
            position=$((position + 1))
        fi
    done
    if [[ -z $ended ]] && _diner_takes "$at:$prev"; then
        _diner_value "$at:$prev"
    elif [[ -z $ended && $cur == -* ]]; then
        _diner_options "$at"
    else
        ((position == 0)) && _diner_children "$at"
        ((${#COMPREPLY[diner]} > 0)) || _diner_argument "$at:$position"
    fi
}
complete -F _diner diner
