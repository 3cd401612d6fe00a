# The guests' ACPI tables, checked with iasl: tests/acpi/acpi.t.
ACPI_TABLES := $(B)/host/acpi/write_tables

$(ACPI_TABLES): $(B)/host/tests/acpi/write_tables.o $(PURE_LIB) $(B)/flags/test-ld | $(B)/hv/dsdt.aml
	@mkdir -p $(@D)
	$(call say,CC)
	$(Q)$(TEST_LD) $(filter %.o %.a,$^) -o $@

.SECONDARY: $(B)/host/tests/acpi/write_tables.o
