# diner: build, demo, test, bench, lint, install. `make help` lists the targets.
.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
PREFIX  ?= /usr/local
DESTDIR ?=
CC      := gcc
# B is where everything built goes; SAN=1 builds with sanitizers, beside the plain build.
ifdef SAN
B ?= build/san
OPTIMISE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
else
B ?= build
OPTIMISE := -O2 -g
endif

PKGS     := libcurl libpq yaml-0.1 jansson libmicrohttpd libcrypto libcrypt zlib libzstd
# Built in when it is there: a cache in Redis.
HIREDIS  := $(shell pkg-config --exists hiredis 2>/dev/null && echo hiredis)
# The same of events through RabbitMQ, and `diner worker`.
RABBITMQ := $(shell pkg-config --exists librabbitmq 2>/dev/null && echo librabbitmq)
PKGS     += $(HIREDIS) $(RABBITMQ)
WARNINGS := -Wall -Wextra -Wshadow -Wconversion -Wformat=2 -Wvla -Wstrict-prototypes \
            -Wmissing-prototypes -Wcast-qual -Wwrite-strings -Wundef -Wno-missing-field-initializers
# Sanitizers make gcc see truncations that are not there: the plain build is the strict one.
ifdef CI
ifndef SAN
WARNINGS += -Werror
endif
endif
DINER_CPPFLAGS = -Ilib -I. -I$(B) -D_GNU_SOURCE -DDINER_VERSION='"$(VERSION)"' -DDINER_PREFIX='"$(PREFIX)"' \
                 $(if $(HIREDIS),-DDINER_HAVE_HIREDIS) $(if $(RABBITMQ),-DDINER_HAVE_RABBITMQ) $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
DINER_CFLAGS   = -std=gnu17 $(WARNINGS) $(OPTIMISE) -fno-strict-overflow -fstack-protector-strong
DINER_LIBS     = $(shell pkg-config --libs $(PKGS) 2>/dev/null) -lcsv -lm -lpthread
COMPILE        = $(CC) $(DINER_CPPFLAGS) $(CPPFLAGS) $(DINER_CFLAGS) $(CFLAGS) -MMD -MP

# Short lines unless V=1.
run = $(if $(V),,@printf '  %-3s %s\n' $(1) $(2);)

# ---- sources -------------------------------------------------------------------------------
# Layers from the bottom up; a layer may include only those it is built on (make lint checks it).
LAYERS := core format db schema net cli pipeline domain perf platform
layer_objects = $(patsubst %.c,$(B)/%.o,$(sort $(shell find lib/$(1) -name '*.c' 2>/dev/null)))
layer_sql     = $(sort $(shell find lib/$(1) -name '*.sql' -o -name 'openapi.yaml' \
                -o -path '*/assets/*' -type f 2>/dev/null) \
                $(if $(filter platform,$(1)),configs/connectors/platform.yaml configs/prometheus/alerts.yml))
EMBEDDED := $(foreach l,$(LAYERS),$(call layer_sql,$(l)))
EMBEDDED := $(wildcard $(EMBEDDED))
# lib/domain/sql/order_get.sql becomes sql_order_get; lib/domain/migrations/0001_x.sql becomes
# migration_domain_0001_x; other files become embedded_STEM_EXT.
symbol = $(strip $(if $(findstring /migrations/,$(1)),migration_$(word 2,$(subst /, ,$(1)))_$(basename $(notdir $(1))),\
         $(if $(filter %.sql,$(1)),sql_$(basename $(notdir $(1))),embedded_$(subst .,_,$(notdir $(1))))))
gen_object = $(B)/gen/$(subst /,_,$(1)).o

define LAYER_template
OBJECTS_$(1) := $(call layer_objects,$(1)) $(foreach f,$(filter $(call layer_sql,$(1)),$(EMBEDDED)),$(call gen_object,$(f)))
$(if $(wildcard lib/$(1)/migrations),OBJECTS_$(1) += $(B)/gen/migrations_$(1).o)
$(B)/lib$(1).a: $$(OBJECTS_$(1))
	@mkdir -p $$(@D) && rm -f $$@ && ar rcs $$@ $$^
