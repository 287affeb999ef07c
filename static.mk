# SPDX-License-Identifier: GPL-3.0-or-later
#
# The static bootstrapper. Included by the Makefile; works alone too: make -f static.mk static.
# Here are the targets for people; the graph of libraries and objects is tools/static/build.mk, run
# as a make of its own so that it uses all cores however this one was started. docs/static-build.md
# explains it.

STATIC_ARCH ?= x86_64
STATIC_DIR := build/static/$(STATIC_ARCH)-musl
STATIC_BIN := $(STATIC_DIR)/panocrypt-bootstrap
STATIC_SOURCES = $(or $(BOOTSTRAP_SOURCES_FULL),$(filter-out %_none.c,$(sort $(wildcard \
	bootstrap/*.c bootstrap/phases/*.c)))) $(or $(COMMON_SOURCES),$(sort $(wildcard common/*.c)))

# One job more than cores: configure scripts leave them idle half of the time.
STATIC_JOBS ?= $(shell echo $$(($$(nproc) + 1)))
# Whoever else builds in this tree at the same time waits.
STATIC_MAKE = mkdir -p $(STATIC_DIR) && nice -n $(if $(filter 0,$(shell nice)),5,0) \
	flock $(STATIC_DIR)/.lock $(MAKE) -f tools/static/build.mk --no-print-directory \
	$(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(STATIC_JOBS)) \
	STATIC_DIR='$(STATIC_DIR)' STATIC_SOURCES='$(strip $(STATIC_SOURCES))' \
	STATIC_VERSION='$(or $(VERSION),unknown)' STATIC_WARNINGS='$(or $(WARNINGS),-Wall -Wextra)' Q='$(if $(V),,@)'

.PHONY: static static-libs static-flags static-fetch static-outdated static-clean check-static release

static: # the program, linked and checked
	@+$(STATIC_MAKE) program

static-libs: # the libraries alone, as a prefix: $(STATIC_DIR)/prefix
	@+$(STATIC_MAKE) prefix

static-flags: # how to compile and link with them, as shell assignments
	@$(STATIC_MAKE) flags

static-fetch: # the pinned sources, into the cache
	@tools/static/fetch.sh >/dev/null

static-outdated: # pins against what the archive has now
	@tools/static/pin.sh --check

static-clean: # what was linked; the libraries stay in the cache
	rm -rf build/static

check-static: static # --self-test in an empty root and in foreign ones
	@tests/static/run.sh $(STATIC_BIN)

release:
	@echo "make release: not built yet; \"make static\" is the program for x86_64" >&2; exit 1
