# Targets for users: packages, the disk image, the emulators and debuggers that boot it.
.PHONY: deps image usb run linux bench gdb debug
.PHONY: lab grade

#: PINWHEEL_SKIP_DEPS=: 1 installs no missing packages
#: EMU=bochs or qemu: the emulator; the default is qemu where KVM offers VT-x, otherwise bochs
#: MODEL=: the processor, as the emulator calls it; corei7_sandy_bridge_2600k has no interrupt delivery
#: OVMF=/usr/share/ovmf/OVMF.fd: the firmware that boots in it
#: KERNEL=: a kernel to run as the only guest: a Linux bzImage or a Multiboot 1 file
#: INITRD=: its initial RAM disk, or its first Multiboot module
#: DISK=: a file to copy as its virtio disk
#: CMDLINE=: its command line; a Linux has console=ttyS0 if none is given
#: VCPUS=1: its vCPUs, 1 to 64; 2 in make linux
#: MEMORY=128M: its memory; 256M for a Linux
#: X2APIC=on: off hides x2APIC mode from it
#: DELIVERY=auto: who delivers its interrupts: posted, vid (the processor) or software (the hypervisor)
#: MITIGATIONS=auto: what is done against leaks through speculative execution; off is nothing
#: TIMEOUT=3600: seconds of emulator time (tools/run --help) until its run is ended; a day on a terminal
#: DEV=: the device that make usb writes, for example /dev/sdX; it asks first
#: YES=: 1 writes without asking

#: the directory of a run's disk image and log; a second run at the same time needs another one
RUN ?= $(B)/run

# What is given in these is passed on as it is: a $ is not make's.
define literally
override $(1) := $$(value $(1))
export $(1)
endef
$(foreach name,KERNEL INITRD DISK CMDLINE,$(if $(filter undefined,$(origin $(name))),,$(eval $(call literally,$(name)))))

# Builds with all CPUs, unless make was given a number of jobs (-j). It is a make of its own, started
# after `deps`: before that the compiler may be missing. It does not say what is up to date.
MAKE_ALL = $(MAKE) --no-print-directory $(if $(V),,--silent) $(if $(findstring jobserver,$(MAKEFLAGS)),,-j$(shell nproc))

deps: ## install the Debian packages that are missing
	@tools/deps

$(B)/pinwheel.img: guest/pinwheel.cfg $(B)/BOOTX64.EFI $(GUESTS:%=$(B)/guest/%.elf) tools/disk-image
	$(call say,IMAGE)
	$(Q)tools/disk-image $@ $(filter-out tools/%,$^)

# Always made again: the last one may have had another kernel.
STICK := $(B)/stick.img
image: deps ## make build/stick.img, which machines boot from a USB stick
ifneq ($(origin KERNEL),undefined)
	@$(MAKE_ALL) $(B)/BOOTX64.EFI check-kernel
	@tools/one-guest --stick $(STICK) $(B)/BOOTX64.EFI
else
	@$(MAKE_ALL) all
	@tools/disk-image --stick --menu guest/stick $(STICK) guest/pinwheel.cfg $(B)/BOOTX64.EFI \
	    $(GUESTS:%=$(B)/guest/%.elf) $(if $(wildcard $(LINUX)/disk.img),$(LINUX)/vmlinuz $(LINUX)/initrd $(LINUX)/disk.img)
endif
	@echo "The image of a stick is $(STICK). make usb DEV=/dev/sdX writes it; so does any program that copies images."

# A DEV of the environment is not meant.
ifeq ($(origin DEV),command line)
usb: image ## make it and write it to the USB stick DEV=, after showing that and asking
	@tools/write-stick $(STICK) "$$DEV"
else
usb:
	@echo "make usb: name the stick, for example make usb DEV=/dev/sdX (lsblk lists the devices)" >&2
	@exit 2
endif

