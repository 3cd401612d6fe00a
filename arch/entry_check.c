/* The VM-entry checker's frame: see arch/entry_check.h. */
#include "arch/entry_check.h"

#include <stddef.h>

#include "arch/control_registers.h"
#include "arch/entry_check_rules.h"
#include "arch/msr.h"

static const struct vmcs_field *field_at(uint64_t offset)
{
    for (unsigned i = 0; i < vmcs_field_count; i++) {
        if (vmcs_fields[i].offset == offset) {
            return &vmcs_fields[i];
        }
    }
    return NULL;
}

void require(struct entry_checker *check, bool holds, const uint64_t *field, const char *rule)
{
    if (holds) {
        return;
    }
    if (check->count < check->max) {
        uint64_t offset = (uint64_t)((const char *)field - (const char *)check->image);
        const struct vmcs_field *known = field_at(offset);

        check->out[check->count] = (struct entry_violation){
            .field = known != NULL ? known->name : "a field outside the VMCS",
            .encoding = known != NULL ? known->encoding : 0,
            .value = *field,
            .rule = rule,
            .section = check->section,
        };
    }
    check->count++;
}

/* A width that no processor has means that CPUID was not asked: then the architecture's limit. */
bool is_physical(const struct entry_checker *check, uint64_t address)
{
    uint8_t bits = check->capabilities->physical_bits;

    return address >> (bits >= 32 && bits <= 52 ? bits : 52) == 0;
}

bool is_page_address(const struct entry_checker *check, uint64_t address)
{
    return (address & 0xfff) == 0 && is_physical(check, address);
}

/* 48 bits, although a processor with more takes more: without CR4.LA57 no such address works. */
bool is_canonical(const struct entry_checker *check, uint64_t address)
{
    bool la57 = (check->image->guest_cr4 & CR4_LA57) != 0 && check->capabilities->linear_bits == 57;
    unsigned unused = la57 ? 64 - 57 : 64 - 48;

    return (uint64_t)((int64_t)(address << unused) >> unused) == address;
}

bool is_pat(uint64_t pat)
{
    for (unsigned i = 0; i < 8; i++) {
        uint8_t type = (uint8_t)(pat >> (8 * i));

        if (type > MEMORY_TYPE_UC_MINUS || type == 2 || type == 3) {
            return false;
        }
    }
    return true;
}

unsigned entry_check(const struct vmcs_image *image, const struct vmx_capabilities *capabilities,
                     struct entry_violation *out, unsigned max)
{
    struct entry_checker check = {
        .image = image, .capabilities = capabilities, .out = out, .max = max};

    if ((image->primary_controls & PRIMARY_ACTIVATE_SECONDARY_CONTROLS) != 0) {
        check.secondary = (uint32_t)image->secondary_controls;
    }
    check_execution_controls(&check);
    check_exit_and_entry_controls(&check);
    check_host_state(&check);
    check_guest_registers(&check);
    check_guest_segments(&check);
    check_guest_non_register_state(&check);
    return check.count;
}
