# SPDX-License-Identifier: GPL-3.0-or-later
#
# Panocrypt's only build entry. "make help" prints this list.
#
#> make               panocryptd, panocryptctl and a dynamic developer build of panocrypt-bootstrap, into build/
#> make deps          install what building and testing needs (Debian 12 or 13)
#> make demo          the main job, once, narrated: server, stock VM, conversion, reboots, refusal
#> make check         the tests that a change must pass; ends with "N passed, N failed, N skipped";
#>                    PARTS="unit wire" runs some of: build sanitized unit wire fuzz server static
#>                    native crash static_tests vm cuts powercut
#> make unit          the unit tests alone (seconds); T=name runs one of them
#> make static        the static panocrypt-bootstrap from pinned, checksummed sources
#> make release       checked, stripped, checksummed artifacts
#> make list-vm       the names of the VM cases
#> make check-vm      every VM case, or one: CASE=name
#> make check-server  the server's tests
#> make check-console the web console in a browser
#> make check-powercut random power cuts in VMs, 8 to 12 a conversion: N= cuts (20), SEED=, CASE= one conversion; JOBS=
#> make check-fault   crash states of the conversion's offline steps: CRASH_STATES= CRASH_SEED=; processes of the
#>                    server killed under load: N= requests (default 100000) on each store
#> make bench         figures against their goals, build/bench.json
#> make fuzz          every fuzzer for T seconds: T=60; F=name runs one of them
#> make lint          format, clang-tidy, cppcheck, shellcheck, layers, sizes
#> make clean         remove build/
#>
#> SAN=1     AddressSanitizer and UBSan, into build/san/      WERROR=1  warnings are errors
#> V=1       show the commands                                CC=clang  another compiler

MAKEFLAGS += --no-builtin-rules
.SUFFIXES:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := all

VERSION := $(shell git describe --tags --always --dirty 2>/dev/null || echo unknown)
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1)	$(2)";)

ifeq ($(origin CC),default)
CC := gcc
endif
B := $(if $(FUZZING),build/fuzz,$(if $(SAN),build/san,build))
O := $(B)/obj

# --- compiler -----------------------------------------------------------------------------------

WARNINGS := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 \
	-Wcast-qual -Wimplicit-fallthrough -Wpointer-arith -Wundef -Wwrite-strings \
	-Wredundant-decls -Wold-style-definition -Wdate-time -Wno-missing-field-initializers \
	$(if $(WERROR),-Werror)
HARDENING := -fstack-protector-strong -fstack-clash-protection \
	$(if $(findstring clang,$(CC)),,-ftrivial-auto-var-init=zero)
ifdef FUZZING
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all
else ifdef SAN
OPTIMIZE := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
else
OPTIMIZE := -O2 -g -D_FORTIFY_SOURCE=2
endif

CPPFLAGS_ALL := -I. -D_GNU_SOURCE -DPANOCRYPT_VERSION='"$(VERSION)"' $(CPPFLAGS)
CFLAGS_ALL := -std=gnu11 -fPIE $(OPTIMIZE) $(WARNINGS) $(HARDENING) $(CFLAGS)
LDFLAGS_ALL := -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(OPTIMIZE) $(LDFLAGS)

# --- libraries ----------------------------------------------------------------------------------
# One line a program; --as-needed drops what its files don't use. Nothing is asked of pkg-config for
# targets that don't compile.

COMMON_PKGS := jose jansson libcurl openssl
BOOTSTRAP_PKGS := libcryptsetup devmapper blkid mount fdisk libkmod uuid
SERVER_PKGS := libevent_core libevent_extra libevent_openssl sqlite3 libpq libseccomp p11-kit-1
PKGS := $(COMMON_PKGS) $(BOOTSTRAP_PKGS) $(SERVER_PKGS) cmocka

ifneq ($(filter-out deps help clean lint list-vm,$(or $(MAKECMDGOALS),all)),)
MISSING := $(shell for p in $(PKGS); do pkg-config --exists $$p || echo $$p; done)
ifneq ($(MISSING),)
# "check" and "demo" install first and then start make again.
ifneq ($(filter-out check demo static release,$(or $(MAKECMDGOALS),all)),)
$(error missing libraries: $(strip $(MISSING)). "make deps" installs them)
endif
endif
endif

pkg_cflags = $(shell pkg-config --cflags $(1) 2>/dev/null)
pkg_libs = $(shell pkg-config --libs $(1) 2>/dev/null)
CPPFLAGS_ALL += $(call pkg_cflags,$(PKGS))
HTTP_LIBS := $(shell pkg-config --exists libllhttp && echo -lllhttp || echo -lhttp_parser)
COMMON_LIBS := $(call pkg_libs,$(COMMON_PKGS))
BOOTSTRAP_LIBS := $(call pkg_libs,$(BOOTSTRAP_PKGS)) $(COMMON_LIBS)
SERVER_LIBS := $(call pkg_libs,$(SERVER_PKGS)) $(HTTP_LIBS) $(COMMON_LIBS)
ALL_LIBS := $(BOOTSTRAP_LIBS) $(SERVER_LIBS)

