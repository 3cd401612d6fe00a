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

$(call flags,fuzz-cc,$(FUZZ_CC) $(FUZZ_CFLAGS))
$(call flags,fuzz-ld,$(FUZZ_CC) $(FUZZ_OBJ))

$(B)/fuzz/%.o: %.c $(B)/flags/fuzz-cc
	@mkdir -p $(@D)
	$(call say,CLANG)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) -fsanitize=fuzzer-no-link -c $< -o $@

$(FUZZERS): $(B)/fuzz/%: $(B)/fuzz/tests/fuzz/%.o $(FUZZ_OBJ) $(B)/flags/fuzz-ld
	$(call say,CLANG)
	$(Q)$(FUZZ_CC) -fsanitize=address,undefined,fuzzer $(filter %.o,$^) -o $@

.SECONDARY: $(FUZZ_OBJ) $(FUZZERS:$(B)/fuzz/%=$(B)/fuzz/tests/fuzz/%.o)

fuzzers: $(FUZZERS)

fuzz: deps ## fuzz each parser and the interrupt core for ten minutes
	@$(MAKE_ALL) fuzzers
	@FUZZ_SECONDS=$${FUZZ_SECONDS:-600} B=$(B) prove --exec '' --verbose tests/fuzz/fuzz.t
