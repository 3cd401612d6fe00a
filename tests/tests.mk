# The tests, and the lint. See tests/README.md.
.PHONY: test check unit lint format test-programs

# ---- unit tests: one program for each tests/unit/test_*.c ---------------------------------------

# The pure modules, from the same source as in the hypervisor, under ASan and UBSan. The C library's
# memcpy and friends stand in for arch/memory.c.
PURE_LIB   := $(B)/host/libpure.a
PURE_OBJ   := $(PURE:%.c=$(B)/host/%.o)
UNIT_SRC   := $(wildcard tests/unit/test_*.c)
UNIT_TESTS := $(UNIT_SRC:tests/unit/%.c=$(B)/host/unit/%)

# What a test needs besides the pure modules.
$(B)/host/unit/test_symbols: $(B)/host/arch/symbols.o
$(filter $(B)/host/unit/test_invariants%,$(UNIT_TESTS)): $(B)/host/tests/world.o

$(B)/host/%.o: %.c
	@mkdir -p $(@D)
	$(HOST_CC) $(HOST_CFLAGS) -c $< -o $@

$(PURE_LIB): $(PURE_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(UNIT_TESTS): $(B)/host/unit/%: $(B)/host/tests/unit/%.o $(PURE_LIB)
	@mkdir -p $(@D)
	$(HOST_CC) -fsanitize=address,undefined $(filter %.o,$^) $(PURE_LIB) -lcmocka -o $@

.SECONDARY: $(UNIT_SRC:%.c=$(B)/host/%.o)

# Runs test programs and scripts one by one or side by side, and sums up. A test says how it went
# in TAP, the Test Anything Protocol.
PROVE = CMOCKA_MESSAGE_OUTPUT=TAP prove --exec '' --jobs $(TEST_JOBS) $(if $(V),--verbose)
TEST_JOBS ?= 2

unit: $(UNIT_TESTS) ## build and run the unit tests (V=1: every line)
	@$(PROVE) $(UNIT_TESTS)
