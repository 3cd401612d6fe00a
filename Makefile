# Pinwheel: one build for everything. `make help` lists the targets.

CROSS_COMPILE ?= x86_64-linux-gnu-
CC      := $(CROSS_COMPILE)gcc
LD      := $(CROSS_COMPILE)ld
OBJCOPY := $(CROSS_COMPILE)objcopy
NM      := $(CROSS_COMPILE)nm
NASM    ?= nasm
IASL    ?= iasl
HOST_CC ?= gcc

B := build

# One short line for each step; V=1 shows the commands.
Q   := $(if $(V),,@)
say  = $(if $(V),,@printf '  %-8s%s\n' '$(1)' '$(@:$(B)/%=%)')

# ---- what is built from what -------------------------------------------------------------------

# The rooms of the hypervisor, and the pure modules: compiled from the same source into the hypervisor
# or the boot loader and into the host's tests. tests/lint/rooms names both, `make lint` checks it.
# lib/memory.c is pure too, but in tests the C library has its functions.
ROOMS := $(shell awk '/^[a-z]/ && !/ uses=/ {print $$1}' tests/lint/rooms)
PURE  := $(filter-out lib/memory.c,$(wildcard $(shell awk -f tests/lint/pure.awk tests/lint/rooms)))

HV_C   := $(filter-out arch/vmx/offsets.c,$(wildcard $(ROOMS:%=%/*.c)))
HV_ASM := $(wildcard $(ROOMS:%=%/*.asm))
# What the boot loader shares with the hypervisor.
BOOT_C   := $(wildcard boot/*.c lib/*.c arch/paging.c arch/vmx/vmx_controls.c arch/vmx/vmx_capabilities.c drivers/acpi.c)
BOOT_ASM := $(wildcard boot/*.asm)

WARN := -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Wstrict-prototypes \
        -Wmissing-prototypes -Wundef -Werror
COMMON := -std=c11 -O2 -g -I. $(WARN) -MMD -MP -ffreestanding -fno-stack-protector -fcf-protection=none \
          -fno-asynchronous-unwind-tables -mno-red-zone -fno-strict-overflow
HV_CFLAGS := $(COMMON) -fno-pic -mcmodel=kernel -mgeneral-regs-only -mpopcnt -funroll-loops -fno-omit-frame-pointer \
             -momit-leaf-frame-pointer
# GNU-EFI's headers, and its start-up code and library; elsewhere than in Debian these may be in
# /usr/lib64/gnuefi or /usr/lib64.
EFI_INCLUDE ?= /usr/include/efi
EFI_LIB     ?= /usr/lib
BOOT_CFLAGS := $(filter-out -ffreestanding -Wundef,$(COMMON)) -ffreestanding -fpic -fshort-wchar -mgeneral-regs-only \
               -isystem $(EFI_INCLUDE) -isystem $(EFI_INCLUDE)/x86_64 -DGNU_EFI_USE_MS_ABI
HOST_CFLAGS := -std=c11 -O1 -g -I. -I$(B) $(WARN) -MMD -MP -fno-omit-frame-pointer -fsanitize=address,undefined \
               -fno-sanitize-recover=all

.DEFAULT_GOAL := all
.PHONY: all help clean
all: $(B)/BOOTX64.EFI guests ## build BOOTX64.EFI and the guests

help: ## list the targets
	@awk -F':.*## ' '/^[a-z_.-]+:.*## /{printf "  make %-22s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

clean: ## remove everything that was built
	rm -rf $(B) compile_commands.json

# ---- the hypervisor ----------------------------------------------------------------------------

HV_OBJ := $(HV_C:%.c=$(B)/hv/%.o) $(HV_ASM:%.asm=$(B)/hv/%.asm.o)

$(B)/hv/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(HV_CFLAGS) -c $< -o $@

$(B)/hv/arch/vmx/offsets.s: arch/vmx/offsets.c
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(filter-out -g,$(HV_CFLAGS)) -MT $@ -MF $(@:.s=.d) -S $< -o $@

$(B)/hv/offsets.inc: $(B)/hv/arch/vmx/offsets.s
	$(Q)sed -n 's/^.*@@ \([A-Za-z_0-9]*\) \$$*\(-*[0-9]*\).*/%define \1 \2/p' $< > $@

$(B)/hv/%.asm.o: %.asm $(B)/hv/offsets.inc
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 -g -F dwarf -I $(B)/hv/ -MD $(@:.o=.d) -MT $@ $< -o $@

# The screen's font.
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
	$(Q)$(IASL) -we -vs -p $(@:.aml=) $(@:.aml=.i) >$@.log || { cat $@.log; rm -f $@; exit 1; }

$(B)/hv/vmm/devices/dsdt.asm.o: $(B)/hv/dsdt.aml

# Linked twice: the second time with the symbol table of the first, for backtraces with names.
# The table lies behind everything else, so no address moves.
$(B)/hv/pass1.elf: $(HV_OBJ) linker.ld
	$(call say,LD)
	$(Q)$(LD) -nostdlib -z max-page-size=4096 -z noexecstack -T linker.ld -o $@ $(HV_OBJ)

$(B)/hv/symbols.asm: $(B)/hv/pass1.elf tools/symbols.awk
	$(Q)$(NM) -n $< | awk -f tools/symbols.awk > $@

$(B)/hv/symbols.o: $(B)/hv/symbols.asm
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 $< -o $@

$(B)/pinwheel.elf: $(HV_OBJ) $(B)/hv/symbols.o linker.ld
	$(call say,LD)
	$(Q)$(LD) -nostdlib -z max-page-size=4096 -z noexecstack -T linker.ld -o $@ $(HV_OBJ) $(B)/hv/symbols.o

# What the boot loader carries: the same without debug information.
$(B)/boot/pinwheel.stripped.elf: $(B)/pinwheel.elf
	@mkdir -p $(@D)
	$(call say,OBJCOPY)
	$(Q)$(OBJCOPY) --strip-all $< $@

# ---- the boot loader ---------------------------------------------------------------------------

BOOT_OBJ := $(BOOT_C:%.c=$(B)/boot/%.o) $(BOOT_ASM:%.asm=$(B)/boot/%.asm.o)

$(B)/boot/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CC) $(BOOT_CFLAGS) -c $< -o $@

$(B)/boot/%.asm.o: %.asm $(B)/boot/pinwheel.stripped.elf
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 -I $(B)/boot/ -MD $(@:.o=.d) -MT $@ $< -o $@

# From a shared object to the format that UEFI starts.
EFI_OBJCOPY := $(OBJCOPY) -j .text -j .sdata -j .data -j .rodata -j .dynamic -j .dynsym -j .rel -j .rela \
               -j .rel.* -j .rela.* -j .reloc --target=efi-app-x86_64 --subsystem=10

$(B)/boot/boot.so: $(BOOT_OBJ)
	$(call say,LD)
	$(Q)$(LD) -nostdlib -znocombreloc -z noexecstack -T $(EFI_LIB)/elf_x86_64_efi.lds -shared -Bsymbolic \
	    -o $@ $(EFI_LIB)/crt0-efi-x86_64.o $(BOOT_OBJ) -L$(EFI_LIB) -lgnuefi -lefi
	@if $(NM) -u $@ | grep .; then echo "boot.so has undefined symbols"; rm -f $@; exit 1; fi

$(B)/BOOTX64.EFI: $(B)/boot/boot.so
	$(call say,OBJCOPY)
	$(Q)$(EFI_OBJCOPY) $< $@

include guest/guest.mk
include tools/tools.mk
include tests/tests.mk

-include $(shell find $(B) -name '*.d' 2>/dev/null)
