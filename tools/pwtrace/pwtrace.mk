# Traces as files for other programs: docs/traces.md.
.PHONY: trace

PWTRACE     := $(B)/host/pwtrace
PWTRACE_OBJ := $(patsubst %.c,$(B)/host/%.o,$(wildcard tools/pwtrace/*.c) $(filter-out tests/lockstep/main.c,$(wildcard tests/lockstep/*.c)))

$(call flags,pwtrace,$(PWTRACE_OBJ))

$(PWTRACE): $(PWTRACE_OBJ) $(PURE_LIB) $(B)/flags/test-ld $(B)/flags/pwtrace
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(TEST_LD) $(filter %.o %.a,$^) -lcmocka -o $@

.SECONDARY: $(PWTRACE_OBJ)

#: LOG=build/run/serial.log: the log that make trace reads; the guests need trace = on
#: LAB=06: run this lab with a trace instead, and write it as build/trace/06.*
trace: deps ## write the trace of a run as text, for waveform viewers and for Perfetto (docs/traces.md)
ifneq ($(LAB),)
	@$(MAKE_ALL) $(PWTRACE) $(B)/BOOTX64.EFI labs $(if $(filter 11,$(LAB)),$(LINUX)/disk.img)
	@tools/lab trace '$(LAB)'
else
	@$(MAKE_ALL) $(PWTRACE)
	@mkdir -p $(B)/trace
	@log="$${LOG:-$(RUN)/serial.log}"; name=$$(basename "$$log" .log); \
	if [ "$$name" = serial ]; then name=$$(basename "$$(dirname "$$(realpath "$$log")")"); fi; \
	$(PWTRACE) "$$log" "$(B)/trace/$$name"; \
	tr -d '\r' <"$$log" | grep '^TRACE ' >"$(B)/trace/$$name.log.new"; \
	mv "$(B)/trace/$$name.log.new" "$(B)/trace/$$name.log"
endif
