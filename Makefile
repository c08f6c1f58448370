# GNU make.  "make help" lists the targets.
#
# NGINX_SRC=DIR     build for this source tree of nginx, not for nginx-dev's
# NGINX=FILE        the nginx to ask for its configuration, not the installed
# V=1               show the commands of nginx's own build
# PROVE_FLAGS, TESTS, FUZZ_SECONDS, FUZZ_RUNS, FUZZ_SEED, MODEL_MB,
# SOAK_SECONDS, SOAK_SEED
#                   see the targets that use them
# TEST_NO_CHROMIUM=1  no tests in a browser

CC ?= cc
CFLAGS ?= -g -O2 -fPIC -fstack-protector-strong -D_FORTIFY_SOURCE=2 \
	-Wformat -Werror=format-security
LDFLAGS ?= -Wl,-z,relro -Wl,-z,now
PROVE ?= prove
PROVE_FLAGS ?= -j2
TESTS ?= $(sort $(wildcard t/*.t))

export CC CFLAGS LDFLAGS

# Ubuntu's Chromium is a snap, in which they do not work
ifneq ($(shell grep -s '^ID=ubuntu' /etc/os-release),)
export TEST_NO_CHROMIUM ?= 1
endif

MODULE = build/ngx_mixtrack_module.so
ASAN = build/asan/nginx

SOURCES = $(wildcard src/*.c src/*.h src/core/*.c src/core/*.h)
CORE = $(notdir $(basename $(wildcard src/core/*.c)))

# what has nothing to do with the nginx it runs beside
ALONE = t/build.t t/unit.t t/model.t t/fuzz.t t/demo.t t/tls_http.t \
	t/ingest.t t/bench.t

.DEFAULT_GOAL = all
.DELETE_ON_ERROR:
.NOTPARALLEL:
.SUFFIXES:

.PHONY: all deps demo test test-module test-asan asan warnings fuzz model \
	analyze soak bench install clean distclean help FORCE


all: $(MODULE)			## build/ngx_mixtrack_module.so, for the installed nginx

# the scripts rewrite an .id only if the build would be another one

build/module.id: FORCE
	@build-aux/module id $@

$(MODULE): build/module.id $(SOURCES)
	@build-aux/module build $@

build/asan.id: FORCE
	@build-aux/asan id $@

$(ASAN): build/asan.id $(SOURCES)
	@build-aux/asan build $@

FORCE:


deps:				## install what building, demo and tests need (apt-get)
	@build-aux/deps build demo test

# a TOKEN that happens to be in the environment is not meant for us
demo:				## see events arrive: TOKEN=, REGION=, DEMO_SECONDS=
	@build-aux/deps build demo
	@$(MAKE) --no-print-directory all
	@$(if $(findstring command,$(origin TOKEN)),,env -u TOKEN) demo/run

# in a make of its own, which sees what deps installed; what is missing all the
# same is a failure, not skipped
test:				## everything: build, warnings, both rounds of tests
	@build-aux/deps build demo test
	@TEST_COMPLETE=1 $(MAKE) --no-print-directory \
		all warnings asan test-module test-asan

test-module: all		## the tests in TESTS, with the module loaded by nginx
	$(PROVE) $(PROVE_FLAGS) $(TESTS)

test-asan: asan			## those of them that use nginx, with the sanitizers
	TEST_NGINX_BINARY=$(CURDIR)/$(ASAN) TEST_NGINX_MODULE=static \
		$(PROVE) $(PROVE_FLAGS) $(filter-out $(ALONE),$(TESTS))

asan: $(ASAN)			## build/asan/nginx: ASan, UBSan, the module linked in


# src/core under stricter flags than nginx's, with each compiler there is

STRICT = -std=gnu99 -O2 -Wall -Wextra -Wconversion -Wpointer-arith -Werror \
	-D_GNU_SOURCE -Isrc/core

COMPILERS = gcc $(if $(shell command -v clang 2>/dev/null),clang)

warnings: $(foreach c,$(COMPILERS),$(CORE:%=build/warnings/$(c)/%.o))	## src/core under strict warnings

build/warnings/gcc/%.o: src/core/%.c $(wildcard src/core/*.h) Makefile
	@mkdir -p $(@D)
	@echo "gcc   $<"
	@gcc $(STRICT) -c -o $@ $<

build/warnings/clang/%.o: src/core/%.c $(wildcard src/core/*.h) Makefile
	@mkdir -p $(@D)
	@echo "clang $<"
	@clang $(STRICT) -c -o $@ $<


# of the core with libFuzzer, and of all of it through nginx: the requests of
# FUZZ_SEED=N are the same again, FUZZ_RUNS has nothing to do with them
fuzz: asan			## the fuzzers, FUZZ_SECONDS=60 or FUZZ_RUNS=N executions each
	@build-aux/fuzz
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-60} \
		TEST_NGINX_BINARY=$(CURDIR)/$(ASAN) TEST_NGINX_MODULE=static \
		$(PROVE) -v t/fuzz_requests.t

model:				## check the models of t/model, also the long way
	@build-aux/model

analyze: all			## static analysis: clang-tidy, cppcheck
	@build-aux/deps analyze
	@build-aux/analyze

# SOAK_SEED=N plays the same acts again
soak: all			## everything goes wrong at once, for SOAK_SECONDS=300
	@$(PROVE) -v t/soak

bench:				## measure against access_log and others
	@build-aux/deps build demo bench
	@$(MAKE) --no-print-directory all
	@bench/run

install: all			## put the module where nginx looks for it (DESTDIR=)
	@build-aux/install $(MODULE)

clean:				## remove what was built, keep what was downloaded
	@if [ -d build ]; then \
		find build -mindepth 1 -maxdepth 1 ! -name download \
			-exec rm -rf {} +; \
	fi

distclean:			## remove that, too
	@rm -rf build

help:				## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1	\2/p' $(MAKEFILE_LIST) \
		| awk -F '\t' '{ printf "  make %-12s %s\n", $$1, $$2 }'
