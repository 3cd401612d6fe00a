# The guests. Each guest/NAME.c, and each folder guest/NAME/ with several files, becomes a Multiboot
# image, build/guest/NAME.elf. bzimage.asm, oldkernel.asm and task_switch.asm are assembled to flat
# files.

GUESTS      := $(patsubst guest/%.c,%,$(wildcard guest/*.c)) \
               $(filter-out lib,$(sort $(patsubst guest/%/,%,$(dir $(wildcard guest/*/*.c)))))
guest_objects = $(patsubst %.c,$(B)/guest/%.o,$(wildcard guest/$(1).c guest/$(1)/*.c)) \
                $(patsubst %.asm,$(B)/guest/%.asm.o,$(wildcard guest/$(1)/*.asm))
# The scorecard has the tests of these guests.
SHARED_scorecard := $(patsubst %.c,$(B)/guest/%.o,$(filter-out %/main.c,$(wildcard guest/invariants/*.c)))
GUEST_LIB_C := $(wildcard guest/lib/*.c) lib/memory.c lib/format.c
GUEST_LIB   := $(GUEST_LIB_C:%.c=$(B)/guest/%.o) \
               $(patsubst %.asm,$(B)/guest/%.asm.o,$(wildcard guest/lib/*.asm))
GUEST_CC := $(CC) $(COMMON) -fno-pic -mcmodel=small -mgeneral-regs-only -fno-omit-frame-pointer
GUEST_LD := $(LD) -nostdlib -z max-page-size=4096 -z noexecstack -T guest/guest.ld

GUEST_OBJ := $(foreach guest,$(GUESTS),$(call guest_objects,$(guest))) $(GUEST_LIB)

.PHONY: guests
GUEST_FLAT := $(B)/guest/bzimage $(B)/guest/oldkernel.elf $(B)/guest/task_switch.elf
guests: $(GUESTS:%=$(B)/guest/%.elf) $(GUEST_FLAT) ## build the guests

$(call flags,guest-cc,$(GUEST_CC))
$(call flags,guest-ld,$(GUEST_LD) $(GUEST_OBJ))

$(B)/guest/%.o: %.c $(B)/flags/guest-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(GUEST_CC) -c $< -o $@

$(B)/guest/%.asm.o: %.asm $(B)/flags/asm
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(ASM) -MD $(@:.o=.d) -MT $@ $< -o $@

# Linked as ELF64 with symbols, for a debugger, and converted to ELF32 for the loader: Multiboot 1 does
# not define ELF64.
$(foreach guest,$(GUESTS),$(eval $(B)/guest/$(guest).elf64: $(call guest_objects,$(guest)) $(SHARED_$(guest))))
$(B)/guest/%.elf64: $(GUEST_LIB) guest/guest.ld $(B)/flags/guest-ld
	$(call say,LD)
	$(Q)$(GUEST_LD) -o $@ $(filter %.o,$^)

$(B)/guest/%.elf: $(B)/guest/%.elf64
	$(call say,OBJCOPY)
	$(Q)$(OBJCOPY) -O elf32-i386 --strip-all $< $@

$(B)/guest/bzimage: guest/bzimage.asm
$(B)/guest/oldkernel.elf: guest/oldkernel.asm
$(B)/guest/task_switch.elf: guest/task_switch.asm
$(GUEST_FLAT):
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) -f bin $< -o $@

.SECONDARY: $(GUESTS:%=$(B)/guest/%.elf64) $(GUEST_OBJ)
