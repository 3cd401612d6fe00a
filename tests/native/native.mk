# Linux on the bare machine, to compare a guest with: tests/native/native.c.
NATIVE_OBJ := $(addprefix $(B)/boot/,tests/native/native.o boot/files.o boot/firmware.o boot/pieces.o lib/memory.o \
                                     lib/format.o) \
              $(addprefix $(B)/boot/vmm/loaders/,linux.o linux_params.o initrd.o initrd_formats.o initrd_deflate.o load_copy.o load_reason.o)

$(B)/native.so: $(NATIVE_OBJ) $(B)/flags/boot-ld
	$(call say,LD)
	$(Q)$(EFI_LD) -o $@ $(EFI_START) $(NATIVE_OBJ) $(EFI_LIBS)

$(B)/native.efi: $(B)/native.so $(B)/flags/efi-objcopy
	$(call say,OBJCOPY)
	$(Q)$(EFI_OBJCOPY) $< $@
