# Random walks of the whole machine: tests/soak/, docs/proof.md.
.PHONY: soak-model

#: MOVES=: how many moves make soak-model makes; 10^9 by default
#: SEED=: its first walk

SOAK_MODULES := destination inbox tokens eoi_map vioapic vlapic vlapic_eoi vlapic_icr vlapic_registers routing routing_messages trace
SOAK_SRC     := $(patsubst %,vmm/interrupts/%.c,$(SOAK_MODULES)) tests/processor.c tests/world.c $(wildcard tests/soak/*.c)
SOAK_CFLAGS  := -std=c11 -O2 -g -D_DEFAULT_SOURCE -I. $(WARN)
SOAK_OBJ     := $(SOAK_SRC:%.c=$(B)/soak/%.o)

export SOAK_CC      := $(HOST_CC) $(filter-out -I. -g -Werror -W%,$(SOAK_CFLAGS))
export SOAK_OBJECTS := $(SOAK_OBJ)

$(call flags,soak-cc,$(HOST_CC) $(SOAK_CFLAGS))
$(call flags,soak-ld,$(HOST_CC) $(SOAK_OBJ))

$(B)/soak/%.o: %.c $(B)/flags/soak-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(HOST_CC) $(SOAK_CFLAGS) -MMD -MP -c $< -o $@

$(B)/soak/soak: $(SOAK_OBJ) $(B)/flags/soak-ld
	$(call say,CC)
	$(Q)$(HOST_CC) $(SOAK_OBJ) -o $@

soak-model: $(B)/soak/soak ## 10^9 random moves of the whole machine against a plain reference (docs/proof.md)
	$(B)/soak/soak progress moves=$(or $(MOVES),1000000000) seed=$(or $(SEED),1)
