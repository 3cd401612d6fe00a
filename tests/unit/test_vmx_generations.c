/* Guards arch/vmx/vmx_controls.c on real processors: each generation runs, or says why not; and
 * what differs between two CPUs is named.
 *
 * The values are those that the processors report, from public descriptions of single models (those
 * of VirtualBox: src/VBox/VMM/VMMR3/cpus, of Skylake's i7-6700K), and the Broadwell of
 * tests/unit/processor.h. The others are that Broadwell without the features that Intel added
 * later, by the SDM's Vol. 4 and Intel's data sheets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "arch/msr.h"
#include "arch/vmx/vmcs.h"
#include "tests/unit/processor.h"

#define CAN(control)   ((uint64_t)(control) << 32)
#define ENABLE_INVPCID (1u << 12)
#define DELIVERY       CAN(SECONDARY_APIC_REGISTER_VIRTUALIZATION | SECONDARY_VIRTUAL_INTERRUPT_DELIVERY)

static struct vmx_capabilities skylake_6700k(void) {
    return (struct vmx_capabilities){
        .vmx = true,
        .rdtscp = true,
        .physical_bits = 39,
        .linear_bits = 48,
        .feature_control = 5,
        .basic = 0x00da040000000004,
        .pinbased = 0x0000007f00000016,
        .procbased = 0xfff9fffe0401e172,
        .procbased2 = 0x001ffcff00000000,
        .exit = 0x01ffffff00036dff,
        .entry = 0x0003ffff000011ff,
        .true_pinbased = 0x0000007f00000016,
        .true_procbased = 0xfff9fffe04006172,
        .true_exit = 0x01ffffff00036dfb,
        .true_entry = 0x0003ffff000011fb,
        .misc = 0x7004c1e7,
        .ept_vpid = 0x00000f0106334141,
        .vmcs_enum = 0x2e,
        .cr0_fixed0 = 0x80000021,
        .cr0_fixed1 = 0xffffffff,
        .cr4_fixed0 = 0x2000,
        .cr4_fixed1 = 0x3727ff,
    };
}

static struct vmx_capabilities without(uint64_t secondary) {
    struct vmx_capabilities c = broadwell();

    c.procbased2 &= ~secondary;
    return c;
}

/* The first with VT-x in this list: EPT and VPID, neither unrestricted guest nor a delivery. */
static struct vmx_capabilities nehalem(void) {
    struct vmx_capabilities c =
        without(DELIVERY | CAN(SECONDARY_UNRESTRICTED_GUEST) | CAN(ENABLE_INVPCID));

    c.ept_vpid &= ~(EPT_VPID_CAP_ACCESSED_DIRTY | EPT_VPID_CAP_1G);
    return c;
}

static struct vmx_capabilities westmere(void) {
    struct vmx_capabilities c = without(DELIVERY | CAN(ENABLE_INVPCID));

    c.ept_vpid &= ~EPT_VPID_CAP_ACCESSED_DIRTY;
    return c;
}

static struct vmx_capabilities sandy_bridge(void) {
    return westmere();
}

static struct vmx_capabilities ivy_bridge(void) {
    return without(DELIVERY | CAN(ENABLE_INVPCID));
}

static struct vmx_capabilities ivy_bridge_ep(void) {
    return without(CAN(ENABLE_INVPCID));
}

/* Posted interrupts, and whatever later processors add: more may be 1. */
static struct vmx_capabilities skylake_server(void) {
    struct vmx_capabilities c = skylake_6700k();

    c.procbased2 |= DELIVERY;
    c.pinbased |= CAN(PIN_PROCESS_POSTED_INTERRUPTS);
    c.true_pinbased |= CAN(PIN_PROCESS_POSTED_INTERRUPTS);
    return c;
}

/* All bits that are reserved today may be 1, and the linear addresses have 57 bits. */
static struct vmx_capabilities sapphire_rapids(void) {
    struct vmx_capabilities c = skylake_server();

    c.procbased2 = 0xffffffff00000000;
    c.exit |= 0xffffffffULL << 32;
    c.true_exit |= 0xffffffffULL << 32;
    c.entry |= 0xffffffffULL << 32;
    c.true_entry |= 0xffffffffULL << 32;
    c.procbased |= CAN(1u << 17); /* activate tertiary controls */
    c.true_procbased |= CAN(1u << 17);
    c.linear_bits = 57;
    c.physical_bits = 52;
    c.cr4_fixed1 = 0x1ff7fff;
    return c;
}

static const struct {
    const char *name;
    struct vmx_capabilities (*capabilities)(void);
    const char *missing;  /* NULL: it runs */
    const char *delivery; /* missing for delivery by the processor; NULL: it delivers */
    const char *posted;   /* the same for posted interrupts */
} generations[] = {
    {"Nehalem", nehalem, "unrestricted guest", "virtual-interrupt delivery",
     "virtual-interrupt delivery"},
    {"Westmere", westmere, NULL, "virtual-interrupt delivery", "virtual-interrupt delivery"},
    {"Sandy Bridge", sandy_bridge, NULL, "virtual-interrupt delivery",
     "virtual-interrupt delivery"},
    {"Ivy Bridge", ivy_bridge, NULL, "virtual-interrupt delivery", "virtual-interrupt delivery"},
    {"Ivy Bridge-EP", ivy_bridge_ep, NULL, NULL, "process posted interrupts"},
    {"Broadwell", broadwell, NULL, NULL, "process posted interrupts"},
    {"Skylake client", skylake_6700k, NULL, "virtual-interrupt delivery",
     "virtual-interrupt delivery"},
    {"Skylake server", skylake_server, NULL, NULL, NULL},
    {"Sapphire Rapids", sapphire_rapids, NULL, NULL, NULL},
};

