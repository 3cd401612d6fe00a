# Pinwheel: one build for everything. `make help` lists the targets.

#: prefix of the compiler and binutils for programs that run on the machine
CROSS_COMPILE ?= x86_64-linux-gnu-
CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
OBJCOPY := $(CROSS_COMPILE)objcopy
NM      := $(CROSS_COMPILE)nm
#: the assembler
NASM    ?= nasm
#: the compiler of ASL, ACPI's source language
IASL    ?= iasl
#: the compiler of programs for the host: the tests
HOST_CC ?= gcc

#: the folder of the build output
B := build

# One short line for each step.
#: V=: 1 shows the commands, and each check of the tests
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-8s%s\n' '$(1)' '$(@:$(B)/%=%)')

# If a recipe fails, its target is deleted: no incomplete file is left.
.DELETE_ON_ERROR:

# $(call flags,NAME,COMMAND): the file build/flags/NAME contains COMMAND, and is rewritten only when COMMAND
# has changed. All that COMMAND builds depends on this file, so a changed flag rebuilds that, nothing else.
# (strip, because $(file <) of make 4.3 does not always cut off the last newline.)
define flags_rule
$(B)/flags/$(1): $(if $(call differ,$(strip $(file <$(B)/flags/$(1))),$(strip $(2))),FORCE)
	@mkdir -p $$(@D)
	@printf '%s\n' '$(2)' >$$@
endef
differ = $(subst x$(1),,x$(2))$(subst x$(2),,x$(1))
flags  = $(eval $(call flags_rule,$(1),$(2)))

.PHONY: FORCE
FORCE:

VERSION = $(shell sed -n 's/^.define PINWHEEL_VERSION "\(.*\)"$$/\1/p' lib/version.h)

# ---- sources and flags -------------------------------------------------------------------------

# The rooms of the hypervisor, and the pure modules: compiled from the same source into the hypervisor
# or the boot loader and into the host's tests. tests/lint/rooms names both, `make lint` checks it.
# lib/memory.c is pure too, but in tests the C library has its functions.
ROOMS := $(shell awk '/^[a-z]/ && !/ uses=/ {print $$1}' tests/lint/rooms)
PURE  := $(filter-out lib/memory.c,$(wildcard $(shell awk -f tests/lint/pure.awk tests/lint/rooms)))

