# Which lines of the pure modules, and of those that run on the machine of tests/machine, the unit tests
# and the fuzzers' corpora execute (gcov).
.PHONY: coverage
#: the least percentage of lines that make coverage accepts
COVERAGE_LEAST ?= 95
COVERAGE_CC    := $(HOST_CC) $(filter-out -fsanitize% -fno-sanitize% -O1,$(HOST_CFLAGS)) -O0 --coverage
COVERAGE_TESTS := $(patsubst $(B)/host/unit/%,$(B)/coverage/%,$(filter-out %/test_symbols,$(UNIT_TESTS)))
COVERAGE_FUZZ  := $(FUZZERS:$(B)/fuzz/%=$(B)/coverage/%)
COVERAGE_OBJ   := $(PURE:%.c=$(B)/coverage/%.o) $(patsubst %.c,$(B)/coverage/%.o,$(wildcard tests/*.c))

# A library, because a test may replace a module.
COVERAGE_MACHINE       := $(B)/coverage/libmachine.a
COVERAGE_MACHINE_TESTS := $(MACHINE_TESTS:$(B)/host/%=$(B)/coverage/%)
COVERAGE_MACHINE_OBJ   := $(MACHINE_OBJ:$(B)/host/%=$(B)/coverage/%)
COVERAGE_MACHINE_MAINS := $(MACHINE_TEST_SRC:%.c=$(B)/coverage/%.o)

$(call flags,coverage-cc,$(COVERAGE_CC))
$(call flags,coverage-ld,$(COVERAGE_OBJ) $(COVERAGE_MACHINE_OBJ))

$(COVERAGE_MACHINE_OBJ) $(COVERAGE_MACHINE_MAINS): COVERAGE_CC += $(MACHINE_FLAGS)
$(COVERAGE_MACHINE_OBJ) $(COVERAGE_MACHINE_MAINS): $(B)/flags/machine

$(B)/coverage/%.o: %.c $(B)/flags/coverage-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COVERAGE_CC) -c $< -o $@

$(COVERAGE_TESTS): $(B)/coverage/%: $(B)/coverage/tests/unit/%.o $(COVERAGE_OBJ) $(B)/flags/coverage-ld
	$(call say,CC)
	$(Q)$(HOST_CC) --coverage $(filter %.o,$^) -lcmocka -o $@

$(COVERAGE_MACHINE): $(COVERAGE_MACHINE_OBJ) $(MACHINE_DSDT) $(B)/flags/coverage-ld
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcs $@ $(filter %.o,$^)

$(COVERAGE_MACHINE_TESTS): $(B)/coverage/machine/%: $(B)/coverage/tests/machine/%.o $(COVERAGE_MACHINE) $(COVERAGE_OBJ) $(B)/flags/coverage-ld
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(HOST_CC) --coverage -Wl,-z,noexecstack $(filter %.o,$^) $(COVERAGE_MACHINE) -lcmocka -o $@

# The fuzzers execute their corpora with the main() of once.c.
COVERAGE_EXITS_OBJ := $(FUZZ_EXITS_SRC:%.c=$(B)/coverage/%.o)
COVERAGE_EXITS_OWN := $(filter-out $(COVERAGE_MACHINE_OBJ),$(COVERAGE_EXITS_OBJ)) $(B)/coverage/tests/fuzz/fuzz_exits.o
$(COVERAGE_EXITS_OWN): COVERAGE_CC += $(MACHINE_FLAGS)
$(COVERAGE_EXITS_OWN): $(B)/flags/machine
$(B)/coverage/fuzz_exits: COVERAGE_LD_FLAGS := -Wl,-z,noexecstack
$(B)/coverage/fuzz_exits: $(COVERAGE_EXITS_OBJ) $(MACHINE_DSDT)
$(COVERAGE_FUZZ): $(B)/coverage/%: $(B)/coverage/tests/fuzz/%.o $(B)/coverage/tests/fuzz/once.o $(COVERAGE_OBJ) $(B)/flags/coverage-ld
	$(call say,CC)
	$(Q)$(HOST_CC) --coverage $(COVERAGE_LD_FLAGS) $(filter %.o,$^) -o $@

.SECONDARY: $(COVERAGE_OBJ) $(COVERAGE_EXITS_OBJ) $(COVERAGE_MACHINE_OBJ) $(COVERAGE_MACHINE_MAINS) $(UNIT_SRC:%.c=$(B)/coverage/%.o) \
    $(COVERAGE_FUZZ:$(B)/coverage/%=$(B)/coverage/tests/fuzz/%.o)

# $(call coverage_of,NAME,FILES): a line for each file, and one for all.
coverage_of = for file in $(2); do gcov -n -o $(B)/coverage/$${file%/*} $$file 2>/dev/null | \
    awk -v file=$$file '$$0 == "File '\''" file "'\''" { getline; sub(/.*:/, ""); sub(/% of/, ""); print file, $$0 }'; \
    done | awk -v name=$(1) -v least=$(COVERAGE_LEAST) -f tests/coverage.awk

coverage: deps ## count the lines of the pure modules and of the rooms above that tests execute
	@$(MAKE_ALL) coverage-programs
	@find $(B)/coverage -name '*.gcda' -delete
	@for program in $(COVERAGE_TESTS) $(COVERAGE_MACHINE_TESTS); do \
	    $$program >/dev/null 2>&1 || { echo "$$program fails"; exit 1; }; done
	@for program in $(COVERAGE_FUZZ); do name=$${program##*/fuzz_}; \
	    $$program tests/fuzz/corpus/$$name/* || { echo "$$program fails"; exit 1; }; done
	@status=0; $(call coverage_of,pure,$(PURE)) || status=1; \
	    $(call coverage_of,machine,$(MACHINE_MODULES)) || status=1; exit $$status

.PHONY: coverage-programs
coverage-programs: $(COVERAGE_TESTS) $(COVERAGE_MACHINE_TESTS) $(COVERAGE_FUZZ)
