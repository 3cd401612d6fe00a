/* Guards that what CPUID does not offer does not work, and what it offers does: each feature that a
 * VMX control or a bit of CR4 switches, beside its CPUID bit. On a processor that has all of them,
 * and on some that lack one half. SDM Vol. 2A, "CPUID-CPU Identification"; Vol. 3C, "Secondary
 * Processor-Based VM-Execution Controls"; Vol. 3A, "Control Registers". */
#include "arch/cpuid.h"
#include "tests/machine/one_vm.h"
#include "vmm/vcpu/guest_cpuid.h"

enum output { EAX, EBX, ECX, EDX };

struct feature {
    const char *name;
    uint32_t leaf, subleaf;
    enum output output;
    unsigned bit;
};

static uint32_t offered(const struct feature *f) {
    struct cpuid_result r = guest_cpuid_read(self, f->leaf, f->subleaf);

    return ((const uint32_t[]){r.eax, r.ebx, r.ecx, r.edx})[f->output] >> f->bit & 1;
}

/* ---- secondary controls ---- */

/* Instructions that raise #UD unless their control is set, or exit if it is set. */
static const struct {
    struct feature feature;
    unsigned control;
    bool works; /* the control's value with which the instruction works */
} instructions[] = {
    {{"RDTSCP", 0x80000001, 0, EDX, 27}, 3, true}, {{"RDPID", 7, 0, ECX, 22}, 3, true},
    {{"RDRAND", 1, 0, ECX, 30}, 11, false},        {{"INVPCID", 7, 0, EBX, 10}, 12, true},
    {{"ENCLS", 7, 0, EBX, 2}, 15, false},          {{"RDSEED", 7, 0, EBX, 18}, 16, false},
    {{"XSAVES", 0xd, 1, EAX, 3}, 20, true},        {{"TPAUSE", 7, 0, ECX, 5}, 26, true},
    {{"PCONFIG", 7, 0, EDX, 18}, 27, true},        {{"ENCLV", 7, 0, EBX, 2}, 28, false},
};

#define INSTRUCTIONS (sizeof(instructions) / sizeof(instructions[0]))

/* The guest's first entry is on a processor that `change` has changed. */
static void start_on(void (*change)(void)) {
    struct guest_config config = machine_guest();

    config.vcpus = 2;
    machine_reset();
    change();
    start_vm(&config);
    machine_protected_mode();
}

static void set_all_leaves(void) {
    static const uint32_t leaves[][2] = {{1, 0}, {7, 0}, {0xd, 1}, {0x80000001, 0}};

    for (unsigned i = 0; i < sizeof(leaves) / sizeof(leaves[0]); i++)
        *machine_leaf(leaves[i][0], leaves[i][1]) =
            (struct cpuid_result){UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX};
    *machine_leaf(7, 1) = *machine_leaf(7, 0);
}

static void has_all(void) {
    set_all_leaves();
    host.capabilities.procbased2 |= (uint64_t)UINT32_MAX << 32;
}

static void assert_instructions(void) {
    uint64_t controls = machine_get(VMCS_SECONDARY_CONTROLS);

    for (unsigned i = 0; i < INSTRUCTIONS; i++) {
        bool is_set = controls >> instructions[i].control & 1;
        if (offered(&instructions[i].feature) != (is_set == instructions[i].works))
            fail_msg("%s is %soffered, and its control is %u", instructions[i].feature.name,
                     offered(&instructions[i].feature) ? "" : "not ", is_set);
    }
}

static void what_cpuid_offers_is_what_the_controls_allow(void **state) {
    static const uint64_t bitmaps[] = {VMCS_ENCLS_EXITING_BITMAP, VMCS_ENCLV_EXITING_BITMAP};

    (void)state;
    start_on(has_all);
    assert_instructions();
    for (unsigned i = 0; i < 2; i++)
        assert_field(bitmaps[i], UINT64_MAX);
    assert_true(virq_write_base(self, APIC_DEFAULT_BASE | APIC_BASE_BSP | APIC_BASE_ENABLE |
                                          APIC_BASE_X2APIC));
    assert_instructions();
}

/* A hypervisor below this one may offer an instruction and not its control. */
static void has_no_rdtscp_control(void) {
    has_all();
    host.capabilities.procbased2 &= ~((uint64_t)SECONDARY_ENABLE_RDTSCP << 32);
    host.capabilities.rdtscp = false;
}

