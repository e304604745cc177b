# The longer runs. A change must pass `.ci/run`; see CONTRIBUTING.md.

# Lists the commands.
default:
    @just --list

# Everything that a change must pass.
ci:
    .ci/run

# Runs the test programs many times, to find flaky tests; `just repeat --busy tests/it`.
repeat *args:
    tests/repeat {{args}}

# Random runs of store and client against their models, many times as many as usual.
explore:
    CACHE_MODEL_CASES=5000 cargo test --release -p cache-tests --test model
    CACHE_CLIENT_RUNS=20000 cargo test --release -p cache-client --test it -- model::random
    CACHE_STRESS_MILLIS=60000 cargo test --release -p cache-tests --test stress
    CACHE_DOCUMENTS_MUTATED=1000000 cargo test --release -p cache-documents --test mutated

# Large tests at full size.
sweep:
    CACHE_TEST_SIZES=all cargo test --release

# Handovers between threads under many more schedules.
model:
    CACHE_MODEL_SCHEDULES=20000 cargo test --release -p cache-model --test handovers --test client --test documents
    LOOM_MAX_PREEMPTIONS=5 cargo test --release -p cache-model --test gate

# Fuzzes a reader: `read_snapshot`, `read_envelope`, `read_document` or `read_shared`. Needs a nightly compiler and `cargo install cargo-fuzz`.
fuzz target *args:
    cargo +nightly fuzz run {{target}} {{args}}

# Compares with other caches; `just bench --quick` takes a minute.
bench *args:
    cargo run --release -p cache-bench -- {{args}}

# Compares the output of `just bench --json` with the floors in bench/floors.toml.
floors *files:
    cargo run --release -p cache-bench --bin check -- {{files}}

# Counts the instructions of each operation. Needs `valgrind`.
instructions *args:
    cargo run --release -p cache-bench --bin instructions -- {{args}}

# Measures the code that a query adds to a build.
code queries="10":
    cargo run --release -p cache-bench --bin compile -- --code {{queries}}

# Checks licences and advisories of dependencies. Needs `cargo install cargo-deny`.
deny:
    cargo deny check
