/* Whether the TSCs of all CPUs tell the same time, and setting them right where they do not.
 *
 * Timers, time slices and guests with several vCPUs take it that they do. Firmware leaves
 * IA32_TSC_ADJUST different on some CPUs; and packages that were reset at different times may
 * differ without that. So each CPU that starts gets the value of the boot CPU if it is of the same
 * package; then the two read their TSCs in turn, and no reading may be less than the one before it.
 * SDM Vol. 3B, "IA32_TSC_ADJUST Register Support". Read next: host.c. */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum tsc_side { TSC_BOOT, TSC_OTHER };

/* Readings of two CPUs. All 0 at the start. */
struct tsc_readings {
    uint64_t last;
    enum tsc_side last_side;
    uint64_t behind[2]; /* the most by which a side's reading was less than the other's before it */
};

/* Adds a reading. Each is made after the one before it was added. */
static inline void tsc_add_reading(struct tsc_readings *r, enum tsc_side side, uint64_t now) {
    if (r->last_side != side && now < r->last && r->last - now > r->behind[side])
        r->behind[side] = r->last - now;
    r->last = now;
    r->last_side = side;
}

/* What to add to the other CPU's TSC; 0: nothing, as far as can be seen. */
static inline int64_t tsc_correction(const struct tsc_readings *r) {
    return (int64_t)(r->behind[TSC_OTHER] - r->behind[TSC_BOOT]);
}

/* On the boot CPU, before another is started. */
void tsc_sync_init(void);

/* On the boot CPU while the other one executes tsc_sync_other(). */
void tsc_sync_boot(void);

/* On a CPU that starts: corrects its TSC, which is reported, and compares. Returns NULL, or why the
 * CPU cannot be used, in words. */
const char *tsc_sync_other(uint32_t index, uint32_t apic_id);
