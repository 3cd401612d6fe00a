# The modules that are not pure, on a machine that is not there: tests/machine/machine.h.

# Compiled like the pure ones, but with privileged instructions redirected to that machine.
MACHINE_MODULES := $(filter-out $(PURE),$(wildcard vmm/pc/*.c vmm/vcpu/*.c)) vmm/vm/pc_wiring.c vmm/vm/results.c vmm/vm/schedule.c
MACHINE_SRC     := $(MACHINE_MODULES) $(filter-out tests/machine/test_%,$(wildcard tests/machine/*.c))
MACHINE_FLAGS   := -D_DEFAULT_SOURCE -include tests/machine/redirect.h
MACHINE_OBJ     := $(MACHINE_SRC:%.c=$(B)/host/%.o)
MACHINE_DSDT    := $(B)/host/dsdt.asm.o
MACHINE_LIB     := $(B)/host/libmachine.a

MACHINE_TEST_SRC := $(wildcard tests/machine/test_*.c)
MACHINE_TESTS    := $(MACHINE_TEST_SRC:tests/machine/%.c=$(B)/host/machine/%)
# nasm's object does not say that it needs no executable stack.
MACHINE_LD       := $(TEST_LD) -Wl,-z,noexecstack

$(call flags,machine,$(MACHINE_FLAGS) $(MACHINE_OBJ))
$(call flags,machine-ld,$(MACHINE_LD))

$(MACHINE_OBJ) $(MACHINE_TEST_SRC:%.c=$(B)/host/%.o): TEST_CC += $(MACHINE_FLAGS)
$(MACHINE_OBJ) $(MACHINE_TEST_SRC:%.c=$(B)/host/%.o): $(B)/flags/machine

$(MACHINE_DSDT): vmm/devices/dsdt.asm $(B)/hv/dsdt.aml $(B)/flags/asm
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(ASM) -I $(B)/hv/ $< -o $@

$(MACHINE_LIB): $(MACHINE_OBJ) $(MACHINE_DSDT) $(B)/flags/machine
	@rm -f $@
	$(call say,AR)
	$(Q)ar rcs $@ $(filter %.o,$^)

$(MACHINE_TESTS): $(B)/host/machine/%: $(B)/host/tests/machine/%.o $(MACHINE_LIB) $(PURE_LIB) $(B)/flags/machine-ld
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(MACHINE_LD) $(filter %.o %.a,$^) -lcmocka -o $@

.SECONDARY: $(MACHINE_TEST_SRC:%.c=$(B)/host/%.o)
