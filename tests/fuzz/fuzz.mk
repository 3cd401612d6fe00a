# Fuzzers: one program for each tests/fuzz/fuzz_*.c, with libFuzzer. See tests/README.md.
.PHONY: fuzz fuzzers
#: FUZZ_SECONDS=600: how long each fuzzer runs; 30 in make test
#: the compiler for the fuzzers, with libFuzzer
FUZZ_CC    ?= clang
FUZZERS    := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
FUZZ_OBJ   := $(PURE:%.c=$(B)/fuzz/%.o) $(patsubst %.c,$(B)/fuzz/%.o,$(wildcard tests/*.c))
# clang warns of missing initializers also where others in the same table are designated; GCC does not.
FUZZ_CFLAGS := -std=c11 -O1 -g -I. -Wall -Wextra -Wno-missing-field-initializers -Werror -MMD -MP \
               -fno-sanitize-recover=all -fsanitize=address,undefined

# The fuzzer of the exits runs on the machine of tests/machine, whose objects are compiled with other flags.
FUZZ_EXITS_SRC := $(filter-out vmm/vm/schedule.c vmm/vm/results.c,$(MACHINE_SRC)) $(wildcard tests/fuzz/exits/*.c)
FUZZ_EXITS_OBJ := $(FUZZ_EXITS_SRC:%.c=$(B)/fuzz/%.o)
$(FUZZ_EXITS_OBJ) $(B)/fuzz/tests/fuzz/fuzz_exits.o: FUZZ_CFLAGS += $(MACHINE_FLAGS)
$(FUZZ_EXITS_OBJ) $(B)/fuzz/tests/fuzz/fuzz_exits.o: $(B)/flags/machine
$(B)/fuzz/fuzz_exits: FUZZ_LD_FLAGS := -Wl,-z,noexecstack
$(B)/fuzz/fuzz_exits: $(FUZZ_EXITS_OBJ) $(MACHINE_DSDT)

# libFuzzer chooses inputs by the code that they reach; what only checks is left out.
FUZZ_COVER := -fsanitize=fuzzer-no-link
$(B)/fuzz/tests/machine/%.o $(B)/fuzz/tests/fuzz/exits/checks.o: FUZZ_COVER :=

$(call flags,fuzz-cc,$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_COVER))
$(call flags,fuzz-ld,$(FUZZ_CC) $(FUZZ_OBJ) $(FUZZ_EXITS_OBJ))

$(B)/fuzz/%.o: %.c $(B)/flags/fuzz-cc
	@mkdir -p $(@D)
	$(call say,CLANG)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(FUZZ_COVER) -c $< -o $@

$(FUZZERS): $(B)/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(FUZZ_OBJ) $(B)/flags/fuzz-ld
	$(call say,CLANG)
	$(Q)$(FUZZ_CC) -fsanitize=address,undefined,fuzzer $(FUZZ_LD_FLAGS) $(filter %.o,$^) -o $@

.SECONDARY: $(FUZZ_OBJ) $(FUZZ_EXITS_OBJ) $(FUZZERS:$(B)/fuzz/%=$(B)/fuzz/tests/fuzz/%.o)

fuzzers: $(FUZZERS)

fuzz: deps ## fuzz each parser, the interrupt core and the VM exits for ten minutes
	@$(MAKE_ALL) fuzzers
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} B=$(B) prove --exec '' --verbose tests/fuzz/fuzz.t
