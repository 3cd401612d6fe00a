# A firmware with oddities, for tests/emulator/firmware.t: tests/shim/shim.c.
SHIM_OBJ := $(addprefix $(B)/boot/,tests/shim/shim.o)

$(B)/shim.so: $(SHIM_OBJ) $(B)/flags/boot-ld
	$(call say,LD)
	$(Q)$(EFI_LD) -o $@ $(EFI_START) $(SHIM_OBJ) $(EFI_LIBS)

$(B)/shim.efi: $(B)/shim.so $(B)/flags/efi-objcopy
	$(call say,OBJCOPY)
	$(Q)$(EFI_OBJCOPY) $< $@