static void has_no_rdtscp(void) {
    machine_leaf(0x80000001, 0)->edx &= ~CPUID_80000001_EDX_RDTSCP;
    host.capabilities.rdtscp = false;
}

static void without_its_control_an_instruction_is_not_offered(void **state) {
    const struct feature *rdtscp = &instructions[0].feature, *rdpid = &instructions[1].feature;

    (void)state;
    start_on(has_no_rdtscp_control);
    assert_false(offered(rdtscp) || offered(rdpid));
    assert_false(machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_ENABLE_RDTSCP);
    start_on(has_no_rdtscp);
    assert_false(offered(rdtscp) || offered(rdpid));
    assert_false(machine_get(VMCS_SECONDARY_CONTROLS) & SECONDARY_ENABLE_RDTSCP);
}

/* ---- CR4 ---- */

static const struct {
    struct feature feature;
    unsigned bit;
} modes[] = {
    {{"VME", 1, 0, EDX, 1}, 0},     {{"PVI", 1, 0, EDX, 1}, 1},       {{"DE", 1, 0, EDX, 2}, 3},
    {{"PSE", 1, 0, EDX, 3}, 4},     {{"PAE", 1, 0, EDX, 6}, 5},       {{"MCE", 1, 0, EDX, 7}, 6},
    {{"PGE", 1, 0, EDX, 13}, 7},    {{"FXSR", 1, 0, EDX, 24}, 9},     {{"SSE", 1, 0, EDX, 25}, 10},
    {{"UMIP", 7, 0, ECX, 2}, 11},   {{"LA57", 7, 0, ECX, 16}, 12},    {{"VMX", 1, 0, ECX, 5}, 13},
    {{"SMX", 1, 0, ECX, 6}, 14},    {{"FSGSBASE", 7, 0, EBX, 0}, 16}, {{"PCID", 1, 0, ECX, 17}, 17},
    {{"XSAVE", 1, 0, ECX, 26}, 18}, {{"KL", 7, 0, ECX, 23}, 19},      {{"SMEP", 7, 0, EBX, 7}, 20},
    {{"SMAP", 7, 0, EBX, 20}, 21},  {{"PKU", 7, 0, ECX, 3}, 22},      {{"CET", 7, 0, ECX, 7}, 23},
    {{"PKS", 7, 0, ECX, 31}, 24},   {{"UINTR", 7, 0, EDX, 5}, 25},    {{"LAM", 7, 1, EAX, 26}, 28},
    {{"FRED", 7, 1, EAX, 17}, 32},
};

static void assert_modes(void) {
    for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
        bool can_be_set = guest_cpuid_cr4_bits() >> modes[i].bit & 1;
        if (offered(&modes[i].feature) != can_be_set)
            fail_msg("%s is %soffered, and its bit in CR4 %s be set", modes[i].feature.name,
                     offered(&modes[i].feature) ? "" : "not ", can_be_set ? "can" : "cannot");
    }
}

static void has_few(void) {
    machine_leaf(7, 0)->ebx = machine_leaf(7, 0)->ecx = machine_leaf(7, 0)->edx = 0;
}

static void what_cpuid_offers_is_what_cr4_has(void **state) {
    (void)state;
    start_on(has_all);
    assert_modes();
    start_on(has_few);
    assert_modes();
}

/* TSD and PCE are not announced: every processor with VMX has them. */
static void cr4_has_two_bits_that_cpuid_does_not_announce(void **state) {
    (void)state;
    start_on(has_all);
    for (unsigned bit = 0; bit < 64; bit++) {
        bool listed = bit == 2 || bit == 8;
        for (unsigned i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
            listed |= modes[i].bit == bit && offered(&modes[i].feature);
        assert_int_equal(guest_cpuid_cr4_bits() >> bit & 1, listed);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cpuid_offers_is_what_the_controls_allow),
        cmocka_unit_test(without_its_control_an_instruction_is_not_offered),
        cmocka_unit_test(what_cpuid_offers_is_what_cr4_has),
        cmocka_unit_test(cr4_has_two_bits_that_cpuid_does_not_announce),
    };

    return cmocka_run_group_tests(tests, NULL, tear_down);
}
