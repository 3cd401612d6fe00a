/* The virtual local APIC's registers: which exist, in which mode they can be read and written, and
 * what a write does.
 *
 * One table describes them for both modes. Its index is the register number, 8 bits of a page
 * offset or of an MSR number, so no guest can index past it. SDM Vol. 3A, "Local APIC Register
 * Address Map" and "Local APIC Register Address Map Supported by x2APIC". */
#include "vmm/interrupts/vlapic_internal.h"

/* Which accesses are allowed in which mode. */
#define XR                  1 /* xAPIC read */
#define XW                  2
#define X2R                 4 /* x2APIC read */
#define X2W                 8
#define READ                (XR | X2R)
#define WRITE               (XW | X2W)

#define LVT_DELIVERY_STATUS 0x1000u
#define LVT_REMOTE_IRR      0x4000u
#define ICR_LOW_WRITABLE    0x000ccfffu

struct register_rule {
    uint32_t writable; /* other bits: read 0 in xAPIC mode, #GP in x2APIC mode... */
    uint16_t ignored;  /* ...but not these, which are read-only */
    uint8_t access;
};

#define BANK(first) [(first) >> 4 ...((first) >> 4) + 7] = {0, 0, READ}
#define LVT(writable, ignored)                                                                     \
    { APIC_LVT_MASKED | (writable), ignored, READ | WRITE }

static const struct register_rule rules[256] = {
    [APIC_ID >> 4] = {0xff000000, 0, READ | XW},
    [APIC_VERSION >> 4] = {0, 0, READ},
    [APIC_TPR >> 4] = {0xff, 0, READ | WRITE},
    [APIC_APR >> 4] = {0, 0, XR},
    [APIC_PPR >> 4] = {0, 0, READ},
    [APIC_EOI >> 4] = {0, 0, XR | WRITE},
    [APIC_RRD >> 4] = {0, 0, XR},
    [APIC_LDR >> 4] = {0xff000000, 0, READ | XW},
    [APIC_DFR >> 4] = {0xf0000000, 0, XR | XW},
    [APIC_SVR >> 4] = {0x3ff, 0, READ | WRITE},
    BANK(APIC_ISR),
    BANK(APIC_TMR),
    BANK(APIC_IRR),
    [APIC_ESR >> 4] = {0, 0, READ | WRITE},
    [APIC_ICR_LOW >> 4] = {ICR_LOW_WRITABLE, APIC_ICR_PENDING, READ | WRITE},
    [APIC_ICR_HIGH >> 4] = {0xff000000, 0, XR | XW},
    [APIC_LVT_TIMER >> 4] = LVT(0x600ff, LVT_DELIVERY_STATUS),
    [APIC_LVT_THERMAL >> 4] = LVT(0x7ff, LVT_DELIVERY_STATUS),
    [APIC_LVT_PERFORMANCE >> 4] = LVT(0x7ff, LVT_DELIVERY_STATUS),
    [APIC_LVT_LINT0 >> 4] = LVT(0xa7ff, LVT_DELIVERY_STATUS | LVT_REMOTE_IRR),
    [APIC_LVT_LINT1 >> 4] = LVT(0xa7ff, LVT_DELIVERY_STATUS | LVT_REMOTE_IRR),
    [APIC_LVT_ERROR >> 4] = LVT(0xff, LVT_DELIVERY_STATUS),
    [APIC_TIMER_INITIAL >> 4] = {0xffffffff, 0, READ | WRITE},
    [APIC_TIMER_CURRENT >> 4] = {0, 0, READ},
    [APIC_TIMER_DIVIDE >> 4] = {0xb, 0, READ | WRITE},
    [APIC_SELF_IPI >> 4] = {0xff, 0, X2W},
};

static struct register_rule rule_of(const struct vlapic *apic, uint32_t offset) {
    struct register_rule rule = rules[(uint8_t)(offset >> 4)];

    if (offset == APIC_SVR && apic->broadcast_suppression)
        rule.writable |= APIC_SVR_SUPPRESS_EOI_BROADCAST;
    return rule;
}