# The loaders as a program on the host: tools/one-guest calls it to check a kernel.
CHECK_KERNEL     := $(B)/host/check/check-kernel
CHECK_KERNEL_OBJ := $(patsubst %.c,$(B)/host/check/%.o,tools/check-kernel.c lib/format.c $(wildcard vmm/loaders/*.c))
CHECK_KERNEL_CC  := $(HOST_CC) -std=gnu11 -O2 -g -I. $(WARN) -MMD -MP

$(call flags,check-kernel,$(CHECK_KERNEL_CC) $(CHECK_KERNEL_OBJ))

$(B)/host/check/%.o: %.c $(B)/flags/check-kernel
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(CHECK_KERNEL_CC) -c $< -o $@

$(CHECK_KERNEL): $(CHECK_KERNEL_OBJ) $(B)/flags/check-kernel
	$(call say,LD)
	$(Q)$(HOST_CC) $(CHECK_KERNEL_OBJ) -o $@

.PHONY: check-kernel
check-kernel: $(CHECK_KERNEL)

# make exports KERNEL and the other variables of its command line, so tools/one-guest gets them.
run: deps ## build, boot in an emulator, show the stale EOI; with KERNEL= run that instead
ifneq ($(origin KERNEL),undefined)
	@$(MAKE_ALL) $(B)/BOOTX64.EFI check-kernel
	@tools/one-guest $(RUN)/kernel.img $(B)/BOOTX64.EFI --log-dir $(RUN)
else
	@$(MAKE_ALL) $(B)/pinwheel.img
	@tools/run --log-dir $(RUN) $(B)/pinwheel.img
endif

#: N=06: the lab that make lab runs
#: TASK=1: run the lab with the change of its task
lab: deps ## run a lab (docs/labs.md); without N= list them
ifeq ($(N),)
	@tools/lab list
	@echo "make lab N=06 runs one of them."
else
	@$(MAKE_ALL) $(B)/BOOTX64.EFI labs $(if $(filter 11,$(N)),$(LINUX)/disk.img)
	@tools/lab run '$(N)' $(if $(TASK),--task)
endif

#: ANSWERS=answers.txt: the file that make grade marks
grade: deps ## mark the answers to the labs and puzzles (docs/labs.md); the first time, write an empty file for them
	@tools/grade $(ANSWERS)

#: the guest whose symbols make gdb and make debug load, besides the hypervisor's
GUEST ?= reroute
DEBUG = tools/run --log-dir $(B)/debug --debug $(B)/pinwheel.elf --debug $(B)/guest/$(GUEST).elf64 $(B)/pinwheel.img

gdb: deps ## boot in QEMU under gdb (docs/debugging.md)
	@$(MAKE_ALL) $(B)/pinwheel.img
	@EMU=qemu $(DEBUG)

debug: deps ## boot in Bochs under its own debugger (docs/debugging.md)
	@$(MAKE_ALL) $(B)/pinwheel.img
	@EMU=bochs $(DEBUG)

# What `make linux` boots by default.
LINUX      := $(B)/linux
LINUX_INIT := guest/linux/init
LINUX_PROGRAMS := guest/linux/soak guest/linux/verify guest/linux/acpi guest/linux/smp guest/linux/typed $(LINUX)/end $(LINUX)/fail \
                  $(LINUX)/lab11 $(LINUX)/lab11-task

$(LINUX)/tsc $(LINUX)/fail $(LINUX)/end: $(LINUX)/%: guest/linux/%.asm
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 $< -o $@.o
	$(Q)$(LD) -s -o $@ $@.o

# Lab 11 is a program of Linux; the other labs are guests (guest/guest.mk).
$(LINUX)/lab11: guest/labs/11_linux_affinity
	@mkdir -p $(@D)
	$(Q)cp $< $@
$(LINUX)/lab11-task: guest/labs/11_linux_affinity guest/labs/tasks/11 tools/lab
	@mkdir -p $(@D)
	$(Q)tools/lab change $< guest/labs/tasks/11 >$@ && chmod +x $@ || { rm -f $@; exit 1; }

$(LINUX)/disk.img: tools/linux-files $(LINUX_INIT) $(LINUX)/tsc $(LINUX_PROGRAMS)
	$(call say,LINUX)
	$(Q)tools/linux-files $(LINUX) $(LINUX_INIT) $(LINUX)/tsc $(LINUX_PROGRAMS)

# As with `run`, tools/one-guest gets the variables that were given. These are the others.
LINUX_DEFAULTS = $(if $(VCPUS),,VCPUS=2) \
    $(if $(KERNEL),,KERNEL=$(LINUX)/vmlinuz $(if $(INITRD),,INITRD=$(LINUX)/initrd) $(if $(DISK),,DISK=$(LINUX)/disk.img) \
        $(if $(CMDLINE),,CMDLINE="console=ttyS0 cryptomgr.notests"))

linux: deps ## boot an unmodified Debian Linux to a shell, or KERNEL= of your own
	@$(MAKE_ALL) $(B)/BOOTX64.EFI check-kernel $(if $(KERNEL),,$(LINUX)/disk.img)
	@$(LINUX_DEFAULTS) tools/one-guest $(RUN)/kernel.img $(B)/BOOTX64.EFI --log-dir $(RUN)

# tests/linux/native.t writes it, again after each build.
$(LINUX)/native.txt: $(B)/BOOTX64.EFI $(B)/native.efi $(LINUX)/disk.img tests/linux/native.t
	@echo "Linux boots twice, on the bare machine and as a guest: one to three minutes."
	@B=$(B) prove --exec '' tests/linux/native.t

bench: deps ## measure the cost of operations, beside KVM's figures and goals, and of Linux, beside the bare machine
	@$(MAKE_ALL) all
	@status=0; \
	B=$(B) prove --exec '' tests/emulator/bench.t || status=1; cat $(B)/emulator/bench.txt; echo; \
	B=$(B) prove --exec '' tests/emulator/exit_counts.t || status=1; cat $(B)/emulator/exit_counts.txt; \
	if $(MAKE_ALL) $(LINUX)/native.txt; then echo; cat $(LINUX)/native.txt; else status=1; fi; \
	exit $$status

.PHONY: docs
docs: ## draw the pictures of README.md and docs/architecture.md: docs/stale-eoi.svg, docs/rooms.svg
	@$(MAKE_ALL) $(PWTRACE)
	@tools/draw-rooms >$(B)/rooms.svg
	@cp $(B)/rooms.svg docs/rooms.svg
	@$(PWTRACE) svg tests/page/sample.log soak 425 455 >$(B)/stale-eoi.svg
	@cp $(B)/stale-eoi.svg docs/stale-eoi.svg

# The compiler's command for each C file, for each program that has it.
compile_commands.json: tools/compile-commands.awk FORCE ## write it, for clangd and other tools
	@mkdir -p $(B)
	@$(MAKE) --no-print-directory -nB $(PROGRAMS) >$(B)/commands
	@awk -v directory='$(CURDIR)' -f $< $(B)/commands >$@
