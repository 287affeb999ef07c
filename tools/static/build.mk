# SPDX-License-Identifier: GPL-3.0-or-later
#
# The graph of the static build, run by static.mk with STATIC_DIR, STATIC_SOURCES, STATIC_VERSION,
# STATIC_WARNINGS. Libraries live in the cache (build.sh decides whether one is there); this
# directory gets a link to their prefix, the objects and the program.

.SUFFIXES:
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

TOOLS := tools/static
PREFIX := $(STATIC_DIR)/prefix
BIN := $(STATIC_DIR)/panocrypt-bootstrap
OBJECTS := $(STATIC_SOURCES:%.c=$(STATIC_DIR)/obj/%.o)
LIBRARIES := $(patsubst $(TOOLS)/rules/%.sh,%,$(wildcard $(TOOLS)/rules/*.sh))

CC := $(PREFIX)/bin/musl-gcc
CFLAGS := -std=gnu11 -O2 -g -fPIE -ffunction-sections -fdata-sections -fstack-protector-strong \
	-fstack-clash-protection -ftrivial-auto-var-init=zero -ffile-prefix-map=$(CURDIR)=. \
	$(STATIC_WARNINGS)
# As pkg-config says it of the shared ones: both <blkid.h> and <blkid/blkid.h> are found.
FOLDERS := blkid libmount libfdisk uuid
CPPFLAGS := -I. $(FOLDERS:%=-isystem $(PREFIX)/usr/include/%) -D_GNU_SOURCE
VERSIONED := $(shell grep -l PANOCRYPT_VERSION $(STATIC_SOURCES) /dev/null)
LDFLAGS := -static-pie -Wl,--gc-sections -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--build-id=sha1
# jose registers its algorithms in constructors that nothing refers to: it is linked whole.
LIBS := -Wl,--whole-archive -ljose -Wl,--no-whole-archive -Wl,--start-group -lcryptsetup \
	-ldevmapper -ljson-c -lfdisk -lmount -lblkid -luuid -lkmod -lcurl -lssl -lcrypto \
	-ljansson -lz -lzstd -llzma -Wl,--end-group -lpthread -lm

.PHONY: program prefix libraries flags FORCE
program: $(BIN)
flags:
	@echo "CC='$(CC)' CPPFLAGS='$(CPPFLAGS)' CFLAGS='$(CFLAGS)' LDFLAGS='$(LDFLAGS)' LIBS='$(LIBS)'"
prefix: $(STATIC_DIR)/prefix.stamp
libraries: $(LIBRARIES:%=library-%)

define library_rule
.PHONY: library-$(1)
library-$(1): $$(addprefix library-,$(shell sed -n "s/^needs='\(.*\)'/\1/p" $(TOOLS)/rules/$(1).sh))
	@+$(TOOLS)/build.sh lib $(1)
endef
$(foreach library,$(LIBRARIES),$(eval $(call library_rule,$(library))))

# Changes only when a library did; all objects depend on it.
$(STATIC_DIR)/prefix.stamp: libraries FORCE
	@$(TOOLS)/build.sh prefix $(PREFIX)
	@readlink $(PREFIX) | cmp -s - $@ || readlink $(PREFIX) >$@

# Changes when the flags did.
$(STATIC_DIR)/flags.stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(CFLAGS) $(CPPFLAGS)' | cmp -s - $@ || echo '$(CFLAGS) $(CPPFLAGS)' >$@

# The version changes with each commit: only the files that name it are compiled again.
$(STATIC_DIR)/version.stamp: FORCE
	@mkdir -p $(@D)
	@echo '$(STATIC_VERSION)' | cmp -s - $@ || echo '$(STATIC_VERSION)' >$@
$(VERSIONED:%.c=$(STATIC_DIR)/obj/%.o): $(STATIC_DIR)/version.stamp
$(VERSIONED:%.c=$(STATIC_DIR)/obj/%.o): CPPFLAGS += -DPANOCRYPT_VERSION='"$(STATIC_VERSION)"'

# It embeds the hooks and scripts of the initramfs generators.
$(STATIC_DIR)/obj/bootstrap/embedded.o: $(shell find initramfs-tools dracut -type f 2>/dev/null)

$(STATIC_DIR)/obj/%.o: %.c $(STATIC_DIR)/prefix.stamp $(STATIC_DIR)/flags.stamp
	@mkdir -p $(@D)
	$(if $(Q),@echo "  CC	$< (musl)";)$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

# Linked and checked under another name: what stands at $(BIN) has passed.
$(BIN): $(OBJECTS) $(STATIC_DIR)/prefix.stamp $(TOOLS)/check.sh $(TOOLS)/build.mk
	$(if $(Q),@echo "  LD	$@";)$(CC) $(CFLAGS) $(LDFLAGS) -o $@.debug $(OBJECTS) $(LIBS)
	$(Q)strip -o $@.new $@.debug
	$(Q)$(TOOLS)/check.sh $@.new $@.debug $(PREFIX)
	$(Q)mv $@.new $@

-include $(OBJECTS:.o=.d)
