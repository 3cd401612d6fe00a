# Lock-step: compares the trace of a run in the emulator with the model. See replay.c.
LOCKSTEP := $(B)/host/lockstep/replay
LOCKSTEP_OBJ := $(patsubst %.c,$(B)/host/%.o,$(wildcard tests/lockstep/*.c))

$(LOCKSTEP): $(LOCKSTEP_OBJ) $(PURE_LIB) $(B)/flags/test-ld
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(TEST_LD) $(filter %.o %.a,$^) -lcmocka -o $@

.SECONDARY: $(LOCKSTEP_OBJ)