endef
$(foreach l,$(LAYERS),$(eval $(call LAYER_template,$(l))))

USES_core     := core
USES_format   := format core
USES_db       := db core
USES_schema   := schema db format core
USES_net      := net schema db format core
USES_cli      := cli schema db format core
USES_pipeline := pipeline net cli schema db format core
USES_domain   := domain net cli schema db format core
USES_perf     := perf net cli schema db format core
USES_platform := platform domain net cli schema db format core
USES_cmd      := platform perf domain pipeline net cli schema db format core
archives = $(foreach l,$(USES_$(1)),$(B)/lib$(l).a)

CMD_OBJECTS := $(patsubst %.c,$(B)/%.o,$(sort $(wildcard cmd/*.c)))
UNIT_TESTS  := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/*/test_*.c)))
FUZZERS     := $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

CATALOGUES  := $(patsubst lib/messages/%.po,$(B)/locale/%/LC_MESSAGES/diner.mo,$(wildcard lib/messages/*.po))

# ---- building ------------------------------------------------------------------------------
.PHONY: all build
all: build ## build bin, completions and man pages (default)
build: $(B)/diner $(CATALOGUES)

# The texts in other languages: lib/messages/LANGUAGE.po. A translation that has not the conversions of
# its format is refused.
$(B)/locale/%/LC_MESSAGES/diner.mo: lib/messages/%.po
	@mkdir -p $(@D)
	$(call run,MO,$<) msgfmt --check --output-file=$@ $<

# Libraries that only some commands need are loaded at the first call (lib/lazy.awk), so that starting
# stays quick. Elsewhere than on x86-64, and under sanitizers, they are linked as usual.
LAZY := $(if $(SAN),,$(if $(filter x86_64-%,$(shell $(CC) -dumpmachine)),-lcurl -lpq -lmicrohttpd -lz -lzstd $(if $(HIREDIS),-lhiredis) $(if $(RABBITMQ),-lrabbitmq)))
LAZY_OBJECTS := $(if $(LAZY),$(B)/gen/lazy.o $(B)/lib/lazy.o)
lazy_soname = $$(readelf -d "$$($(CC) -print-file-name=lib$(1).so)" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
$(B)/gen/lazy.S: $(CMD_OBJECTS) $(call archives,cmd) lib/lazy.awk
	@nm -u $(CMD_OBJECTS) $(call archives,cmd) | sed -n 's/^ *U //p' | sort -u | \
	    sed -n "s/^curl_/$(call lazy_soname,curl) &/p; s/^PQ/$(call lazy_soname,pq) &/p; s/^MHD_/$(call lazy_soname,microhttpd) &/p; s/^[id][ne]flate/$(call lazy_soname,z) &/p; s/^ZSTD_/$(call lazy_soname,zstd) &/p; s/^redis[A-Z]/$(call lazy_soname,hiredis) &/p; s/^freeReplyObject/$(call lazy_soname,hiredis) &/p; s/^amqp_/$(call lazy_soname,rabbitmq) &/p" | \
	    awk -f lib/lazy.awk > $@.new && mv $@.new $@
$(B)/gen/lazy.o: $(B)/gen/lazy.S
	@$(CC) -c $< -o $@

$(B)/diner: $(CMD_OBJECTS) $(call archives,cmd) $(LAZY_OBJECTS) | $(CATALOGUES)
	$(call run,LD,$@) $(CC) $(OPTIMISE) $(LDFLAGS) -o $@ $(CMD_OBJECTS) $(call archives,cmd) $(LAZY_OBJECTS) \
	    $(filter-out $(LAZY),$(DINER_LIBS))

$(B)/%.o: %.c $(B)/gen/embed.h
	@mkdir -p $(@D)
	$(call run,CC,$<) $(COMPILE) -c $< -o $@

$(B)/gen/embed.h: $(EMBEDDED) Makefile
	@mkdir -p $(@D)
	@{ echo '/* generated: the text files compiled into the program */'; \
	   $(foreach f,$(EMBEDDED),echo 'extern const char $(call symbol,$(f))[];';) } > $@.new
	@cmp -s $@.new $@ && rm $@.new && touch $@ || mv $@.new $@

define EMBED_template
$(basename $(call gen_object,$(1))).c: $(1) lib/embed.awk $(B)/gen/embed.h
	@mkdir -p $$(@D) && awk -v symbol=$(call symbol,$(1)) -f lib/embed.awk $$< > $$@
$(call gen_object,$(1)): $(basename $(call gen_object,$(1))).c
	@$$(COMPILE) -c $$< -o $$@
endef
$(foreach f,$(EMBEDDED),$(eval $(call EMBED_template,$(f))))

define MIGRATIONS_template
$(B)/gen/migrations_$(1).c: $(sort $(wildcard lib/$(1)/migrations/*.sql)) Makefile
	@mkdir -p $$(@D)
	@{ echo '#include "db/migrate.h"'; echo '#include "gen/embed.h"'; \
	   echo 'extern const struct migration migrations_$(1)[];'; \
	   echo 'const struct migration migrations_$(1)[] = {'; \
	   $(foreach f,$(sort $(wildcard lib/$(1)/migrations/*.sql)),echo '    {"$(basename $(notdir $(f)))", $(call symbol,$(f))},';) \
	   echo '    {0}};'; } > $$@
$(B)/gen/migrations_$(1).o: $(B)/gen/migrations_$(1).c $(B)/gen/embed.h
	@$$(COMPILE) -c $$< -o $$@
endef
$(foreach l,$(LAYERS),$(if $(wildcard lib/$(l)/migrations),$(eval $(call MIGRATIONS_template,$(l)))))

# ---- tests ---------------------------------------------------------------------------------
# A unit test may name linker options in a line "LDFLAGS: ..." (for --wrap).
define UNIT_template
$(B)/tests/unit/$(1)/%: tests/unit/$(1)/%.c $(call archives,$(1)) $(B)/gen/embed.h
	@mkdir -p $$(@D)
	$$(call run,CC,$$<) $$(COMPILE) -o $$@ $$< $$$$(sed -n 's/.*LDFLAGS: //p' $$< | head -1) $(call archives,$(1)) $$(DINER_LIBS) -lcmocka
endef
$(foreach l,$(LAYERS) cmd,$(eval $(call UNIT_template,$(l))))

# Programs that the bats files start.
TEST_PROGRAMS := $(B)/faulty
$(B)/faulty: tests/perf/faulty.c $(call archives,platform) $(B)/gen/embed.h
	$(call run,CC,$<) $(COMPILE) -o $@ $< $(call archives,platform) $(DINER_LIBS)

.PHONY: unit $(addprefix unit-,$(LAYERS))
unit: $(UNIT_TESTS) ## build and run the unit tests only
	@B=$(B) tests/run unit
$(addprefix unit-,$(LAYERS)): unit-%: # the unit tests of one layer
	@$(MAKE) --no-print-directory $(filter $(B)/tests/unit/$*/%,$(UNIT_TESTS)) && B=$(B) tests/run unit $*

# Fuzzers are built by clang in their own tree; FUZZ_SECONDS each.
FUZZ_SECONDS ?= 10
.PHONY: fuzz fuzz-build
fuzz-build: # all fuzz targets
	@$(MAKE) --no-print-directory CC=clang B=build/fuzz OPTIMISE="-O1 -g -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=undefined" WARNINGS=-Wno-everything $(addprefix build/fuzz/,$(FUZZERS))
$(B)/fuzz_%: tests/fuzz/fuzz_%.c $(call archives,cmd)
	$(call run,CC,$<) $(COMPILE) -fsanitize=fuzzer -o $@ $< $(call archives,cmd) $(DINER_LIBS)
fuzz: fuzz-build ## run every fuzz target for FUZZ_SECONDS (default 10)
	@tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# ---- trying, testing, measuring ---------------------------------------------------------------
.PHONY: deps demo test check check-core bench lint docs install install-files uninstall deb
deps: # installs the Debian packages that are missing
	@.ci/deps

demo: ## a private PostgreSQL and platform, sample data, the whole night; twice is quick
	@.ci/deps build run
	@$(MAKE) --no-print-directory build
	@tests/demo $(B)/diner

test: ## install what is missing, build, run every test; ends with "N passed, N failed"
	@.ci/deps build run test
	@$(MAKE) --no-print-directory check
check: build $(UNIT_TESTS) $(TEST_PROGRAMS) # every test, with what is installed
	@B=$(B) tests/run all
check-core: build $(UNIT_TESTS) $(TEST_PROGRAMS) # unit tests, and what is read from elsewhere
	@B=$(B) tests/run core

BENCH_FLAGS ?=
bench: build ## against psql, Miller, pgloader and others, both sides in one run (medians of 5); BENCH_FLAGS="--only files"
	@.ci/deps bench
	@tests/bench/run $(B)/diner $(BENCH_FLAGS)

lint: $(B)/gen/embed.h ## format, clang-tidy, cppcheck, shellcheck, headers alone, layers
	@.ci/deps lint
	@tests/lint

# ---- generated documents -----------------------------------------------------------------------
docs: build ## regenerate completions/, docs/reference/ and docs/man/ from the declarations
	@tests/docs $(B)/diner .

# ---- installing --------------------------------------------------------------------------------
SHARE := $(DESTDIR)$(PREFIX)/share
EXAMPLES := $(SHARE)/doc/diner/examples
install: build install-files ## install under PREFIX (default /usr/local), DESTDIR honoured
install-files: # the same of what is built
	install -D -m 0755 $(B)/diner $(DESTDIR)$(PREFIX)/bin/diner
	install -D -m 0644 completions/diner.bash $(SHARE)/bash-completion/completions/diner
	install -D -m 0644 completions/_diner $(SHARE)/zsh/site-functions/_diner
	install -D -m 0644 completions/diner.fish $(SHARE)/fish/vendor_completions.d/diner.fish
	install -d $(SHARE)/man/man1 $(SHARE)/diner/pipelines/sql $(SHARE)/diner/connectors
	install -m 0644 docs/man/*.1 $(SHARE)/man/man1/
	for catalogue in $(CATALOGUES:$(B)/%=%); do \
	    install -D -m 0644 $(B)/$$catalogue $(SHARE)/$$catalogue || exit; done
	install -d $(SHARE)/man/zh_CN/man1
	install -m 0644 docs/man/zh_CN/*.1 $(SHARE)/man/zh_CN/man1/
	install -m 0644 pipelines/*.yaml $(SHARE)/diner/pipelines/
	install -m 0644 pipelines/sql/*.sql $(SHARE)/diner/pipelines/sql/
	install -m 0644 configs/connectors/*.yaml $(SHARE)/diner/connectors/
	cd configs && find . -name connectors -prune -o -type f -exec install -D -m 0644 {} $(EXAMPLES)/{} \;
	sed -i 's|/usr/local/bin/diner|$(PREFIX)/bin/diner|' $(EXAMPLES)/cron/* $(EXAMPLES)/systemd/*
uninstall: ## remove what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/diner $(SHARE)/man/man1/diner*.1 \
	    $(SHARE)/man/zh_CN/man1/diner*.1 $(CATALOGUES:$(B)/%=$(SHARE)/%) \
	    $(SHARE)/bash-completion/completions/diner $(SHARE)/zsh/site-functions/_diner \
	    $(SHARE)/fish/vendor_completions.d/diner.fish
	rm -rf $(SHARE)/diner $(SHARE)/doc/diner
deb: build ## build/diner_VERSION_ARCH.deb, of what install would put under /usr
	@.ci/deb $(B) $(VERSION) $(B)

# ---- housekeeping --------------------------------------------------------------------------
.PHONY: clean help format
clean: ## remove everything built
	rm -rf build
format: ## reformat the C sources
	clang-format -i $$(git ls-files '*.c' '*.h')
help: ## show this list
	@awk -F':.*## ' '/^[a-z-]+:.*## /{printf "  %-12s %s\n",$$1,$$2}' $(MAKEFILE_LIST)

-include $(shell find $(B) -name '*.d' 2>/dev/null)
