# The model checker: tests/model/, docs/model.md.
.PHONY: model mutants model-programs

#: M=: the one mutant that make mutants builds

# The interrupt core. routing.c and virq.c are included by world_routing.c and world_virq.c.
MODEL_MODULES := destination inbox tokens eoi_map vioapic vlapic% routing_messages trace trace_text
MODEL_SRC    := $(filter $(addsuffix .c,$(addprefix vmm/interrupts/,$(MODEL_MODULES))),$(PURE)) lib/format.c \
                tests/processor.c $(wildcard tests/model/*.c)
# Without -Wconversion: the states consist of bit-fields.
MODEL_FLAGS  := -std=c11 -D_DEFAULT_SOURCE -I. $(filter-out -Wconversion,$(WARN)) \
                -ffunction-sections -fdata-sections
MODEL_CFLAGS := -O2 -g $(MODEL_FLAGS)
MODEL_OBJ    := $(MODEL_SRC:%.c=$(B)/model/%.o)
MODEL_LD     := $(HOST_CC) -Wl,--gc-sections
# The same under ASan and UBSan, for smoke.t.
MODEL_SAN_CFLAGS := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all $(MODEL_FLAGS)
MODEL_SAN_OBJ    := $(MODEL_SRC:%.c=$(B)/model/san/%.o)
MODEL_SAN_LD     := $(MODEL_LD) -fsanitize=address,undefined

export MODEL_CC      := $(HOST_CC) $(filter-out -I. -g -Werror -W%,$(MODEL_CFLAGS))
export MODEL_OBJECTS := $(MODEL_OBJ)

$(call flags,model-cc,$(HOST_CC) $(MODEL_CFLAGS))
$(call flags,model-ld,$(MODEL_LD) $(MODEL_OBJ))
$(call flags,model-san-cc,$(HOST_CC) $(MODEL_SAN_CFLAGS))
$(call flags,model-san-ld,$(MODEL_SAN_LD) $(MODEL_SAN_OBJ))

# The interrupt core with counters of lines and branches, for coverage.t.
MODEL_COV     := $(filter-out %/trace.c %/trace_text.c,$(filter vmm/interrupts/%,$(MODEL_SRC))) tests/model/world_routing.c
MODEL_COV_OBJ := $(MODEL_COV:%.c=$(B)/model/coverage/%.o)
MODEL_COV_CFLAGS := -O0 -g --coverage $(MODEL_FLAGS)
MODEL_COV_ALL := $(MODEL_COV_OBJ) $(filter-out $(MODEL_COV:%.c=$(B)/model/%.o),$(MODEL_OBJ))

$(call flags,model-cov-cc,$(HOST_CC) $(MODEL_COV_CFLAGS))
$(call flags,model-cov-ld,$(MODEL_LD) --coverage $(MODEL_COV_ALL))

$(B)/model/coverage/%.o: %.c $(B)/flags/model-cov-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(HOST_CC) $(MODEL_COV_CFLAGS) -MMD -MP -c $< -o $@

$(B)/model/model-coverage: $(MODEL_COV_ALL) $(B)/flags/model-cov-ld
	$(call say,CC)
	$(Q)$(MODEL_LD) --coverage $(MODEL_COV_ALL) -o $@

$(B)/model/san/%.o: %.c $(B)/flags/model-san-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(HOST_CC) $(MODEL_SAN_CFLAGS) -MMD -MP -c $< -o $@

$(B)/model/%.o: %.c $(B)/flags/model-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(HOST_CC) $(MODEL_CFLAGS) -MMD -MP -c $< -o $@

$(B)/model/model: $(MODEL_OBJ) $(B)/flags/model-ld
	$(call say,CC)
	$(Q)$(MODEL_LD) $(MODEL_OBJ) -o $@

$(B)/model/model-debug: $(MODEL_SAN_OBJ) $(B)/flags/model-san-ld
	$(call say,CC)
	$(Q)$(MODEL_SAN_LD) $(MODEL_SAN_OBJ) -o $@

model-programs: $(B)/model/model $(B)/model/model-debug $(B)/model/model-coverage

model: $(B)/model/model ## explore the interrupt core in the deeper bounds (docs/model.md)
	$(B)/model/model deep
	$(B)/model/model endless deep progress
	$(B)/model/model posted endless progress modes-pending

mutants: model-programs ## build the mutants of the interrupt core, and check that each is caught
	@B=$(B) tests/model/mutants.t $(M)
