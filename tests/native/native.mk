# The same Linux on the bare machine, to compare with: tests/native/native.c.
NATIVE_OBJ := $(addprefix $(B)/boot/,tests/native/native.o boot/files.o boot/firmware.o lib/memory.o \
                                     lib/format.o) \
              $(addprefix $(B)/boot/vmm/loaders/,linux.o linux_params.o initrd.o initrd_formats.o deflate.o load_reason.o)

$(B)/native.so: $(NATIVE_OBJ)
	$(call say,LD)
	$(Q)$(LD) -nostdlib -znocombreloc -z noexecstack -T $(EFI_LIB)/elf_x86_64_efi.lds -shared -Bsymbolic \
	    -o $@ $(EFI_LIB)/crt0-efi-x86_64.o $(NATIVE_OBJ) -L$(EFI_LIB) -lgnuefi -lefi

$(B)/native.efi: $(B)/native.so
	$(call say,OBJCOPY)
	$(Q)$(EFI_OBJCOPY) $< $@
