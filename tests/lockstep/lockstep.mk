# Lock-step: the trace of a run in the emulator against the model of it. See replay.c.
LOCKSTEP := $(B)/host/lockstep/replay

$(LOCKSTEP): $(B)/host/tests/lockstep/replay.o $(PURE_LIB)
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(HOST_CC) -fsanitize=address,undefined $^ -lcmocka -o $@

.SECONDARY: $(B)/host/tests/lockstep/replay.o