static void each_generation_runs_or_says_why_not(void **state) {
    (void)state;
    for (unsigned i = 0; i < sizeof(generations) / sizeof(generations[0]); i++) {
        struct vmx_capabilities c = generations[i].capabilities();
        struct vmx_missing missing = {.name = NULL};
        unsigned count = vmx_missing(&c, &missing, 1);
        const char *delivery = vmx_delivery_missing(&c);

        print_message("%s: %s; %s\n", generations[i].name, count ? missing.name : "runs",
                      delivery ? delivery : "delivers");
        assert_int_equal(count, generations[i].missing ? 1 : 0);
        if (generations[i].missing)
            assert_string_equal(missing.name, generations[i].missing);
        assert_int_equal(delivery != NULL, generations[i].delivery != NULL);
        if (delivery)
            assert_string_equal(delivery, generations[i].delivery);
        const char *posted = vmx_posted_missing(&c);
        assert_int_equal(posted != NULL, generations[i].posted != NULL);
        if (posted)
            assert_string_equal(posted, generations[i].posted);
    }
}

/* In each APIC mode that it has: the words are what the processor allows, and no feature is on that
 * the hypervisor does not know. */
static void the_control_words_are_allowed_on_each(void **state) {
    const uint32_t known = 0x3fffff; /* secondary controls up to Broadwell's, and ENCLS exiting */

    (void)state;
    for (unsigned i = 0; i < sizeof(generations) / sizeof(generations[0]); i++) {
        struct vmx_capabilities c = generations[i].capabilities();
        struct vmx_controls w;

        for (int n = 0; n < 2 * VMX_APIC_MODES; n++) {
            enum vmx_apic_mode mode = (enum vmx_apic_mode)(n / 2);
            bool posted = n % 2, ok = vmx_choose_controls(&c, mode, posted, true, &w);
            if (generations[i].missing || (generations[i].delivery && mode != VMX_APIC_SOFTWARE) ||
                (posted && (generations[i].posted || mode == VMX_APIC_SOFTWARE))) {
                assert_false(ok);
                continue;
            }
            assert_true(ok);
            assert_int_equal((w.pin & PIN_PROCESS_POSTED_INTERRUPTS) != 0, posted);
            assert_int_equal((w.exit & VM_EXIT_CONTROL_ACKNOWLEDGE_INTERRUPT) != 0, posted);
            assert_int_equal(w.pin & ~(uint32_t)(c.true_pinbased >> 32), 0);
            assert_int_equal(w.primary & ~(uint32_t)(c.true_procbased >> 32), 0);
            assert_int_equal(w.secondary & ~(uint32_t)(c.procbased2 >> 32), 0);
            assert_int_equal(w.exit & ~(uint32_t)(c.true_exit >> 32), 0);
            assert_int_equal(w.entry & ~(uint32_t)(c.true_entry >> 32), 0);
            assert_int_equal(w.secondary & ~(known | SECONDARY_ENCLV_EXITING), 0);
            assert_int_equal(w.primary & 1u << 17, 0);
        }
    }
}

/* Hybrid processors: the name of what differs, for each word that is compared. */
static void each_difference_is_named(void **state) {
    struct vmx_capabilities a = broadwell();

    (void)state;
    assert_null(vmx_difference(&a, &a));
    static const struct {
        size_t offset;
        const char *name;
    } words[] = {
        {offsetof(struct vmx_capabilities, basic), "IA32_VMX_BASIC"},
        {offsetof(struct vmx_capabilities, procbased2), "IA32_VMX_PROCBASED_CTLS2"},
        {offsetof(struct vmx_capabilities, true_entry), "IA32_VMX_TRUE_ENTRY_CTLS"},
        {offsetof(struct vmx_capabilities, misc), "IA32_VMX_MISC"},
        {offsetof(struct vmx_capabilities, ept_vpid), "IA32_VMX_EPT_VPID_CAP"},
        {offsetof(struct vmx_capabilities, cr4_fixed1), "IA32_VMX_CR4_FIXED1"},
    };
    for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        struct vmx_capabilities b = a;
        ((uint8_t *)&b)[words[i].offset] ^= 1;
        assert_string_equal(vmx_difference(&a, &b), words[i].name);
    }
    struct vmx_capabilities b = a;
    b.feature_control ^= 4; /* each CPU's own */
    assert_null(vmx_difference(&a, &b));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_generation_runs_or_says_why_not),
        cmocka_unit_test(the_control_words_are_allowed_on_each),
        cmocka_unit_test(each_difference_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