/* ---- writes; value has only writable bits set ---- */

static void write_svr(struct vlapic *apic, uint32_t value) {
    vlapic_trace_register(apic, APIC_SVR, value);
    apic_page_write(apic->page, APIC_SVR, value);
    if (!(value & APIC_SVR_ENABLE)) {
        for (uint32_t lvt = APIC_LVT_TIMER; lvt <= APIC_LVT_ERROR; lvt += 0x10)
            apic_page_write(apic->page, lvt, apic_page_read(apic->page, lvt) | APIC_LVT_MASKED);
        apic->effects->timer_changed(apic->context, APIC_LVT_TIMER);
    }
    vlapic_update_identity(apic);
}

/* A software-disabled LAPIC keeps its LVT entries masked. */
static void write_lvt(struct vlapic *apic, uint32_t offset, uint32_t value) {
    if (!(apic_page_read(apic->page, APIC_SVR) & APIC_SVR_ENABLE))
        value |= APIC_LVT_MASKED;
    apic_page_write(apic->page, offset, value);
}

/* A change to or from TSC-deadline mode disarms the timer. SDM Vol. 3A, "TSC-Deadline Mode". */
static void write_lvt_timer(struct vlapic *apic, uint32_t value) {
    uint32_t mode = value & (APIC_LVT_TIMER_PERIODIC | APIC_LVT_TIMER_TSC_DEADLINE);

    write_lvt(apic, APIC_LVT_TIMER, value);
    if ((mode ^ apic->timer_mode) & APIC_LVT_TIMER_TSC_DEADLINE)
        apic_page_write(apic->page, APIC_TIMER_INITIAL, 0);
    apic->timer_mode = mode;
    apic->effects->timer_changed(apic->context, APIC_LVT_TIMER);
}

static void write_esr(struct vlapic *apic) {
    apic_page_write(apic->page, APIC_ESR, apic->errors);
    apic->errors = 0;
}

static void write_register(struct vlapic *apic, uint32_t offset, uint32_t value) {
    switch (offset) {
    case APIC_TPR:
        apic_page_write(apic->page, offset, value);
        vlapic_update_ppr(apic);
        break;
    case APIC_EOI:
        apic_page_write(apic->page, offset, 0);
        vlapic_eoi(apic);
        break;
    case APIC_DFR:
        value |= 0x0fffffff;
        /* fallthrough */
    case APIC_ID:
    case APIC_LDR:
        vlapic_trace_register(apic, offset, value);
        apic_page_write(apic->page, offset, value);
        vlapic_update_identity(apic);
        break;
    case APIC_SVR:
        write_svr(apic, value);
        break;
    case APIC_ESR:
        write_esr(apic);
        break;
    case APIC_ICR_LOW:
        apic_page_write(apic->page, offset, value);
        vlapic_send_icr(apic, value, apic_page_read(apic->page, APIC_ICR_HIGH) >> 24, false);
        break;
    case APIC_LVT_TIMER:
        write_lvt_timer(apic, value);
        break;
    case APIC_LVT_THERMAL:
    case APIC_LVT_PERFORMANCE:
    case APIC_LVT_LINT0:
    case APIC_LVT_LINT1:
    case APIC_LVT_ERROR:
        write_lvt(apic, offset, value);
        break;
    case APIC_TIMER_INITIAL: /* ignored in TSC-deadline mode */
        if (apic->timer_mode & APIC_LVT_TIMER_TSC_DEADLINE)
            value = 0;
        /* fallthrough */
    case APIC_TIMER_DIVIDE:
        apic_page_write(apic->page, offset, value);
        apic->effects->timer_changed(apic->context, offset);
        break;
    case APIC_SELF_IPI:
        vlapic_send_self(apic, (uint8_t)value);
        break;
    default: /* APIC_ICR_HIGH: no other register is writable */
        apic_page_write(apic->page, offset, value);
        break;
    }
}