# --- sources ------------------------------------------------------------------------------------
# x.c and x_none.c are two halves of one feature: x_none.c is used for the names in WITHOUT, x.c
# for all others. static.mk uses the *_FULL lists: its libraries can do everything.

WITHOUT :=
ifneq ($(shell pkg-config --atleast-version=2.8 libcryptsetup && echo yes),yes)
WITHOUT += luks_reencrypt selftest_reencrypt
endif
WITHOUT += $(if $(filter -lhttp_parser,$(HTTP_LIBS)),http_llhttp,http_parser)

walk = $(sort $(shell find $(1) -name '*.c' 2>/dev/null))
without = $(foreach w,$(WITHOUT),%/$(w).c)
nones = $(filter %_none.c,$(1))
# of the list $(1): drop x.c where x is in WITHOUT, and x_none.c where it isn't
pick = $(filter-out $(without) $(filter-out $(foreach w,$(WITHOUT),%/$(w)_none.c),$(call nones,$(1))),$(1))

COMMON_SOURCES := $(sort $(wildcard common/*.c))
BOOTSTRAP_SOURCES_ALL := $(sort $(wildcard bootstrap/*.c bootstrap/phases/*.c))
BOOTSTRAP_SOURCES_FULL := $(filter-out %_none.c,$(BOOTSTRAP_SOURCES_ALL))
BOOTSTRAP_SOURCES := $(call pick,$(BOOTSTRAP_SOURCES_ALL))
SERVER_SOURCES := $(call pick,$(call walk,server))
CTL_SOURCES := $(sort $(wildcard ctl/*.c))

objects = $(patsubst %.c,$(O)/%.o,$(1))

# --- programs -----------------------------------------------------------------------------------

PROGRAMS := $(if $(SERVER_SOURCES),$(B)/panocryptd) $(if $(CTL_SOURCES),$(B)/panocryptctl) \
	$(if $(BOOTSTRAP_SOURCES),$(B)/panocrypt-bootstrap)

.PHONY: all
all: $(B)/libcommon.a $(PROGRAMS)

# -MMD doesn't see what .incbin embeds
$(O)/bootstrap/embedded.o: $(shell find initramfs-tools -type f 2>/dev/null)
$(O)/server/admin/assets.o: $(wildcard install.sh) $(shell find server/console -type f 2>/dev/null)

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(call say,CC,$<)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<

# The assembler reads them, which the compiler's dependency files don't tell.
$(O)/server/store/schema.o: $(wildcard server/store/schema/*.sql)

$(B)/libcommon.a: $(call objects,$(COMMON_SOURCES))
	$(call say,AR,$@)rm -f $@ && ar rcs $@ $^

link = $(call say,LD,$@)$(CC) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) $(filter %.a,$^)

$(B)/panocryptd: $(call objects,$(SERVER_SOURCES)) $(B)/libcommon.a
	$(link) $(SERVER_LIBS)

$(B)/panocryptctl: $(call objects,$(CTL_SOURCES)) $(B)/libcommon.a
	$(link) $(COMMON_LIBS)

$(B)/panocrypt-bootstrap: $(call objects,$(BOOTSTRAP_SOURCES)) $(B)/libcommon.a
	$(link) $(BOOTSTRAP_LIBS)

# --- unit tests ---------------------------------------------------------------------------------
# tests/unit/test_x.c names in a comment "UNIT_SOURCES: a.c b.c" what it needs besides common/.

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(sort $(wildcard tests/unit/test_*.c)))
UNIT_PROGRAMS := $(addprefix $(B)/tests/unit/,$(UNIT_TESTS))
UNIT_LIBS := $(ALL_LIBS) $(call pkg_libs,cmocka)

define test_rule
$(B)/$(1): $$(call objects,$(1).c $(call pick,$(shell tools/sources-of UNIT_SOURCES $(1).c))) $(2) $(B)/libcommon.a
	@mkdir -p $$(@D)
	$$(link) $$(UNIT_LIBS)
endef

# "FAILING_SOURCES: a.c b.c" in its head are linked so that each call they make of other files can be made to fail.
FAILING_TESTS := $(patsubst tests/unit/%.c,%,$(shell grep -l FAILING_SOURCES: tests/unit/test_*.c))
define failing_rule
$(B)/failing/$(1).o: $$(call objects,$(call pick,$(shell tools/sources-of FAILING_SOURCES tests/unit/$(1).c))) \
		tools/failing-calls tests/unit/failing.h
	$$(call say,CALLS,$$@)rm -rf $(B)/failing/$(1) && \
		tools/failing-calls --faked $(B)/failing/$(1) $$(filter %.o,$$^) && \
		$(CC) -c -o $(B)/failing/$(1)/calls.o $(B)/failing/$(1)/calls.S && \
		$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -c -o $(B)/failing/$(1)/table.o $(B)/failing/$(1)/table.c && \
		$(CC) -r -nostdlib -o $$@ $(B)/failing/$(1)/*.o
endef
$(foreach t,$(FAILING_TESTS),$(eval $(call failing_rule,$(t))))

$(foreach t,$(UNIT_TESTS),$(eval $(call test_rule,tests/unit/$(t),$(if \
	$(filter $(t),$(FAILING_TESTS)),$(B)/failing/$(t).o))))

.PHONY: unit unit-programs
unit-programs: $(if $(T),$(B)/tests/unit/test_$(T:test_%=%),$(UNIT_PROGRAMS))
unit: unit-programs
	$(Q)tools/run-unit $(if $(T),$(B)/tests/unit/test_$(T:test_%=%),$(UNIT_PROGRAMS))

# Helper programs of the other tests: tests/<folder>/<name>.c, with a line "UNIT_SOURCES:" (may be empty).
TEST_PROGRAMS := $(foreach f,$(sort $(shell grep -ls UNIT_SOURCES: tests/*/*.c)),$(if \
	$(filter tests/unit/%,$(f)),,$(f:%.c=%)))
