/* TSCs that tell the same time: see tsc_sync.h. */
#include "vmm/host/tsc_sync.h"

#include <stdatomic.h>

#include "arch/cpuid.h"
#include "arch/instructions.h"
#include "arch/msr.h"
#include "arch/spinlock.h"
#include "drivers/console.h"
#include "drivers/tsc.h"

#define ATTEMPTS    4
#define READINGS    1000    /* of each CPU in an attempt */
#define PATIENCE_US 1000000 /* for the other CPU; one that comes later is not used anyway */

static struct spinlock lock;
static struct tsc_readings readings;
static _Atomic uint32_t reached[2];   /* steps, by side */
static _Atomic uint32_t is_satisfied; /* the other CPU's verdict */
static bool has_adjust;
static uint64_t boot_adjust;
static uint32_t boot_package;

/* The APIC ID without the part that names a core or a thread. SDM Vol. 2A, "CPUID", leaf 0BH. */
static uint32_t package_of(uint32_t apic_id) {
    uint32_t shift = 0;

    if (!cpuid_has_leaf(CPUID_LEAF_TOPOLOGY))
        return 0;
    for (uint32_t level = 0; level < 8; level++) {
        struct cpuid_result r = cpuid(CPUID_LEAF_TOPOLOGY, level);
        if (!(r.ecx >> CPUID_B_ECX_TYPE_SHIFT & 0xff))
            break;
        shift = r.eax & 31;
    }
    return apic_id >> shift;
}

void tsc_sync_init(void) {
    has_adjust = cpuid_has_leaf(CPUID_LEAF_STRUCTURED_FEATURES) &&
                 (cpuid(CPUID_LEAF_STRUCTURED_FEATURES, 0).ebx & CPUID_7_EBX_TSC_ADJUST);
    boot_adjust = has_adjust ? rdmsr(MSR_IA32_TSC_ADJUST) : 0;
    boot_package =
        package_of(cpuid_has_leaf(CPUID_LEAF_TOPOLOGY) ? cpuid(CPUID_LEAF_TOPOLOGY, 0).edx : 0);
}

/* Waits until the other side has reached this step, too. */
static void meet(enum tsc_side side, uint32_t step) {
    uint64_t start = rdtsc();

    atomic_store(&reached[side], step);
    while (atomic_load(&reached[!side]) < step && rdtsc() - start < tsc_ticks(PATIENCE_US))
        cpu_pause();
}

/* Both CPUs read in turn, as the lock lets them. */
static void read_in_turn(enum tsc_side side, uint32_t step) {
    meet(side, step);
    for (unsigned i = 0; i < READINGS; i++) {
        spin_lock(&lock);
        tsc_add_reading(&readings, side, rdtsc());
        spin_unlock(&lock);
    }
    meet(side, step + 1);
}

void tsc_sync_boot(void) {
    for (uint32_t step = 1; step < 3 * ATTEMPTS; step += 3) {
        read_in_turn(TSC_BOOT, step);
        meet(TSC_BOOT, step + 2);
        if (atomic_load(&is_satisfied))
            break;
    }
    atomic_store(&reached[TSC_BOOT], 0);
}

static void move_tsc(uint64_t by) {
    wrmsr(MSR_IA32_TSC_ADJUST, rdmsr(MSR_IA32_TSC_ADJUST) + by);
}

const char *tsc_sync_other(uint32_t index, uint32_t apic_id) {
    uint64_t moved = 0;
    bool good = false;

    atomic_store(&reached[TSC_OTHER], 0);
    if (has_adjust && package_of(apic_id) == boot_package) {
        moved = boot_adjust - rdmsr(MSR_IA32_TSC_ADJUST);
        if (moved)
            move_tsc(moved);
    }
    for (uint32_t step = 1; step < 3 * ATTEMPTS && !good; step += 3) {
        readings = (struct tsc_readings){0};
        atomic_store(&is_satisfied, 0);
        read_in_turn(TSC_OTHER, step);
        uint64_t by = (uint64_t)tsc_correction(&readings);
        good = !readings.behind[TSC_BOOT] && !readings.behind[TSC_OTHER];
        if (!good && has_adjust) {
            move_tsc(by);
            moved += by;
        }
        atomic_store(&is_satisfied, good);
        meet(TSC_OTHER, step + 2);
    }
    if (moved)
        console_print("pinwheel: CPU %u: its TSC was %ld ticks off; corrected\n", index,
                      -(int64_t)moved);
    return good ? NULL : "its TSC does not tell the boot CPU's time";
}