HV_C   := $(filter-out arch/vmx/offsets.c,$(wildcard $(ROOMS:%=%/*.c)))
HV_ASM := $(wildcard $(ROOMS:%=%/*.asm))
# The boot loader shares some files with the hypervisor.
BOOT_C   := $(wildcard boot/*.c lib/*.c arch/paging.c arch/speculation.c arch/speculation_read.c arch/vmx/vmx_controls.c arch/vmx/vmx_capabilities.c drivers/acpi.c drivers/debug_port.c)
BOOT_ASM := $(wildcard boot/*.asm)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wundef -Werror
COMMON := -std=c11 -O2 -g -I. $(WARN) -MMD -MP -ffreestanding -fno-stack-protector -fcf-protection=none \
          -fno-asynchronous-unwind-tables -mno-red-zone -fno-strict-overflow
HV_CFLAGS := $(COMMON) -fno-pic -mcmodel=kernel -mgeneral-regs-only -mpopcnt -funroll-loops -fno-omit-frame-pointer \
             -momit-leaf-frame-pointer -mindirect-branch=thunk-extern -mindirect-branch-register -fno-jump-tables
#: GNU-EFI's headers
EFI_INCLUDE ?= /usr/include/efi
#: its start-up code and library; on other distributions /usr/lib64/gnuefi or /usr/lib64
EFI_LIB     ?= /usr/lib
BOOT_CFLAGS := $(filter-out -ffreestanding -Wundef,$(COMMON)) -ffreestanding -fpic -fshort-wchar -mgeneral-regs-only \
               -isystem $(EFI_INCLUDE) -isystem $(EFI_INCLUDE)/x86_64 -DGNU_EFI_USE_MS_ABI
HOST_CFLAGS := -std=c11 -O1 -g -I. -I$(B) $(WARN) -MMD -MP -fno-omit-frame-pointer -fsanitize=address,undefined \
               -fno-sanitize-recover=all

HV_CC   := $(CC) $(HV_CFLAGS)
BOOT_CC := $(CC) $(BOOT_CFLAGS)
ASM     := $(NASM) -f elf64 -g -F dwarf

.DEFAULT_GOAL := all
.PHONY: all help clean
all: $(B)/BOOTX64.EFI guests check-kernel ## build BOOTX64.EFI and the guests

help: ## list the targets and the variables
	@awk -v version=$(VERSION) -f tools/help.awk $(filter-out %.d,$(MAKEFILE_LIST))

clean: ## remove everything that was built
	rm -rf $(B) compile_commands.json

# ---- the hypervisor ----------------------------------------------------------------------------

HV_OBJ := $(HV_C:%.c=$(B)/hv/%.o) $(HV_ASM:%.asm=$(B)/hv/%.asm.o)
HV_LD  := $(LD) -nostdlib -z max-page-size=4096 -z noexecstack -T linker.ld

$(call flags,hv-cc,$(HV_CC))
$(call flags,asm,$(ASM))
$(call flags,hv-ld,$(HV_LD) $(HV_OBJ))

$(B)/hv/%.o: %.c $(B)/flags/hv-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(HV_CC) -c $< -o $@

$(B)/hv/arch/vmx/offsets.s: arch/vmx/offsets.c $(B)/flags/hv-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(filter-out -g,$(HV_CC)) -MT $@ -MF $(@:.s=.d) -S $< -o $@

$(B)/hv/offsets.inc: $(B)/hv/arch/vmx/offsets.s
	$(Q)sed -n 's/^.*@@ \([A-Za-z_0-9]*\) \$$*\(-*[0-9]*\).*/%define \1 \2/p' $< > $@

$(B)/hv/%.asm.o: %.asm $(B)/flags/asm $(B)/hv/offsets.inc
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(ASM) -I $(B)/hv/ -MD $(@:.o=.d) -MT $@ $< -o $@

#: SeaBIOS's VGA BIOS, from which the screen's font is taken
VGA_ROM ?= /usr/share/seabios/vgabios-stdvga.bin
$(B)/hv/font.bin: tools/font $(VGA_ROM)
	@mkdir -p $(@D)
	$(Q)tools/font $(VGA_ROM) $@

$(B)/hv/drivers/font.asm.o: $(B)/hv/font.bin

# The guests' DSDT. Its warnings are errors.
$(B)/hv/dsdt.aml: vmm/devices/dsdt.asl vmm/devices/pc_map.h
	@mkdir -p $(@D)
	$(call say,IASL)
	$(Q)$(CC) -E -P -x assembler-with-cpp -I. $< -o $(@:.aml=.i)
	$(Q)$(IASL) -we -vs -p $(@:.aml=) $(@:.aml=.i) >$@.log || { cat $@.log; exit 1; }

$(B)/hv/vmm/devices/dsdt.asm.o: $(B)/hv/dsdt.aml

# Linked twice: the second link adds the symbol table of the first, for names in backtraces. The table
# comes last, so no address changes.
$(B)/hv/pass1.elf: $(HV_OBJ) linker.ld $(B)/flags/hv-ld
	$(call say,LD)
	$(Q)$(HV_LD) -o $@ $(HV_OBJ)

$(B)/hv/symbols.asm: $(B)/hv/pass1.elf tools/symbols.awk
	$(Q)$(NM) -n $< | awk -f tools/symbols.awk > $@

$(B)/hv/symbols.o: $(B)/hv/symbols.asm $(B)/flags/asm
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 $< -o $@

$(B)/pinwheel.elf: $(HV_OBJ) $(B)/hv/symbols.o linker.ld $(B)/flags/hv-ld
	$(call say,LD)
	$(Q)$(HV_LD) -o $@ $(HV_OBJ) $(B)/hv/symbols.o

# The boot loader embeds the hypervisor without debug information.
$(B)/boot/pinwheel.stripped.elf: $(B)/pinwheel.elf
	@mkdir -p $(@D)
	$(call say,OBJCOPY)
	$(Q)$(OBJCOPY) --strip-all $< $@

# ---- the boot loader ---------------------------------------------------------------------------

BOOT_OBJ := $(BOOT_C:%.c=$(B)/boot/%.o) $(BOOT_ASM:%.asm=$(B)/boot/%.asm.o)

# A UEFI application is linked as a shared object with GNU-EFI's start-up code, then converted to the
# format that UEFI starts.
EFI_START   := $(EFI_LIB)/crt0-efi-x86_64.o
EFI_LD      := $(LD) -nostdlib --no-undefined -znocombreloc -z noexecstack -T $(EFI_LIB)/elf_x86_64_efi.lds -shared -Bsymbolic
EFI_LIBS    := -L$(EFI_LIB) -lgnuefi -lefi
EFI_OBJCOPY := $(OBJCOPY) -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym -j .rel -j .rela \
               -j .rel.* -j .rela.* -j .reloc --target=efi-app-x86_64 --subsystem=10

$(call flags,boot-cc,$(BOOT_CC))
$(call flags,boot-ld,$(EFI_LD) $(EFI_START) $(EFI_LIBS) $(BOOT_OBJ))
$(call flags,efi-objcopy,$(EFI_OBJCOPY))

$(B)/boot/%.o: %.c $(B)/flags/boot-cc
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(BOOT_CC) -c $< -o $@

$(B)/boot/%.asm.o: %.asm $(B)/boot/pinwheel.stripped.elf $(B)/flags/asm
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 -I $(B)/boot/ -MD $(@:.o=.d) -MT $@ $< -o $@

$(B)/boot/boot.so: $(BOOT_OBJ) $(B)/flags/boot-ld
	$(call say,LD)
	$(Q)$(EFI_LD) -o $@ $(EFI_START) $(BOOT_OBJ) $(EFI_LIBS)
	@if $(NM) -u $@ | grep .; then echo "boot.so has undefined symbols"; exit 1; fi

$(B)/BOOTX64.EFI: $(B)/boot/boot.so $(B)/flags/efi-objcopy
	$(call say,OBJCOPY)
	$(Q)$(EFI_OBJCOPY) $< $@

include guest/guest.mk
include tools/tools.mk
include tests/tests.mk
include tools/page/page.mk
include tools/pwtrace/pwtrace.mk
include tools/book/book.mk

-include $(shell find $(B) -type f -name '*.d' 2>/dev/null)
