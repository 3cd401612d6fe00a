# Pinwheel under real KVM: tests/nested, docs/nested.md.
.PHONY: test-nested test-nested-long bench-nested scorecard-kvm

NESTED := $(B)/nested

$(NESTED)/port: tests/nested/port.asm
	@mkdir -p $(@D)
	$(call say,NASM)
	$(Q)$(NASM) -f elf64 -o $@.o $<
	$(Q)$(LD) -s -o $@ $@.o

# The kernel's package is in the folder that tools/linux-files has made.
$(NESTED)/initrd: tests/nested/make-stage tests/nested/init $(NESTED)/port $(LINUX)/disk.img
	$(call say,STAGE)
	$(Q)tests/nested/make-stage $@ $(LINUX) $(NESTED)/port

# Without network this fails, says why, and the tests that need it are skipped.
$(B)/bochs-3/bochs: tools/bochs-3
	$(call say,BOCHS-3)
	$(Q)tools/bochs-3 $(@D) || rm -f $@

STAGE = $(NESTED)/initrd $(B)/native.efi $(B)/bochs-3/bochs

test-nested: deps ## run Pinwheel under real KVM, in Bochs: docs/nested.md
	@$(MAKE_ALL) all $(STAGE)
	@$(PROVE) $(NESTED_TESTS)

test-nested-long: deps ## the same with as many rounds as on the machine itself
	@$(MAKE_ALL) all $(STAGE)
	@NESTED_LONG=1 $(PROVE) $(NESTED_TESTS)

bench-nested: deps ## count the exits to KVM for each exit of a guest
	@$(MAKE_ALL) all $(STAGE)
	@JOBS=story B=$(B) prove --exec '' tests/nested/nested.t && cat $(NESTED)/exits.txt

scorecard-kvm: deps ## the scorecard on KVM alone, in Bochs: docs/scorecard.md
	@$(MAKE_ALL) all $(STAGE)
	@B=$(B) prove --exec '' --verbose tests/nested/scorecard.t
