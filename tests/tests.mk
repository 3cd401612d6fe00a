# The tests, and the lint. See tests/README.md.
.PHONY: linux-test test-software wide foreign hostile test check unit unit-tests lint format

# ---- unit tests: one program for each tests/unit/test_*.c ---------------------------------------

# The pure modules, from the same source as in the hypervisor, under ASan and UBSan. The C library's
# memcpy and friends stand in for lib/memory.c.
PURE_LIB   := $(B)/host/libpure.a
PURE_OBJ   := $(PURE:%.c=$(B)/host/%.o)
UNIT_SRC   := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SRC:tests/unit/%.c=$(B)/host/unit/%)

# Code that several tests share.
UNIT_HELP := $(patsubst %.c,$(B)/host/%.o,$(wildcard tests/*.c))

# Further objects of single tests.
$(B)/host/unit/test_symbols: $(B)/host/arch/symbols.o

# The console's drivers, on ports and a clock of the test's.
CONSOLE_OBJ := $(patsubst %,$(B)/host/drivers/%.o,console uart framebuffer debug_port)
KEYBOARD_OBJ := $(B)/host/drivers/keyboard.o
$(CONSOLE_OBJ) $(KEYBOARD_OBJ) $(patsubst %,$(B)/host/tests/unit/test_%.o,console uart keyboard): TEST_CC += -include tests/unit/ports.h
$(B)/host/unit/test_console: $(CONSOLE_OBJ)
$(B)/host/unit/test_keyboard: $(KEYBOARD_OBJ)
$(B)/host/unit/test_uart: $(B)/host/drivers/uart.o
$(B)/host/unit/test_framebuffer: $(B)/host/drivers/framebuffer.o

TEST_CC := $(HOST_CC) $(HOST_CFLAGS)
TEST_LD := $(HOST_CC) -fsanitize=address,undefined

$(call flags,test-cc,$(TEST_CC))
$(call flags,test-ld,$(TEST_LD))
$(call flags,pure,$(UNIT_HELP) $(PURE_OBJ))

$(B)/host/%.o: %.c $(B)/flags/test-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(TEST_CC) -c $< -o $@

$(PURE_LIB): $(UNIT_HELP) $(PURE_OBJ) $(B)/flags/pure
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcs $@ $(filter %.o,$^)

$(UNIT_TESTS): $(B)/host/unit/%: $(B)/host/tests/unit/%.o $(PURE_LIB) $(B)/flags/test-ld
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(TEST_LD) $(filter %.o,$^) $(PURE_LIB) -lcmocka -o $@

.SECONDARY: $(UNIT_SRC:%.c=$(B)/host/%.o)

include tests/machine/machine.mk

unit-tests: $(UNIT_TESTS) $(MACHINE_TESTS)

# ---- running them ------------------------------------------------------------------------------

# Test programs and scripts report in TAP, the Test Anything Protocol; prove runs them and summarizes.
#: SKIP=: parts that make test leaves out and shows as skipped, as in SKIP=browser,linux
#: how many test programs run at once
TEST_JOBS ?= 2
PROVE = B=$(B) CMOCKA_MESSAGE_OUTPUT=TAP prove --exec '' --jobs $(TEST_JOBS) $(if $(V),--verbose)

# The lint calls the compiler with the boot loader's flags, which suit every folder.
export LINT_HOME = $(CURDIR)
export LINT_CC   = $(filter-out -MMD -MP,$(BOOT_CC))
export PURE
export LINT_OBJECTS = $(HV_OBJ) $(BOOT_OBJ) $(GUEST_OBJ) $(filter-out %-task.o,$(LAB_OBJ))

LINT_TESTS     = $(wildcard tests/lint/*.t tests/lib/*.t)
MODEL_TESTS    = $(wildcard tests/model/*.t)
PAGE_TESTS     = $(wildcard tests/page/*.t)
TRACE_TESTS    = $(wildcard tests/trace/*.t)
EMULATOR_TESTS = $(wildcard tests/emulator/*.t)
LINUX_TESTS    = $(wildcard tests/linux/*.t)
WIDE_TESTS     = $(wildcard tests/wide/*.t)
FOREIGN_TESTS  = $(wildcard tests/foreign/*.t)
NESTED_TESTS   = $(wildcard tests/nested/*.t)

# The parts of `make test`, in their order: the tests of each, and what it needs besides `all`.
PARTS := lint unit acpi fuzz model soak analysis page book browser trace emulator linux foreign nested
TESTS.lint     = $(LINT_TESTS)
TESTS.unit     = $(UNIT_TESTS) $(MACHINE_TESTS)
TESTS.acpi     = tests/acpi/acpi.t
TESTS.fuzz     = tests/fuzz/fuzz.t
TESTS.model    = $(MODEL_TESTS)
TESTS.soak     = tests/soak/soak.t
TESTS.analysis = $(wildcard tests/analysis/*.t)
TESTS.page     = $(filter-out %/browser.t,$(PAGE_TESTS))
TESTS.book     = tests/book/book.t
TESTS.browser  = tests/page/browser.t tests/book/browser.t
TESTS.trace    = $(TRACE_TESTS)
TESTS.emulator = $(EMULATOR_TESTS)
TESTS.linux    = $(LINUX_TESTS)
TESTS.foreign  = $(FOREIGN_TESTS)
TESTS.nested   = $(NESTED_TESTS)
NEEDS.lint     = unit-tests $(PWTRACE) compile_commands.json
NEEDS.unit     = unit-tests
NEEDS.acpi     = $(ACPI_TABLES)
NEEDS.fuzz     = fuzzers
NEEDS.model    = model-programs
NEEDS.soak     = $(B)/soak/soak
NEEDS.analysis = analysis-objects
NEEDS.page     = $(PAGE)/pinwheel.html model-programs $(LOCKSTEP)
NEEDS.book     = book-pages
NEEDS.browser  = book-pages
NEEDS.trace    = $(PWTRACE)
NEEDS.emulator = $(LOCKSTEP) $(PWTRACE) $(B)/shim.efi
NEEDS.linux    = $(LINUX)/disk.img $(B)/native.efi
NEEDS.foreign  = $(B)/foreign/memtest
NEEDS.nested   = $(STAGE)

comma := ,
LEFT_OUT  = $(subst $(comma), ,$(SKIP))
TRIED     = $(filter-out $(LEFT_OUT),$(PARTS))
NO_PART   = $(filter-out $(PARTS),$(LEFT_OUT))
ifneq ($(and $(filter test,$(MAKECMDGOALS)),$(strip $(NO_PART))),)
$(error SKIP=$(SKIP): there is no part "$(firstword $(NO_PART))" of make test. Its parts: $(PARTS))
endif

# In place of a part that is left out: a test that says so.
LEFT_OUT_TESTS = $(patsubst %,$(B)/left-out/%.t,$(filter $(LEFT_OUT),$(PARTS)))
$(B)/left-out/%.t:
	@mkdir -p $(@D)
	@printf '#!/bin/sh\necho "1..0 # SKIP left out by SKIP=%s"\n' $* >$@
	@chmod +x $@

unit: $(UNIT_TESTS) $(MACHINE_TESTS) ## build and run the unit tests
	@$(PROVE) $(UNIT_TESTS) $(MACHINE_TESTS)

lint: deps ## check the tree: order of the rooms, headers, purity, build, docs, clang-tidy, format, size
	@$(MAKE_ALL) all unit-tests $(PWTRACE) compile_commands.json
	@LINT_TABLE=1 $(PROVE) $(LINT_TESTS)

check: deps ## the quick tests: lint and unit tests, no emulator
	@$(MAKE_ALL) all unit-tests model-programs analysis-objects $(ACPI_TABLES) $(PWTRACE) compile_commands.json
	@$(PROVE) $(LINT_TESTS) $(UNIT_TESTS) $(MACHINE_TESTS) tests/acpi/acpi.t tests/model/smoke.t tests/page/compile.t

test: deps $(if $(filter book browser,$(TRIED)),book-deps) $(if $(filter page,$(TRIED)),page-deps) $(if $(filter analysis,$(TRIED)),analysis-deps) ## all tests: lint, unit tests, the model checker, and the hypervisor in an emulator
	@$(MAKE_ALL) all $(sort $(foreach part,$(TRIED),$(NEEDS.$(part)))) $(LEFT_OUT_TESTS)
	@$(PROVE) $(foreach part,$(PARTS),$(if $(filter $(part),$(TRIED)),$(TESTS.$(part)),$(B)/left-out/$(part).t))

linux-test: deps ## an unmodified Linux as a guest: its shell, its costs, soaks
	@$(MAKE_ALL) all $(LINUX)/disk.img $(B)/native.efi
	@$(PROVE) $(LINUX_TESTS)

SOFTWARE_TESTS = $(patsubst %,tests/emulator/%.t,interrupts invariants conformance hostile soak) tests/linux/software.t
test-software: deps ## the guests with delivery in software, on each of three processor models
	@$(MAKE_ALL) all $(LOCKSTEP) $(LINUX)/disk.img
	@ONLY_SOFTWARE=1 $(PROVE) $(SOFTWARE_TESTS)

wide: deps ## guests of up to 64 vCPUs, and a Linux with 16
	@$(MAKE_ALL) all $(LINUX)/disk.img
	@$(PROVE) $(WIDE_TESTS)

$(B)/foreign/memtest: tools/foreign-files
	$(call say,FOREIGN)
	$(Q)tools/foreign-files $(@D)

foreign: deps ## kernels of others that are Debian packages: memtest86+
	@$(MAKE_ALL) all $(B)/foreign/memtest
	@$(PROVE) $(FOREIGN_TESTS)

#: ATTACK_ACTIONS=10000000: the random actions of make hostile; ATTACK_SEED=1: the first seed
hostile: deps ## attack the hypervisor with ten million random actions, beside a guest that watches
	@$(MAKE_ALL) all
	@ATTACK_ACTIONS=$${ATTACK_ACTIONS:-10000000} B=$(B) prove --exec '' --verbose tests/emulator/attack.t

# The labs boot, too; lab 11 is in tests/linux/.
EMULATOR_TESTS += $(wildcard tests/labs/*.t)

format: ## apply clang-format to all C files
	clang-format -i $$(git ls-files '*.c' '*.h')

# All that is built from C.
PROGRAMS = all unit-tests model-programs $(B)/soak/soak analysis-objects fuzzers coverage-programs $(LOCKSTEP) $(PWTRACE) $(ACPI_TABLES) $(B)/native.efi $(B)/shim.efi page-engines

include tests/model/model.mk
include tests/soak/soak.mk
include tests/analysis/analysis.mk
include tests/lockstep/lockstep.mk
include tests/fuzz/fuzz.mk
include tests/acpi/acpi.mk
include tests/coverage.mk
include tests/native/native.mk
include tests/shim/shim.mk
include tests/nested/nested.mk