static uint32_t read_register(struct vlapic *apic, uint32_t offset) {
    if (offset == APIC_TIMER_CURRENT)
        return apic->effects->timer_current(apic->context);
    if (offset == APIC_PPR) /* CR8 may have changed the TPR */
        vlapic_update_ppr(apic);
    return apic_page_read(apic->page, offset);
}

/* ---- xAPIC mode ---- */

uint32_t vlapic_read(struct vlapic *apic, uint32_t offset) {
    if (apic->identity.mode != APIC_MODE_XAPIC)
        return 0;
    if (offset > 0xff0 || (offset & 0xf) || !(rule_of(apic, offset).access & XR)) {
        vlapic_error(apic, APIC_ESR_ILLEGAL_REGISTER);
        return 0;
    }
    return read_register(apic, offset);
}

void vlapic_write(struct vlapic *apic, uint32_t offset, uint32_t value) {
    struct register_rule rule = rule_of(apic, offset);

    if (apic->identity.mode != APIC_MODE_XAPIC)
        return;
    if (offset <= 0xff0 && !(offset & 0xf) && (rule.access & XW))
        write_register(apic, offset, value & rule.writable);
    else if (offset > 0xff0 || (offset & 0xf) || !(rule.access & XR))
        vlapic_error(apic, APIC_ESR_ILLEGAL_REGISTER);
}

/* The processor virtualizes writes to some offsets at which this LAPIC has no register: the value
 * that it has stored there is cleared, since such an offset reads 0. In x2APIC mode only one write
 * causes this exit: a self-IPI with an illegal vector. SDM Vol. 3C, "Virtualizing MSR-Based APIC
 * Accesses". */
void vlapic_written(struct vlapic *apic, uint32_t offset) {
    uint32_t value = apic_page_read(apic->page, offset);

    if (!(rule_of(apic, offset & 0xff0).access & READ))
        apic_page_write(apic->page, offset, 0);
    if (apic->identity.mode == APIC_MODE_X2APIC && offset == APIC_SELF_IPI)
        vlapic_send_self(apic, (uint8_t)value);
    else
        vlapic_write(apic, offset, value);
}

/* ---- x2APIC mode ---- */

bool vlapic_read_msr(struct vlapic *apic, uint32_t msr, uint64_t *value) {
    uint32_t offset = (msr & 0xff) << 4;

    if (msr >> 8 != 8 || apic->identity.mode != APIC_MODE_X2APIC)
        return false;
    if (!(rule_of(apic, offset).access & X2R))
        return false;
    *value = read_register(apic, offset);
    if (offset == APIC_ICR_LOW)
        *value |= (uint64_t)apic_page_read(apic->page, APIC_ICR_LOW + 4) << 32;
    return true;
}

/* The only 64-bit register, and the one that guests write often. */
static bool write_icr(struct vlapic *apic, uint64_t value) {
    if ((uint32_t)value & ~(ICR_LOW_WRITABLE | (uint32_t)APIC_ICR_PENDING))
        return false;
    value &= ~APIC_ICR_PENDING;
    apic_page_write(apic->page, APIC_ICR_LOW, (uint32_t)value);
    apic_page_write(apic->page, APIC_ICR_LOW + 4, (uint32_t)(value >> 32));
    vlapic_send_icr(apic, (uint32_t)value, (uint32_t)(value >> 32), true);
    return true;
}

bool vlapic_write_msr(struct vlapic *apic, uint32_t msr, uint64_t value) {
    uint32_t offset = (msr & 0xff) << 4;

    if (apic->identity.mode != APIC_MODE_X2APIC)
        return false;
    if (msr == MSR_X2APIC_ICR)
        return write_icr(apic, value);
    if (msr >> 8 != 8)
        return false;
    struct register_rule rule = rule_of(apic, offset);
    if (!(rule.access & X2W) || (value & ~(uint64_t)(rule.writable | rule.ignored)))
        return false;
    write_register(apic, offset, (uint32_t)value & rule.writable);
    return true;
}
