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

model-programs: $(B)/model/model $(B)/model/model-debug

model: $(B)/model/model ## explore the interrupt core in the deeper bounds (docs/model.md)
	$(B)/model/model deep
	$(B)/model/model endless deep progress

mutants: model-programs ## build the mutants of the interrupt core, and check that each is caught
	@B=$(B) tests/model/mutants.t $(M)
