# Which lines of the pure modules the unit tests and the fuzzers' corpora execute (gcov).
.PHONY: coverage
#: the least percentage of lines that make coverage accepts
COVERAGE_LEAST ?= 95
COVERAGE_CC    := $(HOST_CC) $(filter-out -fsanitize% -fno-sanitize% -O1,$(HOST_CFLAGS)) -O0 --coverage
COVERAGE_TESTS := $(patsubst $(B)/host/unit/%,$(B)/coverage/%,$(filter-out %/test_symbols,$(UNIT_TESTS)))
COVERAGE_FUZZ  := $(FUZZERS:$(B)/fuzz/%=$(B)/coverage/%)
COVERAGE_OBJ   := $(PURE:%.c=$(B)/coverage/%.o) $(patsubst %.c,$(B)/coverage/%.o,$(wildcard tests/*.c))

$(call flags,coverage-cc,$(COVERAGE_CC))
$(call flags,coverage-ld,$(COVERAGE_OBJ))

$(B)/coverage/%.o: %.c $(B)/flags/coverage-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(COVERAGE_CC) -c $< -o $@

$(COVERAGE_TESTS): $(B)/coverage/%: $(B)/coverage/tests/unit/%.o $(COVERAGE_OBJ) $(B)/flags/coverage-ld
	$(call say,CC)
	$(Q)$(HOST_CC) --coverage $(filter %.o,$^) -lcmocka -o $@

# The fuzzers execute their corpora with the main() of once.c.
$(COVERAGE_FUZZ): $(B)/coverage/%: $(B)/coverage/tests/fuzz/%.o $(B)/coverage/tests/fuzz/once.o $(COVERAGE_OBJ) $(B)/flags/coverage-ld
	$(call say,CC)
	$(Q)$(HOST_CC) --coverage $(filter %.o,$^) -o $@

.SECONDARY: $(COVERAGE_OBJ) $(UNIT_SRC:%.c=$(B)/coverage/%.o) $(COVERAGE_FUZZ:$(B)/coverage/%=$(B)/coverage/tests/fuzz/%.o)

coverage: deps ## count the lines of the pure modules that unit tests and corpora execute
	@$(MAKE_ALL) coverage-programs
	@find $(B)/coverage -name '*.gcda' -delete
	@for program in $(COVERAGE_TESTS); do $$program >/dev/null 2>&1 || { echo "$$program fails"; exit 1; }; done
	@for program in $(COVERAGE_FUZZ); do name=$${program##*/fuzz_}; \
	    $$program tests/fuzz/corpus/$$name/* || { echo "$$program fails"; exit 1; }; done
	@for file in $(PURE); do gcov -n -o $(B)/coverage/$${file%/*} $$file 2>/dev/null | \
	    awk -v file=$$file '$$0 == "File '\''" file "'\''" { getline; sub(/.*:/, ""); sub(/% of/, ""); print file, $$0 }'; \
	    done | awk -v least=$(COVERAGE_LEAST) -f tests/coverage.awk

.PHONY: coverage-programs
coverage-programs: $(COVERAGE_TESTS) $(COVERAGE_FUZZ)
