# The guests. Each guest/NAME.c, and each folder guest/NAME/ with several files, becomes a Multiboot
# image, build/guest/NAME.elf. bzimage.asm, oldkernel.asm and task_switch.asm are assembled to flat
# files.

GUESTS      := $(patsubst guest/%.c,%,$(wildcard guest/*.c)) \
               $(filter-out lib labs,$(sort $(patsubst guest/%/,%,$(dir $(wildcard guest/*/*.c)))))
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

# The labs (docs/labs.md): guest/labs/06_stale_eoi.c becomes build/guest/labs/lab06.elf; and with the
# change of its task, guest/labs/tasks/06, lab06-task.elf.
LAB_SOURCES := $(wildcard guest/labs/[0-9]*.c)
lab_number   = $(firstword $(subst _, ,$(notdir $(1))))
LAB_NUMBERS := $(foreach source,$(LAB_SOURCES),$(call lab_number,$(source)))
LABS        := $(foreach number,$(LAB_NUMBERS),$(B)/guest/labs/lab$(number).elf $(B)/guest/labs/lab$(number)-task.elf)
LAB_OBJ     := $(LAB_SOURCES:%.c=$(B)/guest/%.o) $(LAB_NUMBERS:%=$(B)/guest/labs/lab%-task.o) $(B)/guest/guest/labs/lab.o

.PHONY: guests labs
labs: $(LABS)
GUEST_FLAT := $(B)/guest/bzimage $(B)/guest/oldkernel.elf $(B)/guest/task_switch.elf
guests: $(GUESTS:%=$(B)/guest/%.elf) $(GUEST_FLAT) labs ## build the guests

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
# Xen starts its own firmware at 1 MiB, over which QEMU would load a kernel at that address.
$(B)/guest/scorecard.elf64: GUEST_BASE := -Ttext-segment=0x200000
$(B)/guest/%.elf64: $(GUEST_LIB) guest/guest.ld $(B)/flags/guest-ld
	@mkdir -p $(@D)
	$(call say,LD)
	$(Q)$(GUEST_LD) $(GUEST_BASE) -o $@ $(filter %.o,$^)

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

define lab_rules
$(B)/guest/labs/lab$(1).elf64: $(patsubst %.c,$(B)/guest/%.o,$(2)) $(B)/guest/guest/labs/lab.o
$(B)/guest/labs/lab$(1)-task.elf64: $(B)/guest/labs/lab$(1)-task.o $(B)/guest/guest/labs/lab.o
$(B)/guest/labs/lab$(1)-task.c: $(2) guest/labs/tasks/$(1) tools/lab
	@mkdir -p $$(@D)
	$$(Q)tools/lab change $(2) guest/labs/tasks/$(1) >$$@ || { rm -f $$@; exit 1; }
endef
$(foreach source,$(LAB_SOURCES),$(eval $(call lab_rules,$(call lab_number,$(source)),$(source))))
$(LAB_NUMBERS:%=$(B)/guest/labs/lab%-task.o): %.o: %.c $(B)/flags/guest-cc
	$(call say,CC)
	$(Q)$(GUEST_CC) -c $< -o $@

.SECONDARY: $(GUESTS:%=$(B)/guest/%.elf64) $(GUEST_OBJ) $(LABS:.elf=.elf64) $(LAB_OBJ)