$(foreach t,$(TEST_PROGRAMS),$(eval $(call test_rule,$(t),)))

# The disk under a VM whose power is cut: an nbdkit plugin.
DISK_OBJECTS := $(call objects,$(addprefix tests/powercut/,disk.c cache.c moment.c))
$(DISK_OBJECTS): CFLAGS += -fPIC
$(B)/tests/powercut/disk.so: $(DISK_OBJECTS)
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) -shared $(OPTIMIZE) -o $@ $^ -lpthread

# tests/fuzz/fuzz_x.c, with FUZZ_SOURCES; tools/fuzz builds them with FUZZING=1 and clang.
FUZZERS := $(patsubst %.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
ifdef FUZZING
define fuzz_rule
$(B)/$(1): $$(call objects,$(1).c $(call pick,$(shell tools/sources-of FUZZ_SOURCES $(1).c))) $(B)/libcommon.a
	@mkdir -p $$(@D)
	$$(link) -fsanitize=fuzzer $$(ALL_LIBS)
endef
$(foreach t,$(FUZZERS),$(eval $(call fuzz_rule,$(t))))
endif

.PHONY: fuzz-programs
fuzz-programs: $(addprefix $(B)/,$(if $(F),tests/fuzz/fuzz_$(F),$(FUZZERS)))

.PHONY: test-programs
test-programs: $(addprefix $(B)/,$(TEST_PROGRAMS)) $(B)/tests/powercut/disk.so

# --- the contract's other targets ---------------------------------------------------------------

-include static.mk

# What "make deps" has just installed is seen by a make that starts after it, hence the recipes.
.PHONY: deps demo check list-vm check-vm check-server check-powercut check-fault bench fuzz lint help clean
deps:
	$(Q)tools/deps

demo: deps
	$(Q)$(MAKE) -j$$(nproc) all static
	$(Q)tests/demo/run

check: deps
	$(Q)tools/check $(PARTS)

list-vm:
	@tests/vm/run --list

check-vm: deps
	$(Q)$(MAKE) -j$$(nproc) all static
	$(Q)tests/vm/run $(CASE)

check-server: deps
	$(Q)$(MAKE) -j$$(nproc) all test-programs
	$(Q)tests/server/run $(CASE)

check-fault: deps
	$(Q)$(MAKE) -j$$(nproc) all test-programs static-libs
	$(Q)REQUESTS=$(or $(N),100000) tests/fault/run

fuzz: deps
	$(Q)tools/fuzz $(or $(T),60) $(F)

lint:
	$(Q)tools/lint

bench: deps
	$(Q)$(MAKE) static-libs
	$(Q)tests/bench/run

check-powercut: deps
	$(Q)$(MAKE) -j$$(nproc) all static test-programs
	$(Q)tests/powercut/run "$(N)" "$(SEED)" "$(CASE)"

.PHONY: check-console
check-console:
	@echo "make $@: not built yet; see NEWS.md for what is" >&2; exit 1

help:
	@sed -n 's/^#> \{0,1\}//p' $(firstword $(MAKEFILE_LIST))

clean:
	rm -rf build

-include $(shell find $(O) -name '*.d' 2>/dev/null)
